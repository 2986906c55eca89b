"""What a trial's name depends on, and that formulas do not change under an old version."""

import hashlib
import importlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import grimp
import pytest

import latentlab
from labs.trainer import config
from latentlab.studies.registry import STUDIES
from latentlab.training import trial as trial_module
from latentlab.training.method_code import formulas
from latentlab.training.trial import TRAINER_VERSION, Trial

ONE = Trial("derp_vae", "standard", 0, config(), "data", "float32", 1)


def leaves(block, prefix=()):
    for name, value in block.items():
        if isinstance(value, dict):
            yield from leaves(value, (*prefix, name))
        else:
            yield (*prefix, name), value


def changed(value, path):
    """Another allowed value of a field."""
    choices = {
        "optimiser": "sgd",
        "schedule": "cosine",
        "monitor": "train_total",
        "keep": "best",
        "architecture": "convolutional",
        "resample_probes": "per_step",
        "validation_fraction": 0.2,
    }
    if path[-1] in choices:
        return choices[path[-1]]
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value * 0.5 + 0.01


FULL = config(objective={"probes": 3, "distributional_weight": 1.0})
FIELDS = list(leaves(FULL.model_dump(mode="json")))


@pytest.mark.parametrize(("path", "value"), FIELDS, ids=[".".join(path) for path, _ in FIELDS])
def test_every_field_of_the_configuration_is_part_of_the_name(path, value):
    block = FULL.model_dump(mode="json")
    inner = block
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = changed(value, path)
    other = type(FULL).model_validate(block)
    assert replace(ONE, config=other).id != replace(ONE, config=FULL).id


@pytest.mark.parametrize(
    "change",
    [
        {"data": "other"},
        {"seed": 1},
        {"precision": "bfloat16"},
        {"method_version": 2},
        {"study": "other"},
    ],
)
def test_everything_else_that_decides_is_part_of_the_name(change):
    assert replace(ONE, **change).id != ONE.id


def test_the_trainers_version_is_part_of_the_name(monkeypatch):
    before = replace(ONE).id
    monkeypatch.setattr(trial_module, "TRAINER_VERSION", TRAINER_VERSION + 1)
    assert replace(ONE).id != before


def test_an_arms_name_is_not():
    assert replace(ONE, arm="other").id == ONE.id
    # Nor how a number was written.
    assert replace(ONE, config=config(objective={"beta": 1})).id == ONE.id


def test_names_are_stable():
    """Changes only with a configuration's fields: then finished trials are trained again."""
    assert ONE.id == "aba4ff2867dfa3b6"


def test_arms_of_a_seed_share_a_stream():
    other = replace(ONE, arm="b", config=FULL, precision="bfloat16", method_version=9)
    assert other.stream == ONE.stream
    assert replace(ONE, seed=1).stream != ONE.stream
    assert replace(ONE, data="other").stream != ONE.stream


def test_signatures_split_what_cannot_share_a_program():
    same = config(
        training={"learning_rate": 0.1, "gradient_clip": 2.0},
        objective={"beta": 0.0, "perceptual_weight": 0.9},
        model={"dropout": 0.5},
    )
    assert replace(ONE, config=same).signature == ONE.signature
    for apart in (
        {"model": {"hidden": 32}},
        {"model": {"dropout": 0.0}},
        {"objective": {"perceptual_weight": 0.0}},
        {"objective": {"probes": 3, "distributional_weight": 1.0}},
        {"training": {"batch_size": 32}},
        {"training": {"schedule": "cosine"}},
        {"training": {"stop_patience": 2}},
    ):
        assert replace(ONE, config=config(**apart)).signature != ONE.signature


# Formulas and their versions.

SOURCE = Path(latentlab.__file__).parent
LEDGER = Path(__file__).with_name("method_versions.json")


@cache
def graph():
    """What every module of the package imports."""
    return grimp.build_graph("latentlab")


