from __future__ import annotations

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from labs.reporting_study import (
    ARMS,
    METRICS,
    make_history,
    make_latents,
    make_pictures,
    make_scores,
    make_trials,
    make_verdicts,
)
from latentlab.reporting.figures import (
    arm_styles,
    confusion_matrices,
    critical_difference,
    example_mosaic,
    forest_plot,
    latent_marginals,
    latent_scatter,
    learning_curves,
    reconstruction_grid,
    strip_plot,
)
from latentlab.reporting.figures.curves import mean_curve
from latentlab.reporting.figures.pictures import mosaic


def traces(figure: go.Figure, name: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.name == name]


def test_an_arm_keeps_its_colour_and_arms_differ_beyond_colour() -> None:
    styles = arm_styles(ARMS)
    assert styles == {**arm_styles(ARMS[:3]), **{a: styles[a] for a in ARMS[3:]}}
    many = arm_styles([f"arm{i}" for i in range(100)])
    assert len({tuple(style.values()) for style in many.values()}) == 100


def test_curves_show_the_mean_and_the_band_of_every_arm() -> None:
    history = make_history()
    figure = learning_curves(history, ["loss"])
    (line,) = traces(figure, "derp_vae_5")
    chosen = history[(history["metric"] == "loss") & (history["arm"] == "derp_vae_5")]
    np.testing.assert_allclose(line.y, chosen.groupby("epoch")["value"].mean())
    assert line.customdata[:, 2].tolist() == [10] * 30
    assert len(traces(figure, "derp_vae_5, band")) == 1


def test_n_falls_where_a_trial_diverged() -> None:
    (line,) = traces(learning_curves(make_history(), ["loss"]), "beta_vae_2")
    assert line.customdata[:, 2].tolist() == [10] * 9 + [9] * 21


def test_mean_ranks_stand_best_first_with_half_of_the_critical_difference() -> None:
    """Demsar's example (2006): the critical difference of four arms over 14 problems is 1.25."""
    ranks = {"C4.5": 3.143, "with m": 2.0, "with cf": 2.893, "with both": 1.964}
    row = {"metric": "auc", "mean_ranks": json.dumps(ranks)}
    figure = critical_difference(row | {"interval_low": -0.07, "interval_high": 2.43})
    assert [trace.name for trace in figure.data] == ["with both", "with m", "with cf", "C4.5"]
    assert [trace.x[0] for trace in figure.data] == sorted(ranks.values())
    assert figure.data[0].error_x.array[0] == pytest.approx(1.25 / 2)


def test_one_seed_draws_a_line_and_no_band() -> None:
    history = make_history()
    figure = learning_curves(history[history["seed"] == 101], ["loss"])
    assert len(figure.data) == len(ARMS)
    assert all(trace.customdata[:, 2].max() == 1 for trace in figure.data)
    assert all("[%" not in trace.hovertemplate for trace in figure.data)


def test_the_last_step_of_an_epoch_stands_for_it_and_gaps_are_left_out() -> None:
    history = make_history().query("arm == 'derp_vae_3' and metric == 'kl'")
    early = history.assign(step=history["step"] - 50, value=-1e9)
    broken = history.assign(epoch=99, value=np.nan)
    found = mean_curve(pd.concat([history, early, broken]))
    pd.testing.assert_frame_equal(found, mean_curve(history))


def test_the_forest_has_a_row_per_effect_and_names_the_rest() -> None:
    figure = forest_plot(make_verdicts())
    text = " ".join(annotation.text for annotation in figure.layout.annotations)
    assert all(name in text for name in make_verdicts()["hypothesis"])
    assert "no effect: H9_celeba (not run)" in text
    assert "every row has its own scale" in text
    (point,) = traces(figure, "H2_accuracy_kept")
    assert list(point.x) == [-0.0011]
    assert "unadjusted 90 % interval" in point.hovertemplate
    in_row = [t for t in figure.data if t.yaxis == point.yaxis and t.name == "boundary"]
    assert [list(t.x) for t in in_row] == [[-0.01, -0.01]]


def test_an_open_end_runs_to_the_edge_of_its_row() -> None:
    figure = forest_plot(make_verdicts().query("hypothesis == 'H7_beta_collapses'"))
    (interval,) = traces(figure, "interval")
    assert tuple(interval.x) == (1.2, figure.layout.xaxis.range[1])


def test_a_forest_without_effects_is_no_error() -> None:
    text = forest_plot(make_verdicts().tail(1)).layout.annotations[-1].text
    assert "no effect: H9_celeba" in text


def test_strips_join_seeds_and_leave_diverged_trials_out() -> None:
    figure = strip_plot(make_scores(), METRICS[0], trials=make_trials())
    assert [len(traces(figure, arm)[0].x) for arm in ARMS] == [10, 10, 9, 10, 10, 9]
    assert len(traces(figure, "interval")) == 6
    (pairs,) = traces(figure, "same seed")
    assert len(pairs.x) == 10 * (len(ARMS) + 1)
    assert "n = 9" in figure.layout.yaxis.ticktext[2]
    assert figure.layout.xaxis.title.text == "kl (nats per example, lower is better)"


def test_a_strip_of_one_seed_says_n_is_one_and_draws_no_interval() -> None:
    scores = make_scores()
    figure = strip_plot(scores[scores["seed"] == 101], METRICS[0])
    assert traces(figure, "interval") == []
    assert all("n = 1" in text for text in figure.layout.yaxis.ticktext)


