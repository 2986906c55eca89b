"""Importances against Optuna's, and their bands against noise."""

import time

import numpy as np
import optuna
import pytest

from labs.sweep_tables import CONDITIONAL, noise_table, published_facts, random_rows, sweep_table
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.effects.importances import fanova, importances, ped_anova
from latentlab.search.matrix import sweep_matrix
from latentlab.search.proposals import distribution_of, quiet
from latentlab.statistics.ranks import best_rows

SETTINGS = AnalysisSettings(bootstraps=50, fanova_rows=10)
EVERY_TYPE = {
    "real": {"type": "float", "low": -1.0, "high": 3.0},
    "rate": {"type": "float", "low": 1e-5, "high": 1e-1, "log": True},
    "stepped": {"type": "float", "low": 0.0, "high": 1.05, "step": 0.1},
    "depth": {"type": "int", "low": 2, "high": 6},
    "even": {"type": "int", "low": 2, "high": 33, "step": 2},
    "many": {"type": "int", "low": 1, "high": 900},
    "units": {"type": "int", "low": 1, "high": 300, "log": True},
    "batch": {"type": "categorical", "choices": [8, 16, 32], "ordered": True},
    "way": {"type": "categorical", "choices": ["a", "b", None, True]},
    "single": {"type": "categorical", "choices": ["only"]},
}


def optunas_study(table, rows=None):
    """The same rows as a study of Optuna."""
    space = table.space
    with quiet():
        study = optuna.create_study(direction=table.objective.direction)
        for row in table.parameters.index if rows is None else rows:
            values = table.parameters.loc[row].to_dict()
            values = {
                name: value
                for name, value in values.items()
                if name in space.active(values)
                and not (isinstance(value, float) and np.isnan(value))
            }
            for name in values:
                if space.parameters[name].type == "int":
                    values[name] = int(values[name])
            study.add_trial(
                optuna.trial.create_trial(
                    params=values,
                    distributions={n: distribution_of(space.parameters[n]) for n in values},
                    value=float(table.outcomes.loc[row, "score"]),
                )
            )
    return study


def optunas_ped(study, share, **options):
    with quiet():
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share)
        return optuna.importance.get_param_importances(study, evaluator=evaluator, **options)


@pytest.mark.parametrize(("count", "share", "seed"), [(12, 0.25, 0), (60, 0.1, 1), (300, 0.4, 2)])
def test_ped_anova_is_optunas(count, share, seed):
    rows = random_rows(EVERY_TYPE, count, seed)
    rng = np.random.default_rng(seed)
    values = rng.normal(size=count) + [row["real"] + (row["way"] == "a") for row in rows]
    table = sweep_table(EVERY_TYPE, rows, values)
    settings = AnalysisSettings(elite_share=share, bootstraps=20, fanova_rows=10)
    found = importances(sweep_matrix(table).finished, settings)
    ped = found[found["evaluator"].str.startswith("PED")].set_index("parameter")["importance"]
    for name, expected in optunas_ped(optunas_study(table), share).items():
        assert ped[name] == pytest.approx(expected, rel=1e-9, abs=1e-14)
    assert ped.sum() == pytest.approx(1)


def test_ped_anova_of_resampled_tables_is_optunas():
    table = noise_table(40, 3)
    rows = sweep_matrix(table).finished
    rng = np.random.default_rng(0)
    for _ in range(3):
        written = rng.integers(0, 40, 40)
        region = np.bincount(written, minlength=40)
        elite = best_rows(rows.scores[written][None], 0.25)[0]
        top = np.bincount(written[elite], minlength=40)
        study = optunas_study(table, written)
        expected = optunas_ped(study, 0.25)
        total = sum(ped_anova(c, top[None], region[None])[0] for c in rows.columns.values())
        for name, column in rows.columns.items():
            share = ped_anova(column, top[None], region[None])[0] / total
            assert share == pytest.approx(expected[name])


def test_a_minimised_objective_is_optunas_too():
    table = noise_table(50, 4)
    turned = sweep_table(
        {name: p.model_dump() for name, p in table.space.parameters.items()},
        table.parameters.to_dict("records"),
        table.outcomes["score"],
        direction="minimize",
    )
    found = importances(sweep_matrix(turned).finished, SETTINGS)
    ped = found[found["evaluator"].str.startswith("PED")].set_index("parameter")["importance"]
    for name, expected in optunas_ped(optunas_study(turned), 0.25).items():
        assert ped[name] == pytest.approx(expected)


def test_conditional_parameters_are_scored_in_their_regime():
    rows = random_rows(CONDITIONAL, 80, 5)
    values = np.random.default_rng(5).normal(size=80) + [r.get("depth", 0) for r in rows]
    table = sweep_table(CONDITIONAL, rows, values)
    found = importances(sweep_matrix(table).finished, SETTINGS)
    ped = found[found["evaluator"].str.startswith("PED")].set_index("parameter")
    assert ped.loc["depth", "regime"] == "encoder = cnn"
    cnn = [number for number, row in enumerate(rows) if row["encoder"] == "cnn"]
    assert ped.loc["depth", "n"] == len(cnn)
    expected = optunas_ped(
        optunas_study(table, cnn),
        0.25,
        params=["encoder", "rate", "smoothing", "depth", "coordinates"],
    )
    assert ped.loc["depth", "importance"] == pytest.approx(expected["depth"])
    assert ped.loc["coordinates", "importance"] == pytest.approx(expected["coordinates"])
    assert ped.loc["rate", "regime"] == "all rows"
    # Five rows have no best quarter.
    few = importances(sweep_matrix(published_facts()).finished, SETTINGS)
    assert few.set_index("parameter").loc["dropout", "importance"].isna().all()


