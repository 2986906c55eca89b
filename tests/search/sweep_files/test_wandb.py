"""A W&B sweep file is mapped exactly, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from latentlab.core.errors import UserError
from latentlab.search.grid import configurations, count
from latentlab.search.halving import rungs_of
from latentlab.search.parameters import Parameter
from latentlab.search.settings import SearchedMetric, SweepSettings
from latentlab.search.sweep_files.reader import SweepFile, read_sweep, read_sweep_content
from latentlab.training.config import Seeds

PRUNING_GRID = """
# Two pruning strategies, each with thresholds of its own, crossed with spectral normalisation.
program: train.py
method: grid
name: pruning
project: least-volume
metric:
  name: val_rec
  goal: minimize
parameters:
  n_epochs:
    value: 2500
  image_size:
    value: [100, 100]
  entity:
    value: null
  pruning_strategy:
    values: [plummet, lognorm]
  plummet_threshold:
    values: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]
    when: {pruning_strategy: plummet}
  alpha:
    values: [0.0, 0.1, 0.2, 0.3, 0.5]
    when: {pruning_strategy: lognorm}
  percentile:
    values: [0.01, 0.02, 0.05, 0.1, 0.15, 0.2]
    when: {pruning_strategy: lognorm}
  use_spectral_norm:
    values: [false, true]
  seed:
    values: [1, 2, 3]
command:
  - ${env}
  - python
  - ${program}
  - ${args}
"""

BAYES = """
program: train.py
method: bayes
run_cap: 60
metric: {name: val_acc, goal: maximize, impute: worst}
early_terminate: {type: hyperband, min_iter: 3, eta: 3}
parameters:
  optimizer:
    parameters:
      lr: {distribution: log_uniform_values, min: 0.00005, max: 0.01}
      betas:
        parameters:
          first: {min: 0.8, max: 0.99}
  layers: {min: 2, max: 6}
  dropout: {distribution: uniform, min: 0, max: 1}
  batch_size: {distribution: categorical, values: [64, 8, 16]}
  seed: {distribution: constant, value: 7}