def test_reconstructions_stand_below_the_originals() -> None:
    originals, made = make_pictures()
    figure = reconstruction_grid(originals, made, count=5)
    assert list(figure.layout.yaxis.ticktext) == ["original", *ARMS]
    assert figure.data[0].source.startswith("data:image/png;base64,")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_mosaic_puts_each_picture_in_its_place(channels: int) -> None:
    images = np.random.default_rng(0).random((3, channels, 8, 8))
    images[0, 0, 0, 0] = np.nan
    picture = np.asarray(mosaic([images[:2], images[2:]]))
    assert picture.shape == (2 * 64 + 4, 2 * 64 + 4, 4)
    expected = np.round(np.clip(images[2, 0, 3, 5], 0, 1) * 255)
    assert picture[64 + 4 + 3 * 8 + 1, 5 * 8 + 1, 0] == expected
    assert picture[0, 0, 0] == 0
    assert picture[-1, -1, 3] == 0  # no fourth picture: transparent


def test_a_data_card_shows_the_first_examples() -> None:
    assert example_mosaic(make_pictures()[0], count=24, columns=12).size[0] > 12 * 64


def test_latent_codes_have_a_panel_per_arm_and_a_colour_per_label() -> None:
    latents, labels = make_latents()
    figure = latent_scatter(latents, labels, max_points=300)
    assert len(figure.data) == len(ARMS) * 10
    assert sum(len(t.x) for t in figure.data[:10]) == 300
    assert sum(bool(t.showlegend) for t in figure.data) == 10
    assert "% of var." in figure.layout.annotations[0].text


def test_names_stand_for_labels_and_symbols_for_groups() -> None:
    codes = np.random.default_rng(3).normal(size=(60, 2))
    labels, odd = np.arange(60) % 3, np.arange(60) % 2 == 1
    groups = {"seen": odd, "read <b>": ~odd}
    figure = latent_scatter({"a": codes}, labels, names=["x", "y", "z <i>"], groups=groups)
    shown = {trace.name: trace for trace in figure.data}
    assert list(shown) == ["x", "y", "z &lt;i&gt;", "seen", "read &lt;b&gt;"]
    np.testing.assert_array_equal(shown["y"].x, codes[1::3, 0])
    symbol_of = {name: shown[name].marker.symbol for name in ("seen", "read &lt;b&gt;")}
    assert len(set(symbol_of.values())) == 2
    expected = [symbol_of["seen" if k % 2 else "read &lt;b&gt;"] for k in range(1, 60, 3)]
    assert list(shown["y"].marker.symbol) == expected
    many = latent_scatter({"a": codes}, np.arange(60), names=list("xyz"), groups=groups)
    assert list(many.data[0].marker.symbol)[:2] == [symbol_of["read &lt;b&gt;"], symbol_of["seen"]]
    assert [bool(trace.showlegend is False) for trace in many.data] == [True, False, False]


def test_confusions_are_shares_of_rows() -> None:
    table = np.array([[3, 1], [0, 0]])
    figure = confusion_matrices({"a <b>": table}, ["x", "<i>"], examples="tasks")
    np.testing.assert_allclose(figure.data[0].z, [[0.75, 0.25], [0, 0]])
    np.testing.assert_array_equal(figure.data[0].customdata, table)
    assert list(figure.data[0].y) == ["x", "&lt;i&gt;"]
    assert figure.layout.annotations[0].text == "a &lt;b&gt;"
    assert not confusion_matrices({}, ["x"]).data


def test_principal_components_hold_the_largest_variance() -> None:
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(200, 5)) * [0.1, 5, 0.1, 2, 0.1] + 7
    figure = latent_scatter({"a": codes}, np.zeros(200, int))
    assert np.std(figure.data[0].x) == pytest.approx(np.std(codes[:, 1]), rel=0.02)
    assert np.std(figure.data[0].y) == pytest.approx(np.std(codes[:, 3]), rel=0.02)


@pytest.mark.parametrize("latent", [1, 2])
def test_few_dimensions_are_shown_as_they_are(latent: int) -> None:
    codes = np.random.default_rng(2).normal(size=(50, latent))
    figure = latent_scatter({"a": codes}, np.arange(50))
    np.testing.assert_array_equal(figure.data[0].x, codes[:, 0])
    assert figure.layout.coloraxis.colorscale is not None  # 50 labels are a quantity


def test_latent_codes_that_are_not_finite_are_no_error() -> None:
    codes = np.full((20, 3), np.nan)
    assert (
        "no finite codes" in latent_scatter({"a": codes}, np.zeros(20)).layout.annotations[0].text
    )
    assert len(latent_marginals({"a": codes}).data) == 2


def test_marginals_stand_beside_the_density_of_the_prior() -> None:
    codes = np.random.default_rng(3).normal(size=(100_000, 1))
    histogram, prior = latent_marginals({"a": codes}).data
    heights = np.interp(histogram.x[:-1], prior.x, prior.y)
    np.testing.assert_allclose(histogram.y[:-1], heights, atol=0.012)
    assert prior.y.max() == pytest.approx(1 / np.sqrt(2 * np.pi))


def test_names_cannot_become_markup() -> None:
    scores = make_scores().replace({"arm": {"derp_vae_3": "<b>x</b>"}})
    figure = strip_plot(scores, METRICS[0])
    assert "<b>x" not in figure.to_json()
    assert traces(figure, "&lt;b&gt;x&lt;/b&gt;")
