"""What a run of a study will take and can show, measured before anything is trained.

Nothing is kept but the plans that are measured, which the run then takes as they are.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import (
    device_count,
    process_settings_kept,
    resolve_device,
    set_threads,
)
from latentlab.core.durations import duration
from latentlab.data import Prepared, load_prepared, save_prepared
from latentlab.evidence.attempts import attempts
from latentlab.evidence.prospects import Prospect, prospects
from latentlab.evidence.standing import Standing
from latentlab.evidence.tables import Tables, tidy
from latentlab.experiment.baselines import baseline_trials, fitted_baselines
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.looks import by_look
from latentlab.experiment.planning import plan_trials
from latentlab.experiment.registering import read_record
from latentlab.experiment.scoring import kept_examples
from latentlab.experiment.scoring_jobs import WORTH_WORKERS
from latentlab.experiment.study import Study
from latentlab.experiment.timing import seconds_per_step
from latentlab.experiment.trained_model import TrainedModel
from latentlab.experiment.trial_scores import Splits, model_scores
from latentlab.reporting.prospects import CAUTION, prospect_line
from latentlab.training.calibration import POOL_SECONDS
from latentlab.training.data import StudyData
from latentlab.training.estimate import Estimate
from latentlab.training.groups import open_group
from latentlab.training.store import TrialStore
from latentlab.training.trains import Trains
from latentlab.training.trial import Trial

START_SECONDS = 7.0
"""Until the first stage: Python, Kedro, PyTorch, MLflow. These and the next were measured once, on
two cores that did little else, in runs of `derp_vae`."""
TRACKING_SECONDS = 0.06
"""Of each trial, for its run in MLflow, with its weights and histories."""
CLAIM_SECONDS = 0.15
"""Of each claim, for its verdict."""
REPORT_SECONDS = 3.0
"""For comparison, figures and report."""


@dataclass(frozen=True)
class Forecast:
    """What a run will take and can show.

    Attributes:
        planned: trials of the study.
        known: those that are trained already.
        first_look: trials to train until the first declared look; None without looks.
        stages: seconds by stage, as in the run's terminal; what nobody knows is left out.
        bytes: of memory at once.
        stops_early: whether trials may stop before their last epoch: the time is an upper limit.
        claims: what each claim can show.
    """

    planned: int
    known: int
    first_look: int | None
    stages: Mapping[str, float]
    bytes: int
    stops_early: bool
    claims: Sequence[Prospect]

    @property
    def to_train(self) -> int:
        """Trials that are not trained yet."""
        return self.planned - self.known

    def lines(self) -> list[str]:
        """Return the forecast in words."""
        trials = f"{self.planned:,} trials, {self.known:,} known, {self.to_train:,} to train"
        less = ["trials may stop early"] if self.stops_early else []
        if self.first_look is not None:
            trials += f" at most, {self.first_look or 'none'} until the first look"
            less.append("a look may be the last")
        upper = f" at most ({', '.join(less)})" if less and self.to_train else ""
        took = "nobody knows how long training takes; beside it"
        if self.seconds is not None:
            took = f"about {duration(self.seconds)}{upper}"
        parts = ", ".join(f"{name} {duration(part)}" for name, part in self.stages.items())
        found = [trials, f"{took}: {parts}"]
        if self.bytes:
            found.append(f"{self.bytes / 1e9:.2g} GB of memory at once")
        return [*found, *map(prospect_line, self.claims), CAUTION]

    def content(self) -> dict[str, Any]:
        """Return the forecast for programs."""
        return asdict(self) | {"to_train": self.to_train, "seconds": self.seconds}

    @property
    def seconds(self) -> float | None:
        """Of the whole run; None where a stage is not known."""
        return sum(self.stages.values()) if "training" in self.stages else None


def forecast(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    made_from: Any,
    store: TrialStore,
    scores: pd.DataFrame | None,
    trials: pd.DataFrame | None,
    preparing: float,
) -> Forecast:
    """Measure what a run will take, and say what its claims can show.

    Args:
        study: its formulas and measurements.
        declaration: arms, seeds and hypotheses.
        compute: device, engine and plan.
        made_from: the data, in memory, or the program.
        store: of the study, which is only read.
        scores: of an earlier run; None without one.
        trials: of the same run.
        preparing: seconds that `made_from` took.
    """
    planned = plan_trials(study, declaration, made_from, compute.precision)
    count = len({trial.id for trial in planned})
    stages = {"start": START_SECONDS, "data_preparation": preparing}
    if study.runs_programs:
        trainer = study.trainer(declaration, made_from, store, compute)
        missing = trainer.waiting(planned)
        estimate = _by_look(trainer, declaration, missing)
        measuring = 0.0
    else:
        with tempfile.TemporaryDirectory() as folder, process_settings_kept():
            # Workers read it from there.
            save_prepared(made_from, Path(folder) / "prepared")
            prepared = load_prepared(Path(folder) / "prepared")
            missing = study.trainer(declaration, prepared, store, compute).waiting(planned)
            estimate = _estimate(study, declaration, compute, prepared, store, missing)
            measuring = _evaluation(study, declaration, compute, prepared, planned, missing)
    if estimate is not None:
        stages["training"] = estimate.seconds + TRACKING_SECONDS * count
    stages["evaluation"] = measuring
    stages["hypothesis_testing"] = CLAIM_SECONDS * len(declaration.applicable.hypotheses)
    stages["reporting"] = REPORT_SECONDS
    first_look = None
    if declaration.hypotheses.stopping is not None:
        first_look = len(by_look(declaration, missing)[0])
    training = [getattr(config, "training", None) for config in declaration.configs.values()]
    return Forecast(
        planned=count,
        known=count - len(missing),
        first_look=first_look,
        stages=stages,
        bytes=0 if estimate is None else estimate.bytes,
        stops_early=any(getattr(one, "stop_patience", None) for one in training),
        claims=_claims(study, declaration, made_from, store, scores, trials),
    )


def _by_look(
    trainer: Trains, declaration: Declaration, missing: Sequence[Trial]
) -> Estimate | None:
    """Measure what is trained together, as a run does: from look to look the groups are smaller."""
    total = Estimate()
    for trials in filter(None, by_look(declaration, missing)):
        found = trainer.estimate(trials)
        if found is None:
            return None
        total += found
    return total


def _estimate(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    prepared: Prepared,
    store: TrialStore,
    missing: Sequence[Trial],
) -> Estimate | None:
    """Measure training with a store that is empty: the study's may belong to another run."""
    assert prepared.folder is not None
    kept = store.root.absolute().parent / "plans.json"
    own = prepared.folder.parent / "models" / "plans.json"
    own.parent.mkdir()
    if kept.exists():
        shutil.copy(kept, own)
    empty = TrialStore(own.parent / study.name)
    with study.trainer(declaration, prepared, empty, compute) as trainer:
        found = _by_look(trainer, declaration, missing)
    if own.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(own, kept)
    return found


