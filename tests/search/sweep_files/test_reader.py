"""Sweep files in our layout and in the report's: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from latentlab.core.errors import UserError
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.search.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    refuse_text,
)
from latentlab.search.settings import SweepSettings
from latentlab.search.space import has_direction
from latentlab.search.sweep_files.reader import (
    SweepFile,
    layout_of,
    read_sweep,
    read_sweep_content,
    rename,
)

OPTION_A = """
study_name: "visual_classifier_cnn_refined_v3"
n_trials: 50  # Reduced search space allows fewer trials

# FIXED PARAMETERS (based on 100% elite convergence)
fixed:
  encoder_type: "cnn"           # Context eliminated
  batch_size: 16                # Optimal batch size
  demo_agg: "flatten"           # Flatten > mean
  use_scheduler: true           # Scheduler critical
  use_cosine: false             # Dot product > cosine
  label_smoothing: 0.0          # Smoothing hurts
  use_coords: false             # Coords hurt (0.281 vs 0.247)
  # ... other fixed params from original config ...

# REFINED SEARCH SPACE (7 parameters, down from 17)
param_ranges:
  lr:
    type: "float"
    low: 6.7e-5
    high: 2.5e-4
    log: true

  weight_decay:
    type: "float"
    low: 1e-7
    high: 0.015    # Elite max observed
    log: true

  embed_dim:
    type: "categorical"
    choices: [128, 512]  # Only elites used these

  depth:
    type: "int"
    low: 4
    high: 9          # Expanded from 6 (elites hit boundary)

  mlp_hidden:
    type: "categorical"
    choices: [256, 2048]  # Only elites used these

  width_mult:
    type: "float"
    low: 1.13
    high: 4.5        # Expanded from 3.0 (elites hit boundary)
"""

OPTION_B = """
study_name: "visual_classifier_cnn_conservative_v3"
n_trials: 100
fixed:
  encoder_type: "cnn"
  use_scheduler: true
  use_cosine: false
  label_smoothing: 0.0
  # ... other fixed params ...
param_ranges:
  batch_size:
    type: "categorical"
    choices: [8, 16, 32]  # Keep 16 + explore smaller/larger
  demo_agg:
    type: "categorical"
    choices: ["flatten", "mean"]  # Keep both for validation
  use_coords:
    type: "categorical"
    choices: [true, false]  # Keep both (only 3.5% difference)
  lr:
    type: "float"
    low: 5e-5      # Slightly wider than elite range
    high: 5e-4
    log: true
  weight_decay:
    type: "float"
    low: 1e-7
    high: 0.05     # Wider than elite range
    log: true
  embed_dim:
    type: "categorical"
    choices: [128, 256, 512]  # Add back 256 for exploration
  depth:
    type: "int"
    low: 3
    high: 9
  mlp_hidden:
    type: "categorical"
    choices: [256, 512, 2048]  # Add back 512
  width_mult:
    type: "float"
    low: 0.5
    high: 4.5
"""

A = "parameters: {a: {type: int, low: 0, high: 1}}"

OWN = """
method: tpe
configurations: 40
seeds: {first: 1000, count: 3}
objectives: [{metric: accuracy, direction: maximize}]
halving: {first: 3, factor: 3}
fixed: {training.epochs: 8, model.widths: [64, 128]}
parameters:
  model.encoder: {type: categorical, choices: [cnn, context]}
  model.depth: {type: int, low: 2, high: 6, hard: {min: 1}, when: {model.encoder: cnn}}
  training.learning_rate: {type: float, low: 5.0e-5, high: 0.01, log: true, unit: per step}
  training.batch_size: {type: categorical, choices: [8, 16, 32, 64], ordered: true}
"""


def pointed(text: str) -> str:
    """The report's text with its numbers as YAML 1.1 wants them."""
    for number in ("1e-7", "5e-5", "5e-4"):
        text = text.replace(f" {number}", f" {number[0]}.0{number[1:]}")
    return text


def contents(file: SweepFile) -> tuple[SweepSettings, list[str]]:
    return file.settings(), file.translation.warnings


