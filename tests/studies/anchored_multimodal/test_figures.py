"""The study's figures: that they hold the right numbers, and nothing where there are none."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from latentlab.data.image_text_layout import GROUPS, TEXT, VISUAL
from latentlab.experiment.figures import FigureContext
from latentlab.reporting.figures.template import arm_styles
from latentlab.reporting.intervals import MeanInterval
from latentlab.studies.anchored_multimodal import STUDY
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.figures import FIGURES

OBJECTIVES = {
    "baseline": {},
    "dro <b>": {"groups": {"objective": "weighted"}},
    "max": {"groups": {"objective": "max"}},
    "no_anchors": {"fit_weight": 0, "separation_weight": 0},
    "balanced": {"groups": {"objective": "weighted", "eta": 0}},
}
ARMS = list(OBJECTIVES)
CONFIGS = {
    arm: AnchoredMultimodalConfig.model_validate({"objective": block})
    for arm, block in OBJECTIVES.items()
}
CLASSES = ["cat", "dog", "cow <i>"]
COUNT = 300


def accuracy(arm, group, seed):
    return 0.3 + 0.07 * ARMS.index(arm) + 0.11 * group + 0.01 * seed * (1 + ARMS.index(arm) * group)


def weight(arm, seed, epoch):
    return 0.5 - 0.01 * ARMS.index(arm) * epoch + 0.002 * seed * epoch


def make_scores():
    rows = [
        (f"{arm}{seed}", arm, seed, split, f"{name}_accuracy", accuracy(arm, group, seed) - off)
        for arm in ARMS
        for seed in range(3)
        for group, name in enumerate(GROUPS)
        for split, off in (("validation", 0.2), ("test", 0.0))
    ]
    return pd.DataFrame(rows, columns=["trial_id", "arm", "seed", "split", "metric", "value"])


def make_history():
    rows = [
        (f"{arm}{seed}", arm, seed, epoch, 10 * epoch, metric, weight(arm, seed, epoch) + off)
        for arm in ARMS
        for seed in range(3)
        for epoch in (1, 2, 3)
        for metric, off in (
            ("train_group_weight_visual", 0),
            ("validation_group_weight_visual", 0.1),
        )
    ]
    names = ["trial_id", "arm", "seed", "epoch", "step", "metric", "value"]
    return pd.DataFrame(rows, columns=names)


def make_arrays():
    rng = np.random.default_rng(0)
    arrays = {"labels": rng.integers(0, 3, COUNT), "classes": np.array(CLASSES)}
    for arm in ARMS:
        arrays[f"latent/{arm}"] = rng.standard_normal((COUNT, 2))
        arrays[f"predicted/{arm}"] = rng.integers(0, 3, COUNT)
        arrays[f"group/{arm}"] = np.arange(COUNT) % 2
        if arm != "no_anchors":
            table = rng.uniform(0.5, 1 + ARMS.index(arm), (3, 3))
            arrays[f"anchor_distances/{arm}"] = (table + table.T) * (1 - np.eye(3))
    return arrays


def context(**changes):
    parts = {
        "study": STUDY,
        "declaration": SimpleNamespace(configs=CONFIGS),
        "verdicts": None,
        "history": make_history(),
        "scores": make_scores(),
        "arrays": make_arrays(),
    }
    return FigureContext(**(parts | changes))


def draw(name, **changes):
    return FIGURES[name].draw(context(**changes))


def test_the_study_names_all_of_them():
    assert set(FIGURES) <= set(STUDY.figures)


def test_accuracies_of_each_group_with_their_intervals():
    figure = draw("group_accuracies")
    means = [trace for trace in figure.data if trace.error_x.array is not None]
    seeds = [trace for trace in figure.data if trace.customdata is not None]
    assert len(means) == len(seeds) == 2 * len(ARMS)
    expected = [(group, arm) for group in (VISUAL, TEXT) for arm in ARMS]
    symbols = set()
    for (group, arm), mean, points in zip(expected, means, seeds, strict=True):
        own = [accuracy(arm, group, seed) for seed in range(3)]
        interval = MeanInterval.of(own)
        np.testing.assert_allclose(points.x, own)
        assert mean.x[0] == pytest.approx(interval.mean)
        assert mean.x[0] + mean.error_x.array[0] == pytest.approx(interval.high)
        assert mean.x[0] - mean.error_x.arrayminus[0] == pytest.approx(interval.low)
        place = ARMS.index(arm)
        assert mean.y[0] == points.y[0] == pytest.approx(place + (0.17 if group else -0.17))
        assert mean.marker.color == arm_styles(ARMS)[arm]["colour"]
        symbols.add((group, mean.marker.symbol))
    assert len(symbols) == 2
    legend = {trace.name: trace.marker.symbol for trace in figure.data if trace.name in GROUPS}
    assert legend == {GROUPS[group]: symbol for group, symbol in symbols}
    assert figure.layout.yaxis.ticktext[1] == "dro &lt;b&gt;"


def test_one_seed_has_no_interval_and_a_diverged_arm_no_points():
    scores = make_scores()
    few = scores[(scores["seed"] == 0) & (scores["arm"] != "max")]
    figure = draw("group_accuracies", scores=few)
    means = [trace for trace in figure.data if trace.error_x.array is not None]
    assert len(means) == 2 * (len(ARMS) - 1)
    assert np.isnan([trace.error_x.array for trace in means]).all()
    # The others keep their rows.
    assert {round(float(trace.y[0])) for trace in means} == {0, 1, 3, 4}


def test_weights_of_arms_that_weigh_groups():
    figure = draw("group_weights")
    curves = {
        trace.name: trace for trace in figure.data if trace.mode == "lines" and trace.fill is None
    }
    assert set(curves) == {"dro &lt;b&gt;", "balanced"}
    for arm, name in (("dro <b>", "dro &lt;b&gt;"), ("balanced", "balanced")):
        means = [np.mean([weight(arm, seed, epoch) for seed in range(3)]) for epoch in (1, 2, 3)]
        np.testing.assert_allclose(curves[name].y, means)
        assert curves[name].line.color == arm_styles(ARMS)[arm]["colour"]
        low, high, count = np.array(curves[name].customdata)[2]
        interval = MeanInterval.of([weight(arm, seed, 3) for seed in range(3)])
        assert (low, high, count) == pytest.approx((interval.low, interval.high, 3))
    assert figure.layout.shapes[0].y0 == 0.5
    plain = SimpleNamespace(configs={"baseline": CONFIGS["baseline"]})
    assert not draw("group_weights", declaration=plain).data


def test_distances_of_the_first_arms_that_have_anchors():
    arrays = make_arrays()
    figure = draw("anchor_distances", arrays=arrays)
    shown = ("baseline", "dro <b>", "max")
    assert len(figure.data) == len(shown)
    largest = 0
    for trace, title, arm in zip(figure.data, figure.layout.annotations, shown, strict=True):
        table = arrays[f"anchor_distances/{arm}"]
        z = np.array(trace.z, float)
        assert np.isnan(np.diag(z)).all()
        apart = ~np.eye(3, dtype=bool)
        np.testing.assert_allclose(z[apart], table[apart])
        assert list(trace.x) == list(trace.y) == ["cat", "dog", "cow &lt;i&gt;"]
        assert f"mean {table[apart].mean():.4g}"[:8] in title.text
        assert f"nearest {table[apart].min():.4g}"[:11] in title.text
        largest = max(largest, table.max())
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, largest)
    assert figure.layout.annotations[1].text.startswith("dro &lt;b&gt;<br>")
    arrays = {n: a for n, a in arrays.items() if not n.startswith("anchor_distances")}
    assert not draw("anchor_distances", arrays=arrays).data


def test_confusions_of_each_group():
    arrays = make_arrays()
    figure = draw("group_confusions", arrays=arrays)
    titles = [title.text for title in figure.layout.annotations]
    assert titles[:3] == ["baseline, visual", "baseline, text", "dro &lt;b&gt;, visual"]
    assert len(figure.data) == 6
    places = [(arm, group) for arm in ARMS[:3] for group in (VISUAL, TEXT)]
    for trace, (arm, group) in zip(figure.data, places, strict=True):
        own = arrays[f"group/{arm}"] == group
        truth, named = arrays["labels"][own], arrays[f"predicted/{arm}"][own]
        counts = [[((truth == i) & (named == j)).sum() for j in range(3)] for i in range(3)]
        assert np.array_equal(trace.customdata, counts)
        np.testing.assert_allclose(np.sum(trace.z, axis=1), 1)
    bare = {name: arrays[name] for name in ("labels", "classes")}
    assert not draw("group_confusions", arrays=bare).data


def test_latents_by_class_and_group():
    arrays = make_arrays()
    figure = draw("latents_by_group", arrays=arrays)
    names = [trace.name for trace in figure.data]
    assert names == 3 * ["cat", "dog", "cow &lt;i&gt;"] + ["visual", "text"]
    legend = {trace.name: trace.marker.symbol for trace in figure.data[-2:]}
    for trace, arm, label in zip(figure.data, np.repeat(ARMS[:3], 3), 3 * [0, 1, 2], strict=False):
        own = arrays["labels"] == label
        np.testing.assert_array_equal(trace.x, arrays[f"latent/{arm}"][own, 0])
        groups = [GROUPS[g] for g in arrays[f"group/{arm}"][own]]
        assert list(trace.marker.symbol) == [legend[group] for group in groups]
    # The same symbols as for accuracies.
    others = draw("group_accuracies").data
    assert legend == {trace.name: trace.marker.symbol for trace in others if trace.name in GROUPS}
    bare = {name: arrays[name] for name in ("labels", "classes")}
    assert not draw("latents_by_group", arrays=bare).data