def _evaluation(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    prepared: Prepared,
    planned: Sequence[Trial],
    missing: Sequence[Trial],
) -> float:
    """Time what is measured of each arm on a model that is not trained; return the seconds of all.

    What is kept of earlier runs is not looked at where an arm is to be trained.
    """
    device = resolve_device(compute)
    set_threads(1)
    data, splits = StudyData.of(prepared, device), Splits(prepared, device)
    timing = scoring = 0.0
    seeds = len(declaration.seeds.numbers())
    for arm in {trial.arm: trial for trial in missing}.values():
        begun = time.perf_counter()
        group = open_group(study.method, [arm], data, device, arm.precision)
        seconds_per_step(group, device, seeds)
        opened = time.perf_counter()
        seconds_per_step(group, device, seeds)
        timed = time.perf_counter()
        timing += opened - begun + (timed - opened) * seeds
        tensors = group.tensors_of(group.gathered(), 0)
        model = TrainedModel.of(study.method, arm.config, splits.spec, tensors, arm.stream)
        begun = time.perf_counter()
        model_scores(study, model, splits, ("validation", "test"))
        once = time.perf_counter() - begun
        scoring += once * sum(trial.arm == arm.arm for trial in missing)
    workers = compute.worker_count(device.type, device_count(compute))
    if scoring >= WORTH_WORKERS and compute.engine != "inline":
        scoring = scoring / workers + POOL_SECONDS
    if study.baselines and missing:
        config = declaration.configs[declaration.control(study.control)]
        begun = time.perf_counter()
        fitted_baselines(study, config, prepared, planned[0].stream)
        scoring += (time.perf_counter() - begun) * len({trial.seed for trial in missing})
    return timing + scoring


def _claims(
    study: Study,
    declaration: Declaration,
    made_from: Any,
    store: TrialStore,
    scores: pd.DataFrame | None,
    trials: pd.DataFrame | None,
) -> list[Prospect]:
    hypotheses, record = declaration.applicable, read_record(store.root)
    before = {name: attempts(record, declaration.subject, name) for name in hypotheses.hypotheses}
    return prospects(
        hypotheses,
        declaration.metric_table,
        len(declaration.seeds.numbers()),
        len(declaration.configs),
        {name: Standing("confirmatory", "", tuple(one)).price for name, one in before.items()},
        _earlier(study, made_from, store, scores, trials),
    )


def _earlier(
    study: Study,
    made_from: Any,
    store: TrialStore,
    scores: pd.DataFrame | None,
    trials: pd.DataFrame | None,
) -> Tables | None:
    """Return the tables of an earlier run on these data; None where it was on others."""
    if scores is None or trials is None or set(trials["data"]) != {made_from.fingerprint}:
        return None
    table = trials.assign(config=trials["config"].map(json.loads))
    if study.baselines:
        table = pd.concat([table, baseline_trials(study, scores, table)], ignore_index=True)
    return tidy(scores, table, kept_examples(study, trials, store, made_from))