def refused(text: str) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(UserError) as caught:
        read_sweep_content(yaml.safe_load(text), "s").settings()
    line = str(caught.value)
    assert "\n" not in line
    return line


def searched(entry: str) -> str:
    return f"configurations: 5\nparameters:\n  {entry}"


# The report's layout


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (OPTION_A, ["param_ranges.weight_decay.low: '1e-7' is text to YAML, not a number."]),
        (
            OPTION_B,
            [
                "param_ranges.lr.low: '5e-5' is text to YAML",
                "Write 5.0e-5.",
                "param_ranges.lr.high: '5e-4'",
                "param_ranges.weight_decay.low: '1e-7' is text",
                "(write 1.0e-7)",
            ],
        ),
    ],
)
def test_the_reports_own_numbers_are_text_and_it_says_so(text: str, keys: list[str]) -> None:
    line = refused(text)
    for words in keys:
        assert words in line


def test_option_a_is_read_as_it_stands() -> None:
    settings, warnings = contents(read_sweep_content(yaml.safe_load(pointed(OPTION_A)), "v3"))
    assert settings.method == "tpe"
    assert settings.configurations == 50
    assert settings.fixed == yaml.safe_load(OPTION_A)["fixed"]
    assert settings.fixed["use_cosine"] is False
    assert list(settings.parameters) == list(yaml.safe_load(OPTION_A)["param_ranges"])
    assert settings.parameters["lr"] == FloatParameter(
        type="float", low=6.7e-5, high=2.5e-4, log=True
    )
    assert settings.parameters["depth"] == IntParameter(type="int", low=4, high=9)
    assert settings.parameters["embed_dim"] == CategoricalParameter(
        type="categorical", choices=(128, 512), ordered=True
    )
    assert warnings == [
        "study_name: visual_classifier_cnn_refined_v3 is not used; a sweep is called what its "
        "file is called"
    ]


def directed(settings: SweepSettings) -> tuple[str, ...]:
    """Parameters of which a larger value means something."""
    return tuple(name for name, one in settings.parameters.items() if has_direction(one))


def test_option_b_is_read_as_it_stands() -> None:
    settings, _ = contents(read_sweep_content(yaml.safe_load(pointed(OPTION_B)), "v3"))
    assert settings.configurations == 100
    assert settings.parameters["weight_decay"].low == 1e-7
    coords = settings.parameters["use_coords"]
    assert isinstance(coords, CategoricalParameter)
    assert coords.choices == (True, False)
    assert not coords.ordered
    assert directed(settings) == (
        "batch_size", "lr", "weight_decay", "embed_dim", "depth", "mlp_hidden", "width_mult",
    )  # fmt: skip


def test_conditions_limits_and_order_may_stand_in_the_reports_layout(tmp_path: Path) -> None:
    path = tmp_path / "v4.yml"
    path.write_text(
        "study_name: v4\nn_trials: 20\nseeds: {count: 2}\nparam_ranges:\n"
        "  encoder_type: {type: categorical, choices: [cnn, context]}\n"
        "  depth: {type: int, low: 2, high: 6, hard: {min: 1}, when: {encoder_type: cnn}}\n"
        "  batch_size: {type: categorical, choices: [8, 16], ordered: false}\n"
    )
    settings, warnings = contents(read_sweep(path))
    assert warnings == []
    assert settings.seeds.count == 2
    assert settings.parameters["depth"].when == {"encoder_type": "cnn"}
    assert settings.parameters["depth"].limits[0] == 1
    assert directed(settings) == ("depth",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n_trials: 5", "param_ranges: is missing. Add it."),
        ("study_name: x\nparam_rangs: {}", "param_ranges: is missing"),
        ("n_trials: 5\nparameters: {}", "parameters: there is no such key beside n_trials"),
        ("n_trials: 0\nparam_ranges: {a: {type: int, low: 0, high: 1}}", "n_trials: must be"),
        ("param_ranges: {a: {type: int, low: 0, high: 1}}", "Give `n_trials` or `seconds`"),
        ("n_trials: '5'\nparam_ranges: {a: {type: int, low: 0, high: 1}}", "n_trials: '5' is text"),
        (
            "n_trials: 5\nparam_ranges: {a: {type: loguniform, low: 0, high: 1}}",
            "param_ranges.a.type: there is no 'loguniform'. Write one of float, int, categorical.",
        ),
    ],
)
def test_mistakes_are_told_in_the_reports_words(text: str, words: str) -> None:
    assert words in refused(text)


