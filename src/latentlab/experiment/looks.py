"""Training a study: all of its seeds, or look by look until its claims are decided.

What decides is not kept: verdicts are a function of scores, which are kept with their trials. So a
run that is killed comes to the same decisions again, and goes on where it stood.
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import process_settings_kept, resolve_device
from latentlab.evidence.stopping import Stopping
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.hypothesis_testing import judge_study
from latentlab.experiment.planning import plan_trials, trial_table
from latentlab.experiment.registering import begin, look, read_record
from latentlab.experiment.scoring import kept_examples
from latentlab.experiment.study import Study
from latentlab.experiment.study_scores import scores_so_far
from latentlab.training.store import TrialStore
from latentlab.training.trial import Trial

logger = logging.getLogger(__name__)


def train_study(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    made_from: Any,
    store: TrialStore,
    retrain: bool,
) -> tuple[list[Trial], frozenset[str]]:
    """Train the trials of a study that are not trained yet.

    With declared looks, to the first of them, and from look to look until no claim is left that
    more seeds may decide; trials beyond are never trained.

    Args:
        study: its formulas and measurements.
        declaration: arms, seeds and hypotheses.
        compute: device, engine and plan.
        made_from: the prepared data, or the program.
        store: where trials are kept.
        retrain: forget trials that are known, and train them again.

    Returns:
        The trials that the study consists of, and the ids of those that this call trained.

    Raises:
        UserError: no such device, a locked or unwritable store, a killed worker.
    """
    planned = plan_trials(study, declaration, made_from, compute.precision)
    stopping = declaration.hypotheses.stopping

    def note(ids: Collection[str]) -> None:
        begin(store.root, ids, datetime.now(UTC))

    with study.trainer(declaration, made_from, store, compute) as trainer:
        if stopping is None:
            return planned, trainer.train(planned, retrain=retrain, begin=note)
        so_far: list[Trial] = []
        trained: frozenset[str] = frozenset()
        for count, new in zip(stopping.looks, by_look(declaration, planned), strict=True):
            trained |= trainer.train(new, retrain=retrain, begin=note)
            so_far = so_far + new
            table = trial_table(so_far, store, trained)
            verdicts = _judged(study, declaration, compute, made_from, store, table)
            if not _goes_on(stopping, count, verdicts):
                break
        return so_far, trained


def by_look(declaration: Declaration, planned: Sequence[Trial]) -> list[list[Trial]]:
    """Return the trials that are trained together: all, or those from each look to the next."""
    stopping = declaration.hypotheses.stopping
    if stopping is None:
        return [list(planned)]
    seeds = sorted(declaration.seeds.numbers())
    return [
        [trial for trial in planned if trial.seed in seeds[known:count]]
        for known, count in itertools.pairwise((0, *stopping.looks))
    ]


def _judged(
    study: Study,
    declaration: Declaration,
    compute: ComputeConfig,
    made_from: Any,
    store: TrialStore,
    trials: pd.DataFrame,
) -> pd.DataFrame:
    """Return the verdicts on the trials so far, and write down that they were seen."""
    device = resolve_device(compute)
    with process_settings_kept():
        scores = scores_so_far(study, declaration, trials, made_from, store, device, compute)
    table = trials.assign(config=trials["config"].map(json.loads))
    record, examples = read_record(store.root), kept_examples(study, trials, store, made_from)
    verdicts = judge_study(study, declaration, scores, table, record, {}, examples)
    look(scores, trials, verdicts, declaration.subject, store.root, datetime.now(UTC))
    return verdicts


def _goes_on(stopping: Stopping, look: int, verdicts: pd.DataFrame) -> bool:
    """Say whether more seeds are to be trained, and tell the user."""
    waiting = verdicts.loc[stopping.waits(verdicts), "hypothesis"]
    more = f"more seeds for {', '.join(waiting)}" if len(waiting) else "no claim waits for more"
    if look == stopping.looks[-1]:
        more = "the last look"
    logger.info(
        "Look %d of %d, at %d seeds: %d of %d claims are decided; %s",
        stopping.looks.index(look) + 1,
        len(stopping.looks),
        look,
        verdicts["verdict"].isin(["supported", "refuted"]).sum(),
        len(verdicts),
        more,
    )
    return bool(len(waiting))
