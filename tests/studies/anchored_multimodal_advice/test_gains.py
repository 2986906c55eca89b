"""Predicted gains beside measured ones, on scores whose effects are known."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from labs.advice_report import PREDICTED, declared
from latentlab.evidence.verdicts import judge
from latentlab.experiment.figures import FigureContext
from latentlab.experiment.hypothesis_testing import with_skipped
from latentlab.studies.anchored_multimodal_advice.figures import FIGURES, plateaus
from latentlab.studies.anchored_multimodal_advice.gains import gains, gains_text

SEEDS = 10
EFFECTS = {
    "batch_size": -0.04,
    "epochs": 0.15,
    "text_encoder": 0.30,
    "latent_dim": 0.0,
    "schedule": 0.02,
    "pretrained_rate": 0.06,
    "head_hidden": 0.05,
    "together": 0.18,
}
"""True gains over `current`; `head_hidden` has .05 more than `latent_dim`."""


def verdicts_of(declaration, base=0.7):
    """Verdicts on scores with the effects above and a common shift of each seed."""
    rng = np.random.default_rng(0)
    shift = rng.normal(0, 0.05, SEEDS)
    scores, trials = [], []
    for arm, config in declaration.configs.items():
        for seed in range(SEEDS):
            name = f"{arm} {seed}"
            trials.append(
                {
                    "trial_id": name,
                    "arm": arm,
                    "seed": seed,
                    "status": "ok",
                    "started_at": datetime.datetime.now(datetime.UTC).isoformat(),
                    "config": config.model_dump(mode="json"),
                }
            )
            for metric in ("accuracy", "text_accuracy", "worst_group_accuracy"):
                value = base + shift[seed] + EFFECTS.get(arm, 0.0) + rng.normal(0, 1e-3)
                scores.append({"trial_id": name, "split": "test", "metric": metric, "value": value})
    table = judge(
        pd.DataFrame(scores),
        declaration.applicable,
        declaration.metric_table,
        pd.DataFrame(trials),
    )
    return with_skipped(table, declaration.hypotheses, declaration.not_applicable)


@pytest.fixture(scope="module")
def declaration():
    return declared()


@pytest.fixture(scope="module")
def verdicts(declaration):
    return verdicts_of(declaration)


@pytest.fixture(scope="module")
def table(declaration, verdicts):
    return gains(declaration.plan, verdicts, declaration.metric_table)


def row_of(table, change):
    return table[table["change"].str.startswith(change)].iloc[0]


def test_each_prediction_stands_beside_its_measured_effect(table):
    predicted = table[table["measured"] == "alone"].dropna(subset="predicted_low")
    assert len(predicted) == len(PREDICTED)
    assert np.isfinite(predicted[["effect", "low", "high"]].to_numpy()).all()
    for change, rule in (
        ("batch_size", "batch_size"),
        ("epochs", "epochs"),
        ("text_encoder", "text_encoder"),
        ("latent_dim", "latent_dim"),
        ("schedule", "schedule"),
        ("backbone_rate", "pretrained_rate"),
    ):
        row = row_of(predicted, change)
        assert (row["metric"], row["predicted_low"], row["predicted_high"]) == PREDICTED[rule]
        assert row["effect"] == pytest.approx(EFFECTS[rule], abs=2e-3)
        assert row["low"] < EFFECTS[rule] < row["high"]
        assert row["seeds"] == SEEDS


def test_remarks_say_how_both_compare(table):
    assert row_of(table, "batch_size")["remark"] == "interval below the predicted range"
    assert row_of(table, "latent_dim")["remark"] == "interval below the predicted range"
    assert "interval above the predicted range" in row_of(table, "text_encoder")["remark"]
    assert row_of(table, "epochs")["remark"] == "interval reaches the predicted range"
    assert row_of(table, "epochs")["verdict"] == "supported"
    assert row_of(table, "batch_size")["verdict"] == "refuted"
    # The control of the head is the wider latent space, not the current configuration.
    head = row_of(table, "head_hidden")
    assert head["effect"] == pytest.approx(0.05, abs=2e-3)
    assert head["remark"] == "interval above 0"
    assert np.isnan(head["predicted_low"])


def test_all_together_stands_beside_the_sum_of_those_alone(table):
    together = table[table["measured"] == "together"]
    assert together["advice"].tolist() == ["All against current", "All against current_groupdro"]
    row = together.iloc[0]
    assert row["effect"] == pytest.approx(0.18, abs=2e-3)
    overall = [(low, high) for metric, low, high in PREDICTED.values() if metric == "accuracy"]
    assert row["predicted_low"] == pytest.approx(sum(low for low, _ in overall))
    assert row["predicted_high"] == pytest.approx(sum(high for _, high in overall))
    alone = sum(EFFECTS[n] for n in EFFECTS if n not in {"text_encoder", "together"})
    total = float(row["remark"].rpartition(" ")[2])
    assert total == pytest.approx(alone, abs=5e-3)
    assert "leaves room" not in row["remark"]


def test_a_prediction_beyond_what_is_possible_is_called_so(declaration):
    high = gains(declaration.plan, verdicts_of(declaration, 0.97), declaration.metric_table)
    assert "current leaves room for +0.0" in row_of(high, "epochs")["remark"]


def test_what_is_not_measured_says_why():
    removed = declared(arms={"epochs": None})
    table = gains(removed.plan, verdicts_of(removed), removed.metric_table)
    row = row_of(table, "epochs")
    assert row["remark"].startswith("not measured: The arm epochs is not among")
    kept = declared(training={"batch_size": 64}, model={"pretrained": None})
    table = gains(kept.plan, verdicts_of(kept), kept.metric_table)
    reasons = table[table["change"] == "none"].set_index("advice")["remark"]
    assert "the configuration has it already" in reasons["Batch size"]
    assert "Nothing that trains is pretrained" in reasons["Learning rate of pretrained parts"]
    assert len(table.dropna(subset="predicted_low")) == len(PREDICTED) + 1


def test_the_printed_table_has_intervals(declaration, verdicts, table):
    printed = declaration.table(pd.DataFrame(), verdicts)
    pd.testing.assert_frame_equal(printed, gains_text(table))
    assert printed.columns[0] == "measured"
    first = printed[printed["change"].str.startswith("epochs")].iloc[0]
    assert first["predicted"] == "+0.10 to +0.20"
    low, high = first["effect"].partition("(")[2].rstrip(")").split(" to ")
    assert float(low) < 0.15 < float(high)
    assert printed[printed["change"].str.startswith("head")]["predicted"].item() == "none stated"


def test_plateaus_are_those_of_the_mean_curve():
    epochs = np.arange(1, 41)
    frames = [
        pd.DataFrame(
            {
                "arm": "epochs",
                "seed": seed,
                "epoch": epochs,
                "metric": "validation_cross_entropy",
                "value": np.exp(-epochs / 4) + seed,
            }
        )
        for seed in range(2)
    ]
    frames.append(frames[0].assign(arm="current", value=-epochs))
    frames.append(frames[0].assign(metric="validation_total"))
    found = plateaus(pd.concat(frames))
    assert found["current"] == (40, None)
    assert found["epochs"] == (40, pytest.approx(1 + 4 * np.log(50), abs=1))


def test_advice_is_prior_until_it_is_measured(declaration, verdicts):
    from latentlab.studies.anchored_multimodal_advice import STUDY

    def confidences(verdicts):
        context = FigureContext(STUDY, declaration, verdicts, pd.DataFrame(), pd.DataFrame(), {})
        return list(FIGURES["status"].draw(context).data[0].cells.values[-1])

    measured = confidences(verdicts)
    for one, confidence in zip(declaration.plan.advice, measured, strict=True):
        assert confidence == ("measured" if one.changes else "prior")
    assert set(confidences(verdicts.assign(effect=np.nan))) == {"prior"}


def test_every_figure_draws(declaration, verdicts):
    from latentlab.studies.anchored_multimodal_advice import STUDY

    history = pd.DataFrame(
        {
            "arm": "current",
            "seed": 0,
            "epoch": [1, 2],
            "metric": "validation_cross_entropy",
            "value": [2.0, 1.0],
        }
    )
    context = FigureContext(STUDY, declaration, verdicts, history, pd.DataFrame(), {})
    for spec in FIGURES.values():
        assert len(spec.draw(context).data) >= 1
