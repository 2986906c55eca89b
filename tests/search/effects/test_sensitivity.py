"""Maps of a grid: every cell is there, and holds what was run in it."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from labs.sweep_tables import CONDITIONAL, PRUNING, random_rows, sweep_table
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.effects.sensitivity import sensitivity
from latentlab.search.grid import configurations
from latentlab.search.report.sensitivity_figures import sensitivity_figures
from latentlab.search.space import Space

SETTINGS = AnalysisSettings()
CELLS = list(configurations(Space.model_validate(PRUNING)))
RUNS = np.random.default_rng(0).normal(size=(len(CELLS), 3))
LOST = {"alpha": 0.5, "percentile": 0.2, "spectral": True}


@pytest.fixture(scope="module")
def table():
    """Two strategies, a switch, three seeds: 216 runs; one configuration diverged."""
    lost = [all(cell.get(name) == value for name, value in LOST.items()) for cell in CELLS]
    replicates = pd.DataFrame(
        {
            "configuration": np.repeat(np.arange(72), 3),
            "seed": np.tile([1, 2, 3], 72),
            "state": "complete",
            "score": RUNS.ravel(),
        }
    )
    return sweep_table(
        PRUNING["parameters"],
        CELLS,
        np.where(lost, np.nan, RUNS.mean(axis=1)),
        direction="minimize",
        fixed=PRUNING["fixed"],
        state=np.where(lost, "diverged", "complete"),
        replicates=replicates[~np.repeat(lost, 3)],
    )


def test_every_cell_holds_its_runs(table):
    found = sensitivity(table, SETTINGS)
    assert found.groupby("branch").size().to_dict() == {"plummet": 12, "lognorm": 60}
    assert set(found["switch"]) == {"spectral"}
    for number, cell in enumerate(CELLS):
        names = ("threshold",) if cell["pruning"] == "plummet" else ("alpha", "percentile")
        here = (found["branch"] == cell["pruning"]) & (found["x"] == cell[names[0]])
        here &= found["switch_value"] == str(cell["spectral"])
        if len(names) == 2:
            here &= found["y"] == cell["percentile"]
        (row,) = found[here].to_dict("records")
        assert (row["p1"], row["p2"]) == (*names, "")[:2]
        if all(cell.get(name) == value for name, value in LOST.items()):
            assert (row["configurations"], row["lost"]) == (0, 1)
            assert np.isnan(row["mean"])
            continue
        runs = RUNS[number]
        assert (row["configurations"], row["lost"], row["seeds"]) == (1, 0, 3)
        wanted = scipy.stats.t.interval(0.95, 2, runs.mean(), scipy.stats.sem(runs))
        assert row["mean"] == pytest.approx(runs.mean())
        assert (row["low"], row["high"]) == pytest.approx(wanted)


def test_other_parameters_are_averaged_seed_by_seed(table):
    """Of the switch alone, all thresholds and percentiles are in one cell."""
    space = {name: dict(PRUNING["parameters"][name]) for name in ("threshold", "spectral")}
    del space["threshold"]["when"]
    space["width"] = {"type": "categorical", "choices": ["a", "b", "c"]}
    rows = list(configurations(Space.model_validate({"parameters": space})))
    runs = np.random.default_rng(1).normal(size=(len(rows), 2))
    replicates = pd.DataFrame(
        {
            "configuration": np.repeat(np.arange(len(rows)), 2),
            "seed": np.tile([4, 5], len(rows)),
            "score": runs.ravel(),
        }
    )
    found = sensitivity(
        sweep_table(space, rows, runs.mean(axis=1), replicates=replicates), SETTINGS
    )
    assert len(found) == 12
    assert set(found["branch"]) == {""}
    first = found.iloc[0]
    here = [row["threshold"] == 0.005 and not row["spectral"] for row in rows]
    by_seed = runs[here].mean(axis=0)
    assert (first["configurations"], first["seeds"]) == (3, 2)
    assert first["mean"] == pytest.approx(by_seed.mean())
    half = scipy.stats.t.ppf(0.975, 1) * by_seed.std(ddof=1) / np.sqrt(2)
    assert first["high"] - first["mean"] == pytest.approx(half)


def test_real_numbers_drawn_at_random_have_no_map():
    rows = random_rows(CONDITIONAL, 16, 2)
    found = sensitivity(sweep_table(CONDITIONAL, rows, np.arange(16.0)), SETTINGS)
    # The depth is a whole number; rates and dropouts may have any value.
    assert set(found["p1"]) == {"depth"}
    assert set(found["switch"]) == {"coordinates"}
    assert found["low"].isna().all()


def test_lines_over_one_number_and_maps_over_two(table):
    cells = sensitivity(table, SETTINGS)
    drawn = sensitivity_figures(cells, table.objective)
    assert list(drawn) == [
        "Sensitivity with pruning = plummet",
        "Sensitivity with pruning = lognorm",
    ]
    lines, maps = (figure for figure, _ in drawn.values())
    assert [line.name for line in lines.data] == ["spectral = False", "spectral = True"]
    thresholds = cells[(cells["branch"] == "plummet") & (cells["switch_value"] == "True")]
    assert list(lines.data[1].y) == list(thresholds["mean"])
    assert list(lines.data[1].error_y.array) == list(thresholds["high"] - thresholds["mean"])
    heat = [trace for trace in maps.data if trace.type == "heatmap"]
    assert [len(trace.z) for trace in heat] == [30, 30]
    assert {trace.coloraxis for trace in heat} == {"coloraxis"}
    assert maps.layout.coloraxis.reversescale  # less is better, and the best is bright
    crosses = [trace for trace in maps.data if trace.type == "scatter"]
    assert [list(trace.x) for trace in crosses] == [[], ["0.5"]]
    assert "nan" not in set(heat[1].text)


def test_a_cell_that_failed_leaves_the_others_their_colours(table):
    cells = sensitivity(table, SETTINGS)
    maps = cells[cells["branch"] == "lognorm"].copy()
    (plain, _) = sensitivity_figures(maps, table.objective)["Sensitivity with pruning = lognorm"]
    axis = plain.layout.coloraxis
    assert (axis.cmin, axis.cmax) == (maps["mean"].min(), maps["mean"].max())
    maps.iloc[0, maps.columns.get_loc("mean")] = 1e6
    (spoiled, _) = sensitivity_figures(maps, table.objective)["Sensitivity with pruning = lognorm"]
    assert spoiled.layout.coloraxis.cmin == axis.cmin
    assert spoiled.layout.coloraxis.cmax < 10