def imported(study, name):
    """A study's module and all its formulas stand on: of the study, of `nn` and of `metrics`."""
    module = f"latentlab.studies.{study}.{name}"
    deciding = (f"latentlab.studies.{study}.", "latentlab.nn.", "latentlab.metrics.")
    restored = "latentlab.experiment.trained_model"
    found = {module} | {
        each
        for each in graph().find_upstream_modules(module)
        if each.startswith(deciding) or each == restored
    }
    # Names and directions of metrics decide no number.
    found -= {"latentlab.metrics.metric"}
    return [f"{each.removeprefix('latentlab.').replace('.', '/')}.py" for each in sorted(found)]


def study_formulas(name):
    """Version, where it is said, and the modules of a study whose formulas decide a trial."""
    version = STUDIES[name].method.version
    return version, f"version in src/latentlab/studies/{name}/method.py", imported(name, "method")


def measurements(name, module):
    """Version, where it is said, and the modules that decide scores of the same trained model."""
    version = importlib.import_module(f"latentlab.studies.{name}.{module}").VERSION
    where = f"VERSION in src/latentlab/studies/{name}/{module}.py"
    return version, where, imported(name, module)


TRAINED = (
    "derp_vae",
    "mixture_harmonium",
    "arc_classifier",
    "least_volume",
    "anchored_multimodal",
    "vae_objectives",
)
"""Studies with a method of their own."""

OWNERS = {
    "trainer": (
        TRAINER_VERSION,
        "TRAINER_VERSION in src/latentlab/training/trial.py",
        [
            *(f"training/{name}.py" for name in ("cohort", "program", "validation", "data")),
            *(f"training/{name}.py" for name in ("noise", "streams", "state", "parameters")),
            *(f"training/{name}.py" for name in ("optimiser", "schedules", "plateau", "per_trial")),
            "training/step.py",
            "training/step_loop.py",
            "training/group.py",
            "training/plain/method.py",
            "training/plain/trial.py",
            "compute/generators.py",
            "data/splitting.py",
        ],
    ),
    **{name: study_formulas(name) for name in TRAINED},
    **{f"{name} evaluation": measurements(name, "evaluation") for name in TRAINED},
    **{
        f"{name} baselines": measurements(name, "baselines")
        for name in TRAINED
        if (SOURCE / f"studies/{name}/baselines.py").exists()
    },
}


def digest(paths):
    text = "\n".join(f"{path}\n{formulas((SOURCE / path).read_text())}" for path in paths)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("owner", OWNERS)
def test_a_changed_formula_has_a_new_version(owner):
    version, where, paths = OWNERS[owner]
    known = json.loads(LEDGER.read_text())[owner]
    found = digest(paths)
    if known.get(str(version)) != found:
        pytest.fail(
            f"Formulas of {owner} changed: if a trial now ends with other weights (or, in a module "
            f"that measures, the same model has another score), raise {where} "
            f"(if not, keep it); then write {found} for that version of {owner} into "
            f"{LEDGER.relative_to(SOURCE.parents[1])}.",
            pytrace=False,
        )


def test_words_are_no_formulas():
    plain = "x = Field(1, ge=0)\n\n\ndef f(y):\n    return y + 1\n"
    wordy = (
        '"""Module."""\n\nx = Field(1, ge=0, description="more")  # comment\n"""Of x."""\n\n\n'
        'def f(y):\n    """Add."""\n    return (y\n            + 1)\n'
    )
    assert formulas(plain) == formulas(wordy)
    assert formulas(plain) != formulas(plain.replace("+ 1", "+ 2"))
    assert formulas(plain) != formulas(plain.replace("ge=0", "ge=1"))


def test_everything_that_measures_has_a_version_in_the_ledger():
    studies = [study for study in STUDIES.values() if not study.advises]
    named = {f"{study.name} evaluation" for study in studies}
    named |= {f"{study.name} baselines" for study in studies if study.baselines}
    assert named == {owner for owner in OWNERS if " " in owner}