def test_fanova_is_optunas():
    table = noise_table(30, 6)
    rows = sweep_matrix(table).finished
    found = fanova(list(rows.columns.values()), rows.scores, np.arange(30), 7)
    with quiet():
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=7)
        expected = optuna.importance.get_param_importances(
            optunas_study(table), evaluator=evaluator
        )
    assert found == pytest.approx(expected)


def test_fanova_of_many_rows_says_that_it_saw_some():
    table = noise_table(60, 7)
    settings = AnalysisSettings(fanova_rows=20, bootstraps=20)
    found = importances(sweep_matrix(table).finished, settings)
    forest = found[found["evaluator"].str.startswith("fANOVA")]
    assert set(forest["evaluator"]) == {"fANOVA, 20 of 60 rows at random"}
    assert (forest["n"] == 20).all()
    assert set(found["optuna"]) == {optuna.__version__}
    assert found.equals(importances(sweep_matrix(table).finished, settings))
    other = importances(sweep_matrix(table).finished, settings.model_copy(update={"seed": 1}))
    assert not found["importance"].equals(other["importance"])


def test_a_strong_parameter_stands_out_of_the_band_and_the_others_do_not():
    table = noise_table(60, 8)
    table.outcomes["score"] += 4 * (table.parameters["pooling"] == "max")
    found = importances(sweep_matrix(table).finished, SETTINGS)
    ped = found[found["null_high_all"].notna()].set_index("parameter")
    beyond = ped.index[ped["importance"] > ped["null_high_all"]]
    assert list(beyond) == ["pooling"]
    assert ped.loc["pooling", "low"] > ped.loc["pooling", "null_median"]
    assert ped.loc["pooling", "low"] <= ped.loc["pooling", "importance"]


def test_the_band_is_that_of_rows_picked_at_random():
    rows = sweep_matrix(noise_table(40, 9)).finished
    found = importances_without_forest(rows, AnalysisSettings(bootstraps=20, null_draws=4_000))
    found = found.set_index("parameter")
    rng = np.random.default_rng(9)
    top = np.zeros((4_000, 40))
    np.put_along_axis(top, rng.permuted(np.tile(np.arange(40), (4_000, 1)), axis=1)[:, :10], 1, 1)
    once = np.ones((1, 40))
    elite = rows.elites(0.25)[None].astype(float)
    total = sum(ped_anova(column, elite, once)[0] for column in rows.columns.values())
    # One level for all parameters together, each of them at the root of it.
    level = 0.95 ** (1 / len(rows.columns))
    for name, column in rows.columns.items():
        null = ped_anova(column, top, once) / total
        band, error = found.loc[name, "null_high_all"], 4 * np.sqrt((1 - level) * level / 4_000)
        # A choice has few possible importances, of which the band is one.
        assert np.mean(null > band + 1e-9) <= 1 - level + error
        assert np.mean(null >= band - 1e-9) >= 1 - level - error
        assert found.loc[name, "null_median"] == pytest.approx(np.median(null), rel=0.12)


def test_the_common_band_holds_on_noise():
    beyond = []
    for seed in range(40):
        rows = sweep_matrix(noise_table(24, 100 + seed)).finished
        draws = AnalysisSettings(bootstraps=20, null_draws=400, fanova_rows=10)
        regime = importances_without_forest(rows, draws)
        beyond.append((regime["importance"] > regime["null_high_all"]).any())
    # At most 5 % are expected; 6 of 40 happen by chance in 1.4 % of such tests.
    assert np.sum(beyond) <= 5


def importances_without_forest(rows, settings):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentlab.search.effects.importances.fanova", lambda *_: {})
        found = importances(rows, settings)
    return found[found["null_high_all"].notna()]


def test_a_choice_of_many_names_takes_no_longer_than_a_number():
    # One column for each choice, fANOVA would visit 2^40 cells of a tree.
    parameters = {
        "name": {"type": "categorical", "choices": [f"a long name {k}" for k in range(40)]},
        "rate": {"type": "float", "low": 0.0, "high": 1.0},
    }
    rows = random_rows(parameters, 120, 0)
    values = [float(row["name"].endswith(("1", "2", "3"))) + 0.1 * row["rate"] for row in rows]
    columns = sweep_matrix(sweep_table(parameters, rows, values)).columns.values()
    begun = time.process_time()
    shares = fanova(tuple(columns), np.array(values), np.arange(120), 0)
    assert time.process_time() - begun < 20
    assert shares["name"] > 0.8