# Our own layout


def test_our_own_layout_round_trips(tmp_path: Path) -> None:
    path = tmp_path / "base.yml"
    path.write_text(OWN)
    settings, warnings = contents(read_sweep(path))
    assert warnings == []
    assert settings == SweepSettings.model_validate(yaml.safe_load(OWN))
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json", exclude_unset=True)))
    assert contents(read_sweep(path)) == (settings, [])


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("a: {type: float, low: 2, high: 1}", "parameters.a: low 2 must be below high 1. A single"),
        ("a: {type: int, low: 2, high: 2}", "parameters.a: low 2 must be below high 2."),
        ("a: {type: float, low: 0, high: 1, log: true}", "a: low 0 must be above 0 on a log scale"),
        ("a: {type: float, low: 1e-7, high: 1}", "a.low: '1e-7' is text to YAML, not a number. W"),
        ("a: {type: int, low: 1, high: '8'}", "a.high: '8' is text to YAML, not a number. Write 8"),
        ("a: {type: float, low: low, high: 1}", "parameters.a.low: 'low' is no number."),
        ("a: {type: int, low: 1.5, high: 3}", "parameters.a.low: 1.5 is no whole number."),
        ("a: {type: int, low: true, high: 3}", "parameters.a.low: True is no whole number."),
        ("a: {type: float, low: .nan, high: 3}", "parameters.a.low: must be a finite number."),
        ("a: {type: float, low: 1}", "parameters.a.high: is missing. Add it."),
        ("a: {low: 1, high: 2}", "parameters.a.type: is missing. Write one of float, int"),
        ("a: {type: float, low: 0, high: 1, logg: true}", "no such key. Did you mean log?"),
        ("a: {type: categorical, choices: [1], low: 1}", "parameters.a.low: there is no such key"),
        ("a: {type: categorical, choices: []}", "parameters.a.choices: there is nothing in it."),
        ("a: {type: categorical, choices: [x, 1e-3]}", "choices[1]: '1e-3' is text to YAML"),
        ("a: {type: categorical, choices: [[1], 2]}", "choices[0]: [1] is not a single value."),
        ("a: {type: categorical, choices: [1, 1]}", "parameters.a: choices hold 1 twice. Name it"),
        ("a: {type: categorical, choices: [2, 1], ordered: true}", "ascending order. Sort them."),
        ("a: {type: float, low: 0, high: 1, hard: {max: 0.5}}", "leaves the hard limits. Narrow"),
        ("a: {type: float, low: 0, high: 1, hard: {mn: 0}}", "a.hard.mn: there is no such key."),
        ("a: {type: int, low: 0, high: 1, when: {b: 1}}", "a.when: there is no parameter b."),
        ("a: {type: int, low: 0, high: 1, when: {b: 1e-3}}", "a.when.b: '1e-3' is text to YAML"),
        ("a: 3", "parameters.a: 3 holds no keys with values. Write it as `key: value`."),
        ("1: {type: int, low: 0, high: 1}", "no text to YAML. Put it in quotes."),
        ("seed: {type: int, low: 0, high: 9}", "a seed is a blocking factor, not a parameter"),
        ("data.random_seed: {type: int, low: 0, high: 9}", "say `seeds: {first: .., count: ..}`"),
    ],
)
def test_a_wrong_parameter_is_one_line_with_the_remedy(entry: str, words: str) -> None:
    assert words in refused(searched(entry))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("configurations: 5", "parameters: is missing. Add it."),
        ("configurations: 5\nparameters: [a]", "parameters: ['a'] holds no keys with values."),
        ("parameters: {a: {type: int, low: 0, high: 1}}", "method tpe has no end. Give `config"),
        ("configuration: 5\nparameters: {a: {type: int, low: 0, high: 1}}", "mean configurations?"),
        (
            "method: grid\nparameters: {a: {type: float, low: 0, high: 1}}",
            "method grid: a has infinitely many values. Give it a step or choices, or use another",
        ),
        (
            "method: sobol\nparameters: {a: {type: int, low: 0, high: 1}}",
            "method: there is no 'sobol'. Write 'grid', 'random', 'quasi_random' or 'tpe'.",
        ),
        (
            "configurations: 9\nhalving: {first: 0}\nparameters: {a: {type: int, low: 0, high: 1}}",
            "halving.first: must be greater than or equal to 1.",
        ),
        *(
            (f"halving: {block}\nconfigurations: 9\n{A}", words)
            for block, words in (
                ("{factor: 2}", "halving: needs either `first` or `rungs`. Give one of the two."),
                ("{first: 1, rungs: [2]}", "halving: needs either `first` or `rungs`."),
                ("{rungs: [9, 3]}", "halving: rungs [9, 3] do not rise. Sort them, each once."),
                ("{rungs: [3, 3]}", "rungs [3, 3] do not rise"),
                ("{rungs: []}", "halving.rungs: there is nothing in it. Write at least one."),
                ("{rungs: [0]}", "halving.rungs[0]: must be greater than or equal to 1."),
                ("{rungs: [3], brackets: 2}", "2 brackets need as many rungs, not 1. Lower"),
            )
        ),
        (
            "configurations: 9\nseeds: {first: 2001}\n"
            "parameters: {a: {type: int, low: 0, high: 1}}",
            "confirmation.seeds: 2001 is a seed of the search too. Choose others.",
        ),
        (
            "configurations: 9\nseeds: {chosen: [1, 5, 1]}\n"
            "parameters: {a: {type: int, low: 0, high: 1}}",
            "seeds: chosen holds seed 1 twice. Name it once.",
        ),
        (
            "configurations: 9\nfixed: {a: 1}\nparameters: {a: {type: int, low: 0, high: 1}}",
            "a: both fixed and searched. Keep one of the two.",
        ),
        (
            "configurations: 9\nfixed: {seed: 1}\nparameters: {a: {type: int, low: 0, high: 1}}",
            "seed: a seed is a blocking factor",
        ),
        (
            "configurations: 9\nparameters:\n"
            "  a: {type: categorical, choices: [1, 2], when: {b: 1}}\n"
            "  b: {type: categorical, choices: [1, 2], when: {a: 1}}",
            "conditions of a, b form a cyclic dependency.",
        ),
        (
            "configurations: 9\nparameters:\n  a: {type: categorical, choices: [x, y]}\n"
            "  b: {type: int, low: 0, high: 1, when: {a: z}}",
            "b.when: a is never 'z'. Write a value that it takes.",
        ),
        (
            "configurations: 9\nparameters:\n  a: {type: float, low: 0, high: 1}\n"
            "  b: {type: int, low: 0, high: 1, when: {a: 1}}",
            "b.when: a is a real number. Name a choice or a whole number.",
        ),
    ],
)
def test_a_wrong_sweep_is_one_line_with_the_remedy(text: str, words: str) -> None:
    assert words in refused(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f"configurations: 1000000000\n{A}",
            "configurations: must be less than or equal to 100000",
        ),
        (f"configurations: 5\ncohort: 1000000000\n{A}", "cohort: must be less than or equal"),
        (
            f"configurations: 5\nhalving: {{first: 1000000000000}}\n{A}",
            "halving.first: must be less",
        ),
        (f"configurations: 5\nhalving: {{rungs: [1000000000000]}}\n{A}", "rungs[0]: must be less"),
        (
            f"configurations: 5\nconfirmation: {{epochs: 1000000000000}}\n{A}",
            "epochs: must be less",
        ),
        (
            searched("a: {type: int, low: 0, high: 1000000000000}"),
            "parameters.a: 1,000,000,000,001 values are more than 1,000,000. Give it a larger step",
        ),
        (
            searched("a: {type: float, low: 0, high: 1, step: 1.0e-12}"),
            "parameters.a: 1,000,000,000,001 values are more than",
        ),
        (searched(f"a: {{type: int, low: 0, high: {10**400}}}"), "a.high: a whole number beyond 9"),
        (searched(f"a: {{type: categorical, choices: [1, {10**400}]}}"), "a whole number beyond"),
        (
            searched(f"a: {{type: categorical, choices: {list(range(50_000))}}}"),
            "parameters.a: 50,000 choices are more than 1,000. Take some out, or write a range",
        ),
        (
            "method: grid\nparameters:\n"
            + "".join(f"  p{k}: {{type: int, low: 1, high: 1000}}\n" for k in range(4)),
            "a grid of 1,000,000,000,000 configurations is more than 100,000. Take values out",
        ),
        (
            "configurations: 5\nparameters:\n  a: {type: int, low: 0, high: 1000000000000}\n"
            "  b: {type: int, low: 0, high: 1, when: {a: 3}}",
            "parameters.a: 1,000,000,000,001 values",
        ),
    ],
)
def test_absurd_sizes_are_one_line_at_once(text: str, words: str) -> None:
    assert words in refused(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("method: [grid]\nparameters: {a: {values: [1]}}", "method: '['grid']' is not supported"),
        ("method: {a: 1}\nparameters: {a: 1}", "method: "),
        ("method: grid\n1: x\nrun_cap: 3\nparameters: {a: {values: [1]}}", "1: W&B has no such"),
        ("method: grid\nmetric: [a]\nparameters: {a: {values: [1]}}", "metric.name is missing"),
        ("method: grid\nmetric: {name: a, goal: [x]}\nparameters: {a: {values: [1]}}", "goal: th"),
        ("method: grid\nparameters: {a: {distribution: [x], values: [1]}}", "no distribution"),
        (
            "method: grid\nparameters: {seed: {min: 1, max: 1000000000000}, a: {values: [1]}}",
            "10,0",
        ),
        (
            "method: random\nrun_cap: 9\nparameters:\n"
            "  a: {distribution: q_uniform, min: 0, max: 1, q: 1.0e-300}",
            "q 1e-300 is too small for 0 to 1. Raise it.",
        ),
        (f"method: grid\nparameters: {{a: {{min: 1, max: {10**400}}}}}", "a whole number beyond"),
        (
            "method: grid\nearly_terminate: {type: hyperband, max_iter: .inf, s: 2}\n"
            "parameters: {a: {values: [1]}}",
            "max_iter: inf is no whole number from 1",
        ),
        (
            f"method: grid\nearly_terminate: {{type: hyperband, min_iter: {10**400}}}\n"
            "parameters: {a: {values: [1]}}",
            "is no whole number from 1 to 1,000,000",
        ),
        (
            "method: grid\nearly_terminate: {type: hyperband, max_iter: 9, s: 1000000000000}\n"
            "parameters: {a: {values: [1]}}",
            "early_terminate.s: 1000000000000 is no whole number from 1",
        ),
        ("study_name: x\nn_trials: 5\nparam_ranges: {a: {condition: 3}}", "Write {equals: {oth"),
        (
            "n_trials: 5\nparam_ranges: {a: {condition: {equals: {b: 1}}, when: {b: 1}}}",
            "param_ranges.a: `when` and `condition` say the same. Keep one",
        ),
        (
            f"configurations: 5\nfixed: {{b: '${{globals:data}}'}}\n{A}",
            "fixed.b: ${globals:data} is",
        ),
        ("method: grid\nparameters: {a: {values: ['${x}']}}", "a.choices[0]: ${x} is not replaced"),
    ],
)
def test_odd_content_is_one_line_and_no_traceback(text: str, words: str) -> None:
    assert words in refused(text)


