"""The study's figures and its table: that they hold the right numbers."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from latentlab.evidence.configurations import flatten
from latentlab.experiment.blocks import merged
from latentlab.experiment.figures import FigureContext
from latentlab.reporting import comparison_table
from latentlab.reporting.intervals import MeanInterval
from latentlab.studies.least_volume.axes import log_axis
from latentlab.studies.least_volume.comparison_figures import (
    frontier,
    norm_differences,
    norm_pairs,
    sensitivity,
    variations,
)
from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.failures import OUTCOMES, failure_table, outcome_counts
from latentlab.studies.least_volume.figures import FIGURES
from latentlab.studies.least_volume.metrics import METRICS
from latentlab.studies.least_volume.pruning_figures import (
    MOST_COLUMNS,
    active_over_training,
    outcome_map,
    pruned_by_epoch,
    pruning_timeline,
    spectrum,
)

SEEDS = range(3)
BASE = {
    "model": {"latent_dim": 8},
    "training": {"epochs": 6},
    "objective": {"pruning": {"start_epoch": 2}},
}


def pruning(**keys):
    return {"objective": {"pruning": keys}}


OPERATOR = {"model": {"spectral_norm": "operator"}}
ARMS = {
    "plain": pruning(policy="none"),
    "plummet": {},
    "plummet_sn": OPERATOR,
    "plummet_sn_10": {"model": {"spectral_norm": "operator", "lipschitz_bound": 10.0}},
    "lognorm": pruning(policy="lognorm"),
    "lognorm_sn": merged(pruning(policy="lognorm"), OPERATOR),
    "low": pruning(threshold=0.005),
    "high": pruning(threshold=0.2),
    "high_sn": merged(pruning(threshold=0.2), OPERATOR),
    "late <b>": pruning(start_epoch=4),
    "other": pruning(threshold=0.3, start_epoch=3),
}
CONFIGS = {
    arm: LeastVolumeConfig.model_validate(merged(BASE, block)) for arm, block in ARMS.items()
}
FLAT = {arm: flatten(config.model_dump(mode="json")) for arm, config in CONFIGS.items()}


def value_of(arm, seed, metric):
    """Scores with a pattern that a mistake in pairing would break."""
    place = list(ARMS).index(arm)
    if metric == "log_reconstruction_error":
        return -5 + 0.1 * place + 0.3 * seed + 0.01 * place * seed
    if metric == "reconstruction_error":
        return float(np.exp(value_of(arm, seed, "log_reconstruction_error")))
    if metric == "active_dimensions":
        return float((3 * place + seed) % 8)
    return float(metric in {"failed", "instability"} and arm == "high" and seed == 1)


NAMES = (
    "reconstruction_error",
    "log_reconstruction_error",
    "active_dimensions",
    "instability",
    "complete_pruning",
    "no_pruning",
    "failed",
)
COLUMNS = ["trial_id", "arm", "seed", "split", "metric", "value"]


def scores(diverged=()):
    rows = [
        (f"{arm}{seed}", arm, seed, "train", "training_seconds_share", 1.0)
        for arm in ARMS
        for seed in SEEDS
    ]
    rows += [
        # The validation split differs, so that a figure of the wrong split shows.
        (f"{arm}{seed}", arm, seed, split, name, value_of(arm, seed, name) + 9 * (split != "test"))
        for arm in ARMS
        for seed in SEEDS
        for split in ("validation", "test")
        for name in NAMES
        if (arm, seed) not in diverged
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def history(counts):
    """Active dimensions during each epoch, by arm and trial."""
    rows = [
        (f"{arm}{seed}", arm, seed, epoch, epoch, "train_active_dimensions", float(active))
        for arm, trials in counts.items()
        for seed, epochs in enumerate(trials)
        for epoch, active in enumerate(epochs, start=1)
    ]
    columns = ["trial_id", "arm", "seed", "epoch", "step", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def final(counts):
    rows = [
        (f"{arm}{seed}", arm, seed, "test", "active_dimensions", float(active))
        for arm, trials in counts.items()
        for seed, active in enumerate(trials)
        if active is not None
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_the_timeline_says_when_how_many_were_pruned():
    during = {"a": [[8, 8, 5, 5], [8, 6, 6, 6]], "b": [[8, 8], [8, 7, 7, 4]]}
    after = {"a": [4, 6], "b": [None, 8]}
    pruned = pruned_by_epoch(history(during), final(after), ["b", "a", "never trained"])
    # The first trial of b diverged in its third epoch; the weights that were kept of the second
    # are of an earlier epoch than the last.
    expected = [[0.5, 0, 1.5, 0], [1, 1.5, 0, 0.5], [0, 0, 0, 0]]
    np.testing.assert_allclose(pruned, expected)
    figure = pruning_timeline(pruned, ["b", "a", "<i>"])
    drawn = figure.data[0]
    np.testing.assert_allclose(10 ** np.nan_to_num(drawn.z, nan=-np.inf), expected)
    assert list(drawn.x) == [1, 2, 3, 4]
    assert list(drawn.y) == ["b", "a", "&lt;i&gt;"]


def test_long_timelines_share_columns_and_lose_nothing():
    pruned = np.zeros((1, 250))
    pruned[0, [0, 2, 3, 249]] = [1, 2, 4, 8]
    drawn = pruning_timeline(pruned, ["a"]).data[0]
    assert drawn.z.shape == (1, 84)
    assert drawn.z.shape[1] <= MOST_COLUMNS
    assert list(drawn.x[:3]) == [1, 4, 7]
    np.testing.assert_allclose(drawn.customdata[0, [0, 1, 2, 83]], [3, 4, 0, 8])


def test_active_dimensions_stand_with_their_policy():
    during = {"plain": [[8, 8], [8, 8]], "plummet": [[8, 4], [8, 2]], "lognorm": [[8, 7], [8, 7]]}
    policies = {"plain": "none", "plummet": "plummet", "lognorm": "lognorm"}
    figure = active_over_training(history(during), policies)
    assert [a.text for a in figure.layout.annotations] == ["none", "plummet", "lognorm"]
    lines = {trace.name: trace for trace in figure.data if "band" not in trace.name}
    assert list(lines["plummet"].y) == [8, 3]
    assert lines["plummet"].xaxis != lines["plain"].xaxis


def test_the_spectrum_marks_what_is_active():
    deviations = {"a": np.array([3.0, 1.0, 0.1, 0.0]), "b": np.array([2.0])}
    kept = {"a": np.array([True, False, True, False]), "b": np.array([True])}
    figure = spectrum(deviations, kept, ["lost", "a", "b"])
    active, gone = figure.data[:2]
    assert (list(active.x), list(active.y)) == ([1, 3], [3.0, 0.1])
    assert (list(gone.x), list(gone.y)) == ([2, 4], [1.0, 0.0])
    assert figure.layout.annotations[0].text == "a<br>2 active"
    assert figure.layout.yaxis.type == "log"
    # The arm that is not there keeps its colour for itself.
    found = {"lost": np.array([1.0])}
    both = spectrum(found | deviations, {"lost": kept["b"]} | kept, ["lost", "a", "b"])
    assert both.data[2].marker.color == active.marker.color != both.data[0].marker.color


def test_every_trial_has_one_outcome():
    table = outcome_counts(scores(diverged={("high", 0), ("low", 0), ("low", 1), ("low", 2)}))
    assert list(table.index) == list(ARMS)
    assert tuple(table) == OUTCOMES
    assert (table.sum(axis=1) == len(SEEDS)).all()
    assert dict(table.loc["high"][table.loc["high"] > 0]) == {
        "ok": 1,
        "instability": 1,
        "diverged": 1,
    }
    assert table.loc["low", "diverged"] == 3
    assert table.loc["plummet", "ok"] == 3
    drawn = outcome_map(table).data[0]
    row = list(drawn.y).index("high")
    np.testing.assert_allclose(drawn.z[row], [1 / 3, -1 / 3, 0, 0, -1 / 3])
    assert list(drawn.text[row]) == ["1", "1", "", "", "1"]


def test_the_table_from_the_comparison_alone():
    diverged = {("high", 0), ("low", 0), ("low", 1), ("low", 2)}
    measured = scores(diverged)
    trials = measured.drop_duplicates("trial_id")[["trial_id", "arm", "seed"]]
    status = [
        "diverged" if pair in diverged else "finished"
        for pair in zip(trials["arm"], trials["seed"], strict=True)
    ]
    trials = trials.assign(status=status)
    comparison = comparison_table(measured, METRICS, "plummet", trials=trials)
    table = failure_table(comparison, "beams").set_index("arm")
    counts = outcome_counts(measured)
    pd.testing.assert_frame_equal(
        table[list(OUTCOMES)], counts, check_names=False, check_dtype=False
    )
    assert (table["trials"] == len(SEEDS)).all()
    assert set(table["problem"]) == {"beams"}
    # Clopper and Pearson's interval of two of three.
    low, high = beta.ppf(0.025, 2, 2), beta.ppf(0.975, 3, 1)
    assert table.loc["high", "failed"] == f"0.67 [{low:.2f}, {high:.2f}]"
    assert table.loc["plummet", "failed"].startswith("0.00 [0.00,")
    assert failure_table(comparison.head(0), "beams").empty


def test_arms_that_differ_in_one_parameter_alone():
    assert variations(FLAT, "objective.pruning.threshold") == {
        "plummet": {0.005: "low", 0.02: "plummet", 0.2: "high"},
        "plummet_sn": {0.02: "plummet_sn", 0.2: "high_sn"},
    }
    assert variations(FLAT, "objective.pruning.start_epoch") == {
        "plummet": {2: "plummet", 4: "late <b>"}
    }
    assert variations(FLAT, "objective.volume_weight") == {}


def test_sensitivity_draws_means_and_intervals_at_the_values():
    figure = sensitivity(scores(), FLAT)
    titles = {axis.title.text for axis in figure.select_xaxes()}
    assert titles == {"threshold", "start_epoch", "lipschitz_bound"}
    error, dimensions = (
        next(t for t in figure.data if t.name == "plummet" and t.xaxis == axis)
        for axis in ("x", "x2")
    )
    arms = ["low", "plummet", "high"]
    assert list(error.x) == [0.005, 0.02, 0.2]
    for place, arm in enumerate(arms):
        logs = [value_of(arm, seed, "log_reconstruction_error") for seed in SEEDS]
        expected = MeanInterval.of(logs)
        assert error.y[place] == pytest.approx(np.exp(expected.mean))
        top = error.y[place] + error.error_y.array[place]
        bottom = error.y[place] - error.error_y.arrayminus[place]
        assert (bottom, top) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))
        counts = [value_of(arm, seed, "active_dimensions") for seed in SEEDS]
        assert dimensions.y[place] == pytest.approx(np.mean(counts))
    assert [a.type for a in list(figure.select_xaxes())[::2]] == ["log", "linear", "log"]
    assert sum(t.showlegend for t in figure.data if t.name == "plummet") == 1
    lone = {"plummet": FLAT["plummet"]}
    assert not sensitivity(scores(), lone).data


def test_pairs_differ_in_the_spectral_norm_alone():
    assert norm_pairs(FLAT) == [
        ("plummet_sn", "plummet"),
        ("plummet_sn_10", "plummet"),
        ("high_sn", "high"),
        ("lognorm_sn", "lognorm"),
    ]
    figure = norm_differences(scores(diverged={("high", 0)}), FLAT)
    policies = {trace.name for trace in figure.data}
    assert policies == {"plummet", "lognorm"}
    error = next(t for t in figure.data if t.name == "plummet" and t.xaxis == "x")
    assert list(error.y) == [0, 1, 2]
    for row, (treated, plain) in enumerate(norm_pairs(FLAT)[:3]):
        seeds = [seed for seed in SEEDS if plain != "high" or seed]
        differences = [
            value_of(treated, seed, "log_reconstruction_error")
            - value_of(plain, seed, "log_reconstruction_error")
            for seed in seeds
        ]
        expected = MeanInterval.of(differences)
        assert error.x[row] == pytest.approx(expected.mean)
        assert error.error_x.array[row] == pytest.approx(expected.high - expected.mean)
        assert error.customdata[row][2] == len(seeds)
    failed = next(t for t in figure.data if t.name == "plummet" and t.xaxis == "x3")
    np.testing.assert_allclose(failed.x, [0, 0, -0.5])
    assert not norm_differences(scores(), {"plummet": FLAT["plummet"]}).data


def test_the_frontier_has_every_trial_open_where_it_failed():
    figure = frontier(scores(diverged={("low", 2)}), list(ARMS))
    points = {t.name: t for t in figure.data if t.showlegend is False}
    assert list(points["high"].marker.symbol) == ["star", "star-open", "star"]
    assert list(points["high"].x) == [value_of("high", seed, "active_dimensions") for seed in SEEDS]
    np.testing.assert_allclose(
        points["high"].y, [value_of("high", seed, "reconstruction_error") for seed in SEEDS]
    )
    assert len(points["low"].x) == 2
    mean = next(t for t in figure.data if t.name == "high" and t.showlegend is None)
    logs = [value_of("high", seed, "log_reconstruction_error") for seed in SEEDS]
    assert mean.y[0] == pytest.approx(np.exp(np.mean(logs)))
    assert figure.layout.yaxis.type == "log"


@pytest.mark.parametrize(
    "values", [[1e-4, 3.0], [0.0041, 0.0068], [0.0099, 0.0101], [1, 1], [5e-9, 2e9], [0.02, 0.9]]
)
def test_log_axes_have_some_ticks_and_not_too_many(values):
    axis = log_axis([*values, 0, np.nan, np.inf])
    low, high = axis["range"]
    assert low < np.log10(min(values)) <= np.log10(max(values)) < high
    ticks = np.log10(axis["tickvals"])
    assert 2 <= len(ticks) <= 8
    assert (np.diff([low - 1e-9, *ticks, high + 1e-9]) > 0).all()
    assert [float(text) for text in axis["ticktext"]] == pytest.approx(axis["tickvals"])


def test_an_axis_without_a_positive_number():
    assert log_axis([0.0, -1.0, np.nan]) == {"type": "log"}


def context(arms=ARMS, diverged=()):
    configs = {arm: CONFIGS[arm] for arm in arms}
    during = {arm: [[8, 8, 6, 5] for _ in SEEDS] for arm in arms}
    table = scores(diverged)
    arrays = {}
    for arm in arms:
        if (arm, 0) not in diverged:
            arrays[f"deviations/{arm}"] = np.geomspace(1, 0.01, 8)
            arrays[f"kept/{arm}"] = np.arange(8) < 4
    declaration = SimpleNamespace(configs=configs)
    chosen = table[table["arm"].isin(configs)]
    return FigureContext(None, declaration, pd.DataFrame(), history(during), chosen, arrays)


def texts(part):
    """All text that plotly would show, in which a name must not act as markup."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for key, value in part.items():
            if key not in {"legendgroup", "template"}:
                yield from texts(value)
    elif isinstance(part, (list, tuple, np.ndarray)):
        for value in part:
            yield from texts(value)


@pytest.mark.parametrize("arms", [tuple(ARMS), ("plummet",)])
@pytest.mark.parametrize("diverged", [(), {("plummet", 0)}, {("plummet", s) for s in SEEDS}])
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_drawn_of_whatever_was_run(name, arms, diverged):
    figure = FIGURES[name].draw(context(arms, diverged))
    assert figure.layout.height > 0
    assert not [text for text in texts(figure.to_plotly_json()) if "<b>" in text]