"""


def contents(file: SweepFile) -> tuple[SweepSettings, list[str]]:
    return file.settings(), [*file.translation.of_code, *file.translation.warnings]


def imported(text: str) -> tuple[SweepSettings, list[str]]:
    return contents(read_sweep_content(yaml.safe_load(text), "w"))


def parameter(entry: str) -> Parameter:
    """What becomes of one parameter of a random search."""
    settings, _ = imported(f"method: random\nrun_cap: 9\nparameters:\n  a: {entry}")
    return settings.parameters["a"]


def refused(text: str) -> str:
    with pytest.raises(UserError) as caught:
        imported(text)
    line = str(caught.value)
    assert "\n" not in line
    return line


def block(**keys: Any) -> str:
    base: dict[str, Any] = {
        "method": "random",
        "run_cap": 9,
        "metric": {"name": "loss"},
        "parameters": {"a": {"min": 0.0, "max": 1.0}},
    }
    return yaml.safe_dump(
        {k: v for k, v in {**base, **keys}.items() if v is not None}, sort_keys=False
    )


def test_a_grid_with_a_seed_in_its_parameters(tmp_path: Path) -> None:
    path = tmp_path / "pruning.yaml"
    path.write_text(PRUNING_GRID)
    settings, warnings = contents(read_sweep(path))
    assert settings.method == "grid"
    assert settings.configurations is None
    assert settings.seeds == Seeds(first=1, count=3)
    assert settings.objectives == [SearchedMetric(metric="val_rec", direction="minimize")]
    assert settings.fixed == {"n_epochs": 2500, "image_size": [100, 100]}
    assert "seed" not in settings.parameters
    cells = list(configurations(settings.space))
    assert len(cells) * len(settings.seeds.numbers()) == 216
    assert not any({"plummet_threshold", "alpha"} <= set(cell) for cell in cells)
    assert warnings == [
        "bookkeeping of the script, left out: entity",
        "not used here: program, command",
        "seed is a seed, not a parameter to be searched: lifted to the replicates (seeds 1, 2, 3), "
        "on all of which every configuration is trained",
        "not used here: name, project",
    ]


def test_without_conditions_the_same_grid_is_ten_times_as_large() -> None:
    lines = [line for line in PRUNING_GRID.splitlines() if "when:" not in line]
    settings, _ = imported("\n".join(lines))
    assert count(settings.space) * len(settings.seeds.numbers()) == 2160


def test_a_bayesian_sweep() -> None:
    settings, warnings = imported(BAYES)
    assert settings.method == "tpe"
    assert settings.configurations == 60
    assert settings.seeds == Seeds(first=7, count=1)
    assert settings.objectives == [SearchedMetric(metric="val_acc", direction="maximize")]
    assert settings.halving is not None
    assert rungs_of(settings.halving, 0, 82) == (3, 9, 27, 81)
    expected = {
        "optimizer.lr": {"type": "float", "low": 5e-5, "high": 0.01, "log": True},
        "optimizer.betas.first": {"type": "float", "low": 0.8, "high": 0.99},
        "layers": {"type": "int", "low": 2, "high": 6},
        "dropout": {"type": "float", "low": 0.0, "high": 1.0},
        "batch_size": {"type": "categorical", "choices": (8, 16, 64), "ordered": True},
    }
    found = {name: p.model_dump(exclude_unset=True) for name, p in settings.parameters.items()}
    assert found == expected
    told = "\n".join(warnings)
    assert "rungs after epochs 3, 9, 27, .." in told
    assert "not val_acc" in told
    assert "not used here: metric.impute" in told


def test_what_was_imported_can_be_written_as_ours() -> None:
    for text in (PRUNING_GRID, BAYES):
        settings, _ = imported(text)
        own = yaml.safe_dump(settings.model_dump(mode="json", exclude_unset=True))
        assert contents(read_sweep_content(yaml.safe_load(own), "own")) == (settings, [])


# Distributions


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{min: 1, max: 5}", {"type": "int", "low": 1, "high": 5}),
        ("{min: 1.0, max: 5.0}", {"type": "float", "low": 1.0, "high": 5.0}),
        ("{min: 1, max: 5.0}", {"type": "float", "low": 1.0, "high": 5.0}),
        ("{distribution: uniform, min: 1, max: 5}", {"type": "float", "low": 1.0, "high": 5.0}),
        ("{distribution: int_uniform, min: 1, max: 5}", {"type": "int", "low": 1, "high": 5}),
        ("{values: [a, b]}", {"type": "categorical", "choices": ("a", "b")}),
        ("{values: [true, false]}", {"type": "categorical", "choices": (True, False)}),
        ("{values: [a, 1, null]}", {"type": "categorical", "choices": ("a", 1, None)}),
        (
            "{values: [0.5, 0.1]}",
            {"type": "categorical", "choices": (0.1, 0.5), "ordered": True},
        ),
        (
            "{distribution: q_uniform, min: 0, max: 1, q: 0.25}",
            {"type": "float", "low": 0.0, "high": 1.0, "step": 0.25},
        ),
        (
            "{distribution: q_uniform, min: 2, max: 10}",
            {"type": "float", "low": 2.0, "high": 10.0, "step": 1.0},
        ),
        (
            "{distribution: q_uniform, min: 32, max: 128, q: 32}",
            {"type": "int", "low": 32, "high": 128, "step": 32},
        ),
        (
            "{values: [1e-4, 1E-5]}",
            {"type": "categorical", "choices": (1e-5, 1e-4), "ordered": True},
        ),
        (
            "{distribution: log_uniform_values, min: 1e-5, max: 1e-1}",
            {"type": "float", "low": 1e-5, "high": 0.1, "log": True},
        ),
    ],
)
def test_a_distribution_becomes_a_parameter(entry: str, expected: dict[str, Any]) -> None:
    assert parameter(entry).model_dump(exclude_unset=True) == expected


def test_bounds_of_log_uniform_are_natural_logarithms() -> None:
    entry = "{distribution: log_uniform, min: -9.210340371976182, max: -4.605170185988091}"
    found = parameter(entry)
    assert found.low == pytest.approx(1e-4, rel=1e-12)
    assert found.high == pytest.approx(1e-2, rel=1e-12)
    assert found.log
    _, warnings = imported(f"method: random\nrun_cap: 9\nparameters:\n  a: {entry}")
    assert any("natural logarithms; 0.0001 to 0.01 is searched" in one for one in warnings)


def test_q_uniform_gives_the_values_that_rounding_gives() -> None:
    low, high, q = -0.6, 0.9, 0.3
    found = parameter(f"{{distribution: q_uniform, min: {low}, max: {high}, q: {q}}}")
    draws = {round(round((low + (high - low) * k / 10_000) / q) * q, 9) for k in range(10_001)}
    assert sorted(draws) == pytest.approx(list(found.grid() or ()))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{values: [a, b], probabilities: [0.3, 0.7]}", "categorical_w_probabilities is not"),
        ("{distribution: q_log_uniform, min: 0, max: 1, q: 1}", "q_log_uniform is not supported"),
        ("{distribution: q_log_uniform_values, min: 1, max: 9}", "q_log_uniform_values is not"),
        ("{distribution: inv_log_uniform, min: 0, max: 1}", "It is log_uniform with min: -max"),
        ("{distribution: inv_log_uniform_values, min: 1, max: 9}", "the same min and max"),
        ("{distribution: normal, mu: 0, sigma: 1}", "normal is not supported. Write uniform"),
        ("{distribution: q_normal}", "distribution q_normal is not supported"),
        ("{distribution: log_normal}", "distribution log_normal is not supported"),
        ("{distribution: q_log_normal}", "distribution q_log_normal is not supported"),
        ("{distribution: beta}", "distribution beta is not supported"),
        ("{distribution: q_beta}", "distribution q_beta is not supported"),
        ("{distribution: lognormal}", "W&B has no distribution 'lognormal'. Use one of constant"),
        ("{min: 1}", "it says neither value, nor values, nor min and max. Add one"),
        ("{}", "it says neither value, nor values, nor min and max. Add one"),
        ("{distribution: uniform, min: 1}", "uniform without max. Add max"),
        ("{values: [1, 2], min: 1}", "min does not belong to categorical. Take it out"),
        ("{min: 0.0, max: 1.0, q: 0.1}", "q does not belong to uniform."),
        ("{min: 2, max: 1}", "min 2 must be below max 1. Correct it; one value is `value`"),
        ("{min: 1, max: 1}", "min 1 must be below max 1."),
        ("{min: '5', max: 9.0}", "parameters.a.min: '5' is text to YAML, not a number. Write 5"),
        ("{values: ['5', 9]}", "parameters.a.values[0]: '5' is text to YAML, not a number."),
        ("{min: 1e-999, max: 0}", "min 0 must be below max 0."),
        ("{distribution: log_uniform_values, min: 0, max: 1}", "min 0 must be above 0"),
        ("{distribution: log_uniform, min: 1, max: 1000}", "no range. Write log_uniform_values"),
        ("{distribution: int_uniform, min: 1.0, max: 5}", "whole numbers without a point"),
        ("{distribution: q_uniform, min: 0.5, max: 3}", "Write min: 1 and max: 3"),
        ("{distribution: q_uniform, min: 0, max: 1, q: 0}", "q 0 must be above 0."),
        ("{values: []}", "values must be a list of at least one."),
        ("{values: [[1, 2], [3]]}", "values that are lists or nested cannot be searched."),
        ("{value: {a: 1}}", "a value that is nested cannot be fixed."),
        ("{value: 1, when: {b: 1}}", "a fixed value has no `when`."),
        ("{parameters: {b: {value: 1}}, value: 2}", "`parameters` holds parameters, with nothing"),
        ("0.1", "parameters.a: 0.1 is no block. Write value: 0.1"),
    ],
)
def test_what_cannot_be_said_exactly_is_refused_by_name(entry: str, words: str) -> None:
    line = refused(f"method: random\nrun_cap: 9\nparameters:\n  a: {entry}\n  z: {{value: 1}}")
    assert "parameters.a" in line
    assert words in line


# Seeds and budget


@pytest.mark.parametrize(
    ("method", "entry", "seeds"),
    [
        ("grid", {"values": [3, 1, 2]}, (1, 2, 3)),
        ("grid", {"values": [0, 42, 1234]}, (0, 42, 1234)),
        ("grid", {"value": 5}, (5,)),
        ("grid", {"min": 10, "max": 12}, (10, 11, 12)),
        ("random", {"values": [7, 11]}, (7, 11)),
    ],
)
def test_a_seed_is_lifted(method: str, entry: dict[str, Any], seeds: tuple[int, ...]) -> None:
    parameters = {"a": {"values": [1, 2]}, "train.random_seed": entry}
    settings, warnings = imported(block(method=method, run_cap=6, parameters=parameters))
    assert settings.seeds.numbers() == seeds
    assert list(settings.parameters) == ["a"]
    assert any(one.startswith("train.random_seed is a seed") for one in warnings)
    again = SweepSettings.model_validate_json(settings.model_dump_json())
    assert again.seeds.numbers() == seeds


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"seed": {"min": 0, "max": 9}}, "a seed is drawn from a range. Write values: [1, 2, 3]"),
        ({"seed": {"values": ["a"]}}, "are no seeds. Write whole numbers from 0"),
        ({"seed": {"values": [-1]}}, "are no seeds"),
        ({"seed": {"values": [1.5]}}, "are no seeds"),
        ({"seed": {"value": True}}, "are no seeds"),
        ({"seed": {"values": [1, 1]}}, "holds seed 1 twice"),
        ({"seed": {"values": [1, 2000]}}, "2000 is a seed of the search too"),
        ({"seed": {"value": 1}, "data_seed": {"value": 2}}, "seed and data_seed are both seeds"),
    ],
)
def test_seeds_that_cannot_be_lifted(entries: dict[str, Any], words: str) -> None:
    parameters = {"a": {"values": [1, 2]}, **entries}
    assert words in refused(block(run_cap=10, parameters=parameters))


def test_runs_are_counted_as_configurations_on_seeds() -> None:
    parameters = {"a": {"min": 0.0, "max": 1.0}, "seed": {"values": [1, 2, 3]}}
    settings, warnings = imported(block(run_cap=60, parameters=parameters))
    assert settings.configurations == 20
    assert any("run_cap 60 is 20 configurations on 3 seeds" in one for one in warnings)
    assert "Write 48 or 51" in refused(block(run_cap=50, parameters=parameters))


def test_without_a_seed_it_is_said_that_there_are_replicates() -> None:
    settings, warnings = imported(block(run_cap=50))
    assert settings.configurations == 50
    assert len(settings.seeds.numbers()) == 3
    assert any(
        "no seed among the parameters: every configuration is trained on 3" in w for w in warnings
    )


# Early stopping


@pytest.mark.parametrize(
    ("bands", "epochs", "rungs"),
    [
        ({"min_iter": 3}, 100, (3, 9, 27, 81)),
        ({"min_iter": 2, "eta": 2, "strict": True}, 17, (2, 4, 8, 16)),
        ({"max_iter": 27, "s": 2}, 27, (3, 9)),
        ({"max_iter": 27, "s": 2, "eta": 3.0}, 27, (3, 9)),
        ({"max_iter": 64, "s": 3, "eta": 4}, 64, (1, 4, 16)),
        ({"max_iter": 27, "s": 9}, 27, (1, 3, 9)),
        ({"max_iter": 27, "s": 2}, 90, (3, 9)),
        ({"max_iter": 2500, "s": 2, "eta": 3}, 2500, (277, 833)),
    ],
)
def test_bands_are_rungs(bands: dict[str, Any], epochs: int, rungs: tuple[int, ...]) -> None:
    settings, _ = imported(block(early_terminate={"type": "hyperband", **bands}))
    assert settings.halving is not None
    assert rungs_of(settings.halving, 0, epochs) == rungs


@pytest.mark.parametrize("last", range(4, 200, 7))
@pytest.mark.parametrize("eta", [2, 3])
@pytest.mark.parametrize("s", [1, 2, 3])
def test_bands_are_the_same(last: int, eta: int, s: int) -> None:
    bands, band = [], float(last)
    for _ in range(s):
        band /= eta
        if band >= 1:
            bands.append(int(band))
    text = block(early_terminate={"type": "hyperband", "max_iter": last, "s": s, "eta": eta})
    settings, warnings = imported(text)
    assert settings.halving is not None
    assert settings.halving.factor == eta
    assert rungs_of(settings.halving, 0, 10 * last) == tuple(sorted(bands))
    assert any(f"epochs {', '.join(map(str, sorted(bands)))};" in line for line in warnings)


@pytest.mark.parametrize(
    ("bands", "words"),
    [
        ({"type": "median"}, "only type: hyperband is supported"),
        ({"type": "hyperband"}, "neither min_iter nor max_iter"),
        ({"type": "hyperband", "max_iter": 27}, "max_iter without s"),
        ({"type": "hyperband", "max_iter": 27, "s": 1, "min_iter": 3}, "both min_iter and max_it"),
        ({"type": "hyperband", "min_iter": 3, "eta": 1.5}, "early_terminate.eta: 1.5 is no whole"),
        ({"type": "hyperband", "min_iter": 0}, "early_terminate.min_iter: 0 is no whole number"),
        ({"type": "hyperband", "min_iter": 3, "strict": False}, "only the strict rule"),
        ({"type": "hyperband", "min_iter": 3, "bands": 2}, "early_terminate: W&B has no key bands"),
        ({"type": "hyperband", "max_iter": 2, "s": 1}, "max_iter 2 is below eta 3"),
    ],
)
def test_other_early_stopping_is_refused(bands: dict[str, Any], words: str) -> None:
    line = refused(block(early_terminate=bands))
    assert "early_terminate" in line
    assert words in line


# The other keys


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"method": "custom"}, "method: 'custom' is not supported. Use grid, random or bayes"),
        ({"method": None}, "method: 'None' is not supported"),
        ({"run_cap": None}, "method random has no end without run_cap. Add run_cap: 50"),
        ({"method": "bayes", "run_cap": None}, "method bayes has no end without run_cap."),
        ({"run_cap": 0}, "run_cap: 0 is no whole number above 0."),
        ({"run_cap": "50"}, "run_cap: '50' is no whole number above 0."),
        ({"method": "grid"}, "method grid: a has infinitely many values. Give it a step or"),
        ({"runcap": 3}, "runcap: W&B has no such key."),
        ({"scheduler": {"engine": "optuna"}}, "scheduler is not supported. Take it out"),
        ({"metrics": [{"name": "a"}, {"name": "b"}]}, "metrics is not supported. Write `object"),
        ({"metric": {"goal": "minimize"}}, "metric.name is missing"),
        ({"metric": {"name": "a", "goal": "max"}}, "metric.goal: there is no 'max'."),
        ({"metric": {"name": "a", "target": 0.1}}, "metric.target is not supported."),
        ({"metric": {"name": "a", "targt": 0.1}}, "metric: W&B has no key targt."),
        ({"parameters": {"a": {"value": 1}}}, "parameters: there is nothing in it."),
    ],
)
def test_wrong_or_foreign_keys_are_refused_by_name(keys: dict[str, Any], words: str) -> None:
    assert words in refused(block(**keys))


def test_the_goal_is_minimize_unless_it_is_said() -> None:
    settings, _ = imported(block())
    assert settings.objectives == [SearchedMetric(metric="loss", direction="minimize")]
    settings, warnings = imported(block(metric=None))
    assert settings.objectives == []
    assert any("there is no metric" in one for one in warnings)


def test_every_key_of_the_schema_is_used_refused_or_named_as_unused() -> None:
    unused = {
        "program": "a.py", "command": ["a"], "name": "n", "project": "p", "entity": "e",
        "description": "d", "controller": {"type": "local"}, "job": "j", "image_uri": "i",
        "apiVersion": "1", "kind": "sweep",
    }  # fmt: skip
    _, warnings = imported(block(**unused))
    of_programs, others = list(unused)[:2], list(unused)[2:]
    assert f"not used here: {', '.join(of_programs)}" in warnings
    assert warnings[-1] == f"not used here: {', '.join(others)}"


def test_a_program_is_called_as_by_the_agent() -> None:
    file = read_sweep_content(yaml.safe_load(PRUNING_GRID), "w")
    assert file.settings().command is not None
    assert file.settings().arguments == {"entity": None, "seed": "{seed}"}
    default, _ = imported(block(program="a.py"))
    assert default.command == ("${env}", "${interpreter}", "a.py", "${args}")
    with pytest.raises(UserError, match="is not given"):
        imported(block(command=["python", "${program}"]))


def test_a_file_without_an_end_is_given_one_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "theirs.yaml"
    path.write_text(block(run_cap=None))
    assert "--params sweeps.run_cap=50" in refused(path.read_text())
    settings, _ = contents(read_sweep(path, run_cap=7))
    assert settings.configurations == 7
    path.write_text(block(run_cap=9))
    with pytest.raises(UserError, match="of a W&B file that has no run_cap"):
        read_sweep(path, run_cap=7)