def test_all_mistakes_of_a_wandb_file_are_told_at_once() -> None:
    line = refused(
        "method: custom\nrun_cap: x\nschedular: 3\nmetric: {goal: minimize}\n"
        "early_terminate: {type: median}\nparameters:\n  a: {distribution: normal}\n"
        "  b: {values: []}\n  seed: {min: 0.0, max: 1.0}"
    )
    for words in (
        "schedular: W&B has no such key",
        "method: 'custom' is not supported",
        "parameters.a: distribution normal",
        "parameters.b: values must be",
        "parameters.seed: a seed is drawn",
        "run_cap: 'x' is no whole number",
        "metric.name is missing",
        "early_terminate: only type: hyperband",
    ):
        assert words in line


def test_all_mistakes_between_keys_are_told_at_once() -> None:
    line = refused(
        "configurations: 5\nfixed: {c: 1}\nparameters:\n"
        "  a: {type: float, low: 0, high: 1}\n  c: {type: int, low: 0, high: 1}\n"
        "  d: {type: int, low: 0, high: 1, when: {a: 1}}\n"
        "  e: {type: int, low: 0, high: 1, when: {aa: 1}}\n"
    )
    for words in ("c: both fixed", "d.when: a is a real", "no parameter aa (did you mean a?)"):
        assert words in line


