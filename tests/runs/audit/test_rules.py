"""Figures of the rules, against enumeration, other libraries, and a report that is known."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.outliers_influence import variance_inflation_factor

from labs.flawed_runs import configurations, never
from latentlab.core.errors import UserError
from latentlab.metrics.metric import Metric
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.copies import twice_findings
from latentlab.runs.audit.hidden_factors import _gap_limit, _widest_gap
from latentlab.runs.audit.losses import lost_findings
from latentlab.runs.audit.registry import audit
from latentlab.runs.audit.replicates import best_findings
from latentlab.runs.audit.settings import clean_pairs, collinear_findings, confounded_findings
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.search.auditing import audit_source

REPORT = Path(__file__).parent / "report_000.csv"


def audited(settings: pd.DataFrame, scores: dict[str, np.ndarray], **more: object) -> Audited:
    n = len(settings)
    return Audited(
        name="runs",
        rows=[str(k + 1) for k in range(n)],
        settings=settings.reset_index(drop=True),
        recorded=pd.DataFrame(index=range(n)),
        scores=pd.DataFrame(scores, index=range(n)),
        metrics={name: Metric(name, "higher", "", "") for name in scores},
        states=np.full(n, "complete", dtype=object),
        **more,
    )


def drawn(n: int = 40, repeats: int = 2, seed: int = 0) -> Audited:
    table = configurations(np.random.default_rng(seed), n, repeats)
    return audited(table.drop(columns="test_acc"), {"acc": table["test_acc"].to_numpy()})


def test_the_report_of_37_runs() -> None:
    chosen = EvidenceSettings(
        source=str(REPORT), metric=["NMI", "R2", "Active", "ELBO"], better="higher"
    )
    found = audit_source(chosen, Path("/"), never).findings.set_index("rule")
    noise = found.loc["D04"]
    assert "NMI 0.009661 on 5 degrees of freedom" in noise[noise["about"] == ""]["text"].item()
    lead = noise[noise["about"] == "NMI"]
    assert lead["rows"].item() == "37"
    assert "leads the next by 0.01000, inside the noise" in lead["text"].item()
    assert "67 of 666 pairs" in found.loc["D07", "text"]
    assert found.loc["D08", "rows"] == "1, 3, 7, 8, 9, 10, 12, 14"
    assert "Steps, KL-Warmup" in set(found.loc["D09", "about"])
    # Near-replicates whose rounded scores agree are replicates, and none is dropped.
    assert "D18" not in found.index


def test_a_lost_run_is_told_by_the_score_that_it_lacks() -> None:
    runs = drawn()
    n = len(runs.rows)
    loss, acc = np.ones(n), np.ones(n)
    acc[3] = np.nan
    states = runs.states.copy()
    states[3] = "failed"
    scores = pd.DataFrame({"train/loss": loss, "test/acc": acc})
    (found,) = lost_findings(replace(runs, scores=scores, states=states))
    assert (found.about, found.rows) == ("test/acc", "4")
    assert found.text == f"1 of {n} runs have no test/acc: what is left is a selection."
    (found,) = lost_findings(replace(runs, scores=scores[["train/loss"]], states=states))
    assert f"1 of {n} runs did not finish" in found.text


@pytest.mark.parametrize("seed", range(5))
def test_clean_pairs_are_those_of_an_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.integers(0, 3, 25).astype(str) for name in "abcd"})
    rows = table.to_numpy()
    differing = [int((x != y).sum()) for x, y in itertools.combinations(rows, 2)]
    assert clean_pairs(audited(table, {})) == (differing.count(1), len(differing))


def test_variance_inflation_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(2)
    parts = pd.DataFrame(rng.normal(size=(80, 3)), columns=list("abc"))
    parts["d"] = parts.sum(axis=1) + 0.1 * rng.normal(size=80)
    (finding,) = collinear_findings(audited(parts, {}))
    ranks = sm.add_constant(parts.rank())
    factors = [variance_inflation_factor(ranks.to_numpy(), k) for k in range(1, 5)]
    named = parts.columns.get_loc(finding.about)
    assert f"(variance inflation {factors[named]:.0f})" in finding.text


def test_a_setting_that_exists_under_one_choice_only_is_not_collinear_with_it() -> None:
    rng = np.random.default_rng(3)
    encoder = rng.choice(["cnn", "mlp"], 40)
    depth = np.where(encoder == "cnn", rng.integers(1, 5, 40), np.nan)
    table = pd.DataFrame({"encoder": encoder, "depth": depth})
    assert list(collinear_findings(audited(table, {}))) == []


def test_the_best_of_many_looks_as_much_too_good_as_is_said() -> None:
    rng = np.random.default_rng(0)
    settings = pd.DataFrame({"lr": np.repeat(np.arange(40.0), 2)})
    excess, said = [], []
    for _ in range(200):
        truth = np.repeat(0.01 * rng.normal(size=40), 2)
        values = truth + 0.02 * rng.normal(size=80)
        means = values.reshape(40, 2).mean(axis=1)
        excess.append(means.max() - truth[::2][means.argmax()])
        for finding in best_findings(audited(settings, {"acc": values})):
            said.append(float(finding.text.partition("looks some ")[2].split()[0]))
    assert len(said) > 150
    assert np.mean(said) == pytest.approx(np.mean(excess), rel=0.1)


@pytest.mark.parametrize("noise", ["normal", "exponential", "uniform"])
def test_noise_has_two_clusters_as_rarely_as_stated(noise: str) -> None:
    rng = np.random.default_rng(0)
    draws = np.sort(getattr(rng, noise)(size=(4000, 12)), axis=1)
    assert np.mean(_widest_gap(draws)[1] > _gap_limit(12, 0.01)) < 0.015


def test_rounded_values_that_agree_are_no_copies_and_exact_ones_are() -> None:
    rng = np.random.default_rng(0)
    settings = pd.DataFrame({"model": np.repeat(["a", "b"], 6)})
    exact = rng.normal(0.8, 0.02, 12)
    exact[4] = exact[1]
    (copies,) = twice_findings(audited(settings, {"acc": exact}))
    assert (copies.severity, copies.rows) == ("error", "2, 5")
    (rounded,) = twice_findings(audited(settings, {"acc": np.round(exact, 2)}))
    assert rounded.severity == "note"
    assert "cannot be told" in rounded.text


def test_a_constant_arm_is_no_copy() -> None:
    settings = pd.DataFrame({"model": np.repeat(["constant", "trained"], 5)})
    values = np.r_[np.full(5, 0.1), np.random.default_rng(0).normal(size=5)]
    (note,) = twice_findings(audited(settings, {"acc": values}))
    assert (note.severity, note.rows) == ("note", "1, 2, 3, 4, 5")


def test_rules_that_cannot_be_asked_say_why() -> None:
    said = audit(audited(pd.DataFrame({"lr": [1.0, 2.0, 3.0]}), {"acc": np.arange(3.0)})).not_asked
    assert said["D04"] == "no configuration is repeated"
    assert said["D10"] == "nothing was judged"
    assert "D23" not in said


def test_nothing_that_is_odd_stops_the_audit() -> None:
    n = 4
    settings = pd.DataFrame({"a": [None] * n, "b": ["x", None, "x", "y"], "c": [np.nan, 1, 1, 2]})
    for values in (np.full(n, np.nan), np.full(n, 0.5), np.array([np.inf, 1, 1, 1])):
        audit(audited(settings, {"acc": values, "test_seconds": values}))
    audit(audited(settings.iloc[:1], {"acc": np.ones(1)}, seeds=np.zeros(1, dtype=np.int64)))


def test_without_arms_it_says_so_and_a_wrong_name_is_one_line(tmp_path) -> None:
    table = configurations(np.random.default_rng(0), 20)
    table.to_csv(tmp_path / "runs.csv", index=False)
    said = audit_source(EvidenceSettings(source="runs.csv"), tmp_path, never).said
    assert any("Audited without arms" in sentence for sentence in said)
    assert "Settings that vary: lr, depth, dropout, activation." in said
    with pytest.raises(UserError, match="there is no column modle"):
        audit_source(EvidenceSettings(source="runs.csv", arm=["modle"]), tmp_path, never)


def test_arms_that_differ_elsewhere_are_told_with_the_runs_that_would_answer() -> None:
    settings = pd.DataFrame(
        {
            "model": np.repeat(["control", "new"], 12),
            "depth": np.r_[np.tile([1.0, 2.0], 6), np.repeat([1.0, 3.0], [1, 11])],
        }
    )
    runs = audited(
        settings,
        {"acc": np.arange(24.0)},
        arms=settings["model"].to_numpy(dtype=object),
        arm_columns=("model",),
        control="control",
    )
    pairs, confounded = confounded_findings(runs)
    assert pairs.severity == "note"
    assert "new and control differ in depth too" in confounded.text
    assert confounded.rows == "1, 3, 5, 7, 9, 11, 13"
