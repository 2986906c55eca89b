"""What is examined: an arm of a study, or the configuration of a trained trial; and all of it.

What an examination says is kept beside the study's trials, until what it depends on changes: the
study's next report has it as a section.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from latentlab.core.errors import UserError
from latentlab.core.file_names import file_name
from latentlab.core.validation import nearest
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.examination.cohort import Setting
from latentlab.experiment.examination.examine import Examination, examine
from latentlab.experiment.examination.levers import latent_model_of
from latentlab.experiment.examination.pictures import interpolations, samples, traversals
from latentlab.experiment.examination.recording import off_since, record_units
from latentlab.experiment.examination.report import examination_document, examination_section
from latentlab.experiment.examination.units import units_of
from latentlab.experiment.measurements import load_values, save_values
from latentlab.experiment.study import Study
from latentlab.reporting import Document, Section
from latentlab.training.config import TrialConfig
from latentlab.training.data import data_spec
from latentlab.training.store import TrialStore
from latentlab.training.streams import generator
from latentlab.training.trial import Trial
from latentlab.training.trial_files import CONFIG

VERSION = 1
"""Raised when an examination of the same models says something else."""


class Examined(NamedTuple):
    """A configuration and the seeds that it is examined with."""

    arm: str
    config: TrialConfig
    seeds: tuple[int, ...]


def arm_of(study: Study, declaration: Declaration, arm: str | None, count: int) -> Examined:
    """Return an arm of a study with the first of its seeds.

    Args:
        study: whose arm it is.
        declaration: of the study.
        arm: its name; none: the arm that others are compared with.
        count: seeds.

    Raises:
        UserError: there is no such arm.
    """
    name = arm or declaration.control(study.control)
    if name not in declaration.configs:
        raise UserError(f"{study.name} has no arm {name}", nearest(name, list(declaration.configs)))
    return Examined(name, declaration.configs[name], declaration.seeds.numbers()[:count])


def trial_of(setting: Setting, trial_id: str, count: int) -> Examined:
    """Return the configuration of a trained trial, with its seed first.

    Raises:
        UserError: it is not kept here, or was trained on other data.
    """
    study, store, declaration = setting.study, setting.store, setting.declaration
    if not store.knows(trial_id):
        raise UserError(
            f"The trial {trial_id} is not in {store.trials}",
            "Give the --env of its run; a trial that was removed is trained again by its study.",
        )
    record = store.record(trial_id)
    if record.data != setting.prepared.fingerprint:
        raise UserError(
            f"The trial {trial_id} was trained on other data than what is prepared",
            f"Run {study.name}.data_preparation with the settings that it was trained with.",
        )
    text = (store.folder(trial_id) / CONFIG).read_text()
    config = declaration.config_class.model_validate_json(text)
    arms = [arm for arm, known in declaration.configs.items() if known == config]
    others = [seed for seed in declaration.seeds.numbers() if seed != record.seed]
    return Examined([*arms, trial_id][0], config, (record.seed, *others)[:count])


def examine_whole(
    setting: Setting, examined: Examined
) -> tuple[Examination, pd.DataFrame, Document]:
    """Examine a configuration, and keep what is said of it.

    Returns:
        What was found, the units that are off (`off_since`), and the report.

    Raises:
        UserError: as `examine` says.
    """
    found = examine(setting, examined.arm, examined.config, examined.seeds)
    trials = setting.trials({examined.arm: examined.config}, examined.seeds)
    record = record_units(setting, trials, setting.features("test"))
    off = off_since(record)
    document = examination_document(found, record, off, _pictures(setting, found, trials))
    section = examination_section(found, off)
    assert section.table is not None
    save_values(
        _kept(setting.store, examined.arm),
        _identity(setting.study, examined.config, setting.prepared.fingerprint),
        {
            "title": section.title,
            "sentences": list(section.sentences),
            "table": section.table.to_dict("records"),
            "note": section.note,
        },
    )
    return found, off, document


def kept_sections(
    study: Study, declaration: Declaration, data: str, store: TrialStore
) -> list[Section]:
    """Return what was said of the study's arms as they are now, in their order.

    Args:
        study: whose arms they are.
        declaration: of the study.
        data: fingerprint of the data.
        store: of its trials.
    """
    kept = [
        load_values(_kept(store, arm), _identity(study, config, data))
        for arm, config in declaration.configs.items()
    ]
    return [Section(**{**one, "table": pd.DataFrame(one["table"])}) for one in kept if one]


def _kept(store: TrialStore, arm: str) -> Path:
    return store.root / "examinations" / f"{file_name(arm)}.json"


def _identity(study: Study, config: TrialConfig, data: str) -> dict[str, Any]:
    return {
        "examination": VERSION,
        "config": config.model_dump(mode="json"),
        "data": data,
        "method": study.method.version,
    }


def _pictures(
    setting: Setting, found: Examination, trials: list[Trial]
) -> Mapping[str, Mapping[str, Any]]:
    """Return pictures of the first model that did not diverge; none where x is no picture."""
    spec = data_spec(setting.prepared)
    if spec.shape[0] not in (1, 3):
        return {}
    alive = set(found.seeds.loc[found.seeds["status"] != "diverged", "trial_id"])
    trial = next(trial for trial in trials if trial.id in alive)
    trained = setting.study.restore(setting.store.folder(trial.id), spec, torch.device("cpu"))
    model, features = latent_model_of(setting.study)(trained), setting.features("test")
    return {
        "Traversals": traversals(model, units_of(model, features), features[:1]),
        "Interpolations": interpolations(model, features),
        "Samples": samples(model, found.latent, generator(trial.stream, "examination/samples")),
    }