def test_many_mistakes_are_counted() -> None:
    entries = ", ".join(f"p{k}: {{type: float, low: 1e-{k}, high: 9}}" for k in range(1, 29))
    line = refused(f"configurations: 5\nparameters: {{{entries}}}")
    assert "p1.low: '1e-1' is text" in line
    assert "p5.low" in line
    assert line.endswith("and 8 more.")


# Files


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no keys with values"),
        ("- a\n- b\n", "holds no keys with values"),
        ("a: [1", "line 1"),
        ("method: tpe\nparameters: {}\nmethod: grid\n", "line 3: 'method' is given twice, in line"),
        ("parameters:\n  lr: {type: float, low: 1, low: 2}\n", "line 2: 'low' is given twice"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("a: !own {b: 1}", "could not determine a constructor for the tag '!own'"),
        ("a: 2026-13-01", "month must be in 1..12. Put it in quotes if it is text"),
        ("a: " + "[" * 60 + "]" * 60, "is nested more than 50 deep. Write it flatter"),
        ("a: " + "[" * 20_000, "is nested more than 50 deep"),
        ('{"a":' * 60 + "1" + "}" * 60, "is nested more than 50 deep"),
        ("a: &a [*a]", "is nested more than 50 deep"),
        (
            "a: &a [1, 1]\n"
            + "".join(
                f"b{k}: &b{k} [*{'a' if not k else f'b{k - 1}'}, "
                f"*{'a' if not k else f'b{k - 1}'}]\n"
                for k in range(20)
            ),
            "more than 200,000 values",
        ),
    ],
)
def test_a_file_that_is_no_sweep(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "s.yml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_sweep(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yml cannot be read: No such file"):
        read_sweep(tmp_path / "none.yml")
    path = tmp_path / "latin.yml"
    path.write_bytes("fixed: {a: \xe9}".encode("latin-1"))
    with pytest.raises(UserError, match="not text in UTF-8"):
        read_sweep(path)


