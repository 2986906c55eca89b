"""The study's figures, and the report's table as data."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.harmonium import config
from latentlab.studies.mixture_harmonium.figures import (
    cluster_heat_maps,
    cluster_pictures,
    conjugation_over_training,
    pareto_front,
    pareto_plane,
)
from latentlab.studies.mixture_harmonium.reported import ASSUMED_ENTROPIES, REPORTED, RUNS

ARMS = ("reference", "free <b>")


def test_pictures_of_clusters():
    rng = np.random.default_rng(0)
    means = {arm: rng.random((k, 1, 8, 8)) for arm, k in zip(ARMS, (25, 1), strict=True)}
    assigned = {ARMS[0]: rng.integers(0, 25, 100), ARMS[1]: np.zeros(100, dtype=int)}
    figure = cluster_pictures(means, assigned)
    assert isinstance(figure, go.Figure)
    assert list(figure.layout.yaxis.ticktext) == ["reference", "free &lt;b&gt;"]
    # Three rows of pictures: 20 and 5 of the first arm, 1 of the second.
    # A picture is 64 pixels high, and 4 are between two rows.
    assert list(figure.layout.yaxis.tickvals) == [32, 2 * (64 + 4) + 32]


def test_heat_maps_leave_out_empty_clusters_and_sort_by_class():
    table = np.array([[0, 5], [0, 0], [9, 1], [1, 7]])
    figure = cluster_heat_maps({"reference": table, "none": np.zeros((3, 2), int)}, ["a", "b"])
    assert isinstance(figure, go.Figure)
    drawn = figure.data[0]
    assert list(drawn.y) == ["2", "3", "0"]
    np.testing.assert_allclose(drawn.z, [[0.9, 0.1], [1 / 8, 7 / 8], [0, 1]])
    assert len(figure.data[1].y) == 0


def history(arms=ARMS, epochs=10):
    rows = [
        (f"{arm}{seed}", arm, seed, epoch, 5 * epoch, metric, 0.1 * epoch - 0.2)
        for arm in arms
        for seed in range(3)
        for epoch in range(1, epochs + 1)
        for metric in ("train_r_squared", "train_running_nmi", "train_rho_norm", "train_total")
    ]
    return pd.DataFrame(
        rows, columns=["trial_id", "arm", "seed", "epoch", "step", "metric", "value"]
    )


def test_curves_by_step_shade_the_warm_ups():
    figure = conjugation_over_training(history(), {ARMS[0]: 0.4, ARMS[1]: 0, "not drawn": 0.9})
    assert {shape.x1 for shape in figure.layout.shapes} == {20}
    figure = conjugation_over_training(
        history(), {ARMS[0]: 0.4, ARMS[1]: 0.1, "not drawn": 0.9}, arms=ARMS
    )
    # Panels of R2, NMI and the norm of rho, and none in the empty corner.
    assert sorted(shape.x1 for shape in figure.layout.shapes) == [5] * 3 + [20] * 3
    lines = [
        trace for trace in figure.data if trace.mode == "lines" and trace.customdata is not None
    ]
    assert len(lines) == 3 * len(ARMS)
    assert all(list(line.x) == [5 * epoch for epoch in range(1, 11)] for line in lines)
    none = conjugation_over_training(history(), dict.fromkeys(ARMS, 0.0))
    assert not none.layout.shapes


def plane_scores():
    points = {"a": (0.9, 0.6), "b": (0.5, 0.8), "c": (0.4, 0.7), "d": (np.nan, 0.9)}
    rows = [
        (f"{arm}{seed}", arm, seed, split, metric, value + 0.01 * (seed - 1))
        for arm, pair in points.items()
        for seed in range(3)
        for split in ("test", "validation")
        for metric, value in zip(("r_squared", "nmi"), pair, strict=True)
    ]
    return pd.DataFrame(rows, columns=["trial_id", "arm", "seed", "split", "metric", "value"])


def test_the_plane_joins_the_means_that_none_dominates():
    reported = {run.name: (run.r_squared, run.nmi) for run in RUNS}
    figure = pareto_plane(plane_scores(), reported=reported)
    assert isinstance(figure, go.Figure)
    front = figure.data[-1]
    np.testing.assert_allclose(front.x, [0.5, 0.9])
    np.testing.assert_allclose(front.y, [0.8, 0.6])
    assert len(figure.data[0].x) == 37
    empty = pareto_plane(plane_scores().head(0))
    assert len(empty.data) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_what_a_direct_comparison_finds(points):
    table = np.array(points, dtype=float)
    found = {tuple(table[place]) for place in pareto_front(table)}
    expected = {
        tuple(one)
        for one in table
        if not any((other >= one).all() and (other > one).any() for other in table)
    }
    assert found == expected
    assert len(found) == len(pareto_front(table))
    assert (np.diff(table[pareto_front(table), 0]) > 0).all()


def test_the_table_has_37_rows_of_the_right_phases():
    assert [run.run for run in RUNS] == list(range(1, 38))
    phases = {phase: [r.run for r in RUNS if r.phase == phase] for phase in {r.phase for r in RUNS}}
    assert phases == {
        "1-2": list(range(1, 25)),
        "3A": [25, 26, 27, 28],
        "3B": [29, 30, 31],
        "3C": [32, 33, 34, 35],
        "3D": [36, 37],
    }
    assert sum(run.steps for run in RUNS) == 4_950_000
    assert sorted(ASSUMED_ENTROPIES) == [7, 8, 9, 10, 14]
    assert all((run.rho_norm is None) == (run.phase == "1-2") for run in RUNS)
    best = RUNS[-1]
    assert (best.nmi, best.r_squared, best.elbo, best.rho_norm) == (0.71, 0.98, -685, 377)
    assert best.beta_warmup_fraction == pytest.approx(0.4)
    assert (best.rate_warmup, best.steps) == (500, 300_000)
    assert REPORTED["mnist"]["run_01"] == {"nmi": 0.60, "r_squared": 0.23}
    assert REPORTED["mnist"]["run_27"]["rho_norm"] == 399


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_every_row_is_a_configuration(run):
    settings_ = config(**run.settings)
    assert settings_.model.clusters == run.clusters
    assert settings_.objective.posterior_entropy_weight == run.entropies[1]
    assert settings_.training.learning_rate == run.learning_rate
    assert 0 < run.beta_warmup_fraction <= 0.5
