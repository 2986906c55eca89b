"""What an editor knows of `conf/`: the same keys, ranges and words that a run knows."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from labs.project_copies import CHECKOUT
from latentlab.configuration.loader import LayeredConfigLoader
from latentlab.configuration.parameters import validated
from latentlab.configuration.schema import FOLDER, schema_files
from latentlab.core.errors import UserError
from latentlab.experiment.blocks import merged
from latentlab.settings import CONFIG_LOADER_ARGS

CONF = CHECKOUT / "conf"


def schema_of(file: Path) -> str | None:
    """The schema of a file in an environment of `conf/`; None where no model of ours reads it."""
    inside = file.relative_to(CONF).parts[1:]
    if len(inside) == 3 and inside[1] == "sweeps":
        return "sweep.json"
    if file.name.startswith("globals"):
        return "globals.json"
    return "parameters.json" if file.name.startswith(("parameters", "hypotheses")) else None


FILES = sorted(path for path in CONF.rglob("*.yml") if path.parent != CONF and schema_of(path))

WRONG = """
comput.device=cpu
raw_dat=data
retran=true
compute.engin=inline
compute.engine=threads
compute.device=gpu
compute.workers=0
compute.workers=100000
compute.threads=many
compute.precision=half
compute.compile=perhaps
compute.checkpoint_seconds=0
compute.cohort=0
compute.deterministic=perhaps
tracking.weights=some
tracking.weight=all
retrain=perhaps
raw_data=5
sweeps.restart=perhaps
sweeps.folder=[a]
analysis.direction=up
analysis.settings.resamples=few
evidence.sorce=a.csv
evidence.better=more
derp_vae.datset=digits
derp_vae.dataset=mnst
derp_vae.datasets.digit={}
derp_vae.datasets.digits.source.subst=100
derp_vae.datasets.digits.modl={}
derp_vae.datasets.digits.model.hiden=8
derp_vae.seeds.count=0
derp_vae.seeds.count=ten
derp_vae.seeds.first=-1
derp_vae.seeds.number=3
derp_vae.training.epochs=0
derp_vae.training.epochs=1.5
derp_vae.training.epoch=3
derp_vae.training.learning_rate=-1
derp_vae.training.optimiser=adamm
derp_vae.training.schedule=cosinus
derp_vae.training.batch_size=1
derp_vae.model.latent_dim=0
derp_vae.model.dropout=1
derp_vae.model.architecture=deep
derp_vae.objective.beta=-1
derp_vae.objective.gamma=1
derp_vae.arms.mine.objective.bta=1
derp_vae.arms.mine.modell={}
derp_vae.champion.metrics=accuracy
derp_vae.champion.split=test
derp_vae.sweep=[a]
derp_vae.amendmnt=because
derp_vae.hypotheses.famlies={}
derp_vae.hypotheses.families.primary.alpha=0.7
derp_vae.hypotheses.families.primary.correction=holmes
derp_vae.hypotheses.hypotheses.accuracy_kept.kind=superior
derp_vae.hypotheses.hypotheses.accuracy_kept.margn=0.1
derp_vae.hypotheses.hypotheses.accuracy_kept.margin=true
derp_vae.hypotheses.stopping.look=[5, 10]
least_volume.training.epochs=many
mixture_harmonium.objective.kl=1
arc_classifier.model.width=3.5
mixture_harmonium.plan.row=1
anchored_multimodal.champion.metric=[a]
"""


@cache
def schema(name: str) -> jsonschema.Draft7Validator:
    """A committed schema."""
    return jsonschema.Draft7Validator(json.loads((CONF / FOLDER / name).read_text()))


def block(setting: str) -> dict[str, Any]:
    """`a.b=1` as a file would have it."""
    key, _, text = setting.partition("=")
    found: Any = yaml.safe_load(text)
    for name in reversed(key.split(".")):
        found = {name: found}
    return dict(found)


@pytest.fixture(scope="module")
def right() -> dict[str, Any]:
    """All parameters of the project."""
    loader = LayeredConfigLoader(CONF, "smoke", **CONFIG_LOADER_ARGS)
    return loader["parameters"]


def test_the_committed_schemas_are_those_of_the_models() -> None:
    committed = {path.name: path.read_text() for path in (CONF / FOLDER).iterdir()}
    assert committed == schema_files(), "write them anew: latentlab schema"


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_each_file_names_its_schema_and_fits_it(file: Path) -> None:
    text = file.read_text()
    named = file.parent / text.partition("$schema=")[2].partition("\n")[0]
    assert named.resolve() == CONF / FOLDER / str(schema_of(file))
    # An editor takes a date for a text.
    content = json.loads(json.dumps(yaml.safe_load(text), default=str))
    schema(named.name).validate(content)


@pytest.mark.parametrize("setting", WRONG.strip().splitlines())
def test_what_is_wrong_is_underlined_and_refused(setting: str, right: dict[str, Any]) -> None:
    wrong = block(setting)
    assert not schema("parameters.json").is_valid(wrong)
    with pytest.raises(UserError):
        validated(merged(right, wrong))


def test_a_reference_may_stand_for_any_value() -> None:
    fits = schema("parameters.json").is_valid
    assert fits(block("derp_vae.seeds.count=${globals:seeds}"))
    assert not fits(block("derp_vae.seeds.count=five"))


def test_a_study_of_programs_needs_no_new_schema() -> None:
    fits = schema("parameters.json").is_valid
    assert fits({"mine": {"program": {"command": ["python", "train.py"], "timeout": "2h"}}})
    assert not fits({"mine": {"program": {"comand": ["python"]}}})