def test_a_merge_may_replace_what_it_brings(tmp_path: Path) -> None:
    path = tmp_path / "s.yml"
    path.write_text(
        "configurations: 5\nparameters:\n"
        "  a: &range {type: float, low: 0.1, high: 1.0}\n"
        "  b: {<<: *range, high: 2.0}\n"
    )
    settings, _ = contents(read_sweep(path))
    assert settings.parameters["b"].high == 2.0


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        ({"parameters": {"a": {"type": "int"}}}, "own"),
        ({"parameters": {"a": {"low": 1, "high": 2}}}, "own"),
        ({"parameters": {"a": {"values": [1]}}}, "wandb"),
        ({"parameters": {"a": {"min": 1, "max": 2}}, "method": "random"}, "wandb"),
        ({"parameters": {"a": {}}, "method": "bayes"}, "wandb"),
        ({"parameters": {"a": {}}, "run_cap": 3}, "wandb"),
        ({"param_ranges": {}}, "report"),
        ({"study_name": "v3", "parameters": {}}, "report"),
        ({}, "own"),
    ],
)
def test_the_layout_is_recognised(content: dict[str, Any], layout: str) -> None:
    assert layout_of(content) == layout


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=50, deadline=None)
@given(finite.map(repr) | finite.map("{:e}".format) | finite.map("{:.0e}".format) | st.just("inf"))
def test_the_remedy_for_a_number_is_a_number(text: str) -> None:
    with pytest.raises(ValueError, match="is text to YAML") as caught:
        refuse_text(text)
    advised = str(caught.value).partition("; write ")[2]
    assert yaml.safe_load(advised) == float(text)


# Names of a study

NAMES = {
    "lr": ParameterAlias("training.learning_rate"),
    "encoder": ParameterAlias("model.encoder"),
    "use_cosine": ParameterAlias("model.similarity", {True: "cosine", False: "dot"}),
    "agg": ParameterAlias("model.aggregation", {"flatten": "concatenate"}),
}


def test_short_names_become_a_studys_keys_and_words() -> None:
    settings = SweepSettings.model_validate(
        {
            "configurations": 5,
            "fixed": {"agg": "flatten", "training.epochs": 8},
            "parameters": {
                "lr": {"type": "float", "low": 0.1, "high": 1.0, "when": {"use_cosine": True}},
                "use_cosine": {"type": "categorical", "choices": [True, False]},
                "encoder": {"type": "categorical", "choices": ["cnn", "context"]},
                "model.depth": {
                    "type": "int",
                    "low": 1,
                    "high": 3,
                    "when": {"encoder": ["cnn"], "use_cosine": [True, False]},
                },
            },
        }
    )
    renamed = rename(settings, NAMES)
    assert renamed.fixed == {"model.aggregation": "concatenate", "training.epochs": 8}
    similarity = renamed.parameters["model.similarity"]
    assert similarity.choices == ("cosine", "dot")
    assert renamed.parameters["training.learning_rate"].when == {"model.similarity": "cosine"}
    assert renamed.parameters["model.depth"].when == {
        "model.encoder": ["cnn"],
        "model.similarity": ["cosine", "dot"],
    }
    assert renamed.configurations == 5
    assert rename(renamed, NAMES) == renamed
    assert rename(settings, {}) == settings


def test_true_and_one_are_different_words() -> None:
    name = ParameterAlias("k", {True: "yes"})
    assert name.value(True) == "yes"
    assert name.value(1) == 1


@pytest.mark.parametrize(
    ("parameters", "names", "words"),
    [
        (
            {
                "lr": {"type": "int", "low": 1, "high": 2},
                "training.learning_rate": {"type": "int", "low": 1, "high": 2},
            },
            NAMES,
            "lr and training.learning_rate are both training.learning_rate. Keep one",
        ),
        (
            {"agg": {"type": "int", "low": 1, "high": 2}},
            NAMES,
            "agg: the study wants one of some values here, not a range. Write it as "
            "categorical with choices of flatten",
        ),
        (
            {"a": {"type": "categorical", "choices": ["x", "y"]}},
            {"a": ParameterAlias("a", {"x": "z", "y": "z"})},
            "parameters.a: choices hold 'z' twice",
        ),
        (
            {"lr": {"type": "int", "low": 1, "high": 2}},
            {"lr": ParameterAlias("training.seed")},
            "training.seed: a seed is a blocking factor",
        ),
    ],
)
def test_names_that_do_not_fit(
    parameters: dict[str, Any], names: dict[str, ParameterAlias], words: str
) -> None:
    settings = SweepSettings.model_validate({"configurations": 5, "parameters": parameters})
    with pytest.raises(UserError) as caught:
        rename(settings, names)
    assert words in str(caught.value)
