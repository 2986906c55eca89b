"""Runs a sweep: cohorts are asked, trained together, and told, until the budget is used up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from latentlab.search.proposals import Direction, propose
from latentlab.search.settings import SweepSettings
from latentlab.search.storage import Asked, Ledger, Told

logger = logging.getLogger(__name__)

Train = Callable[[Sequence[Asked]], Sequence[Told]]
"""Trains configurations on all seeds, and says what became of each."""


def run_sweep(
    settings: SweepSettings,
    directions: Sequence[Direction],
    ledger: Ledger,
    train: Train,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Ask and tell at the barriers between cohorts; a killed sweep goes on where it stood.

    Args:
        settings: of the sweep.
        directions: which way each objective is better.
        ledger: what was asked and told so far.
        train: called with at most `settings.cohort` configurations.
        clock: seconds, for the wall-clock budget of this call.
    """
    started = clock()
    while True:
        asked = _filled(settings, directions, ledger, clock() - started)
        if not asked:
            return
        done, budget = len(ledger.trials), settings.configurations
        logger.info(
            "Cohort %d: configurations %d to %d%s",
            asked[0].cohort,
            asked[0].number,
            asked[-1].number,
            "" if budget is None else f" of {max(budget, done)}",
        )
        for told in train(asked):
            ledger.tell(told)


def _filled(
    settings: SweepSettings, directions: Sequence[Direction], ledger: Ledger, spent: float
) -> list[Asked]:
    """What is in work, filled up to a whole cohort where its asking was cut off."""
    asked = ledger.take_up()
    known = ledger.known()
    trials = ledger.trials
    cohorts = [int(trial.user_attrs["latentlab.cohort"]) for trial in trials]
    cohort = asked[0].cohort if asked else (max(cohorts) + 1 if cohorts else 0)
    place = cohorts.count(cohort)
    count = settings.cohort - place
    if settings.configurations is not None:
        count = min(count, settings.configurations - len(known))
    late = settings.seconds is not None and spent >= settings.seconds
    # A cohort that was told in part is not filled up: its asking was over when training began.
    told = any(c == cohort and t.state.is_finished() for c, t in zip(cohorts, trials, strict=True))
    if count > 0 and not told and not (late and not asked):
        proposals = propose(settings, directions, known, cohort, place, count)
        ledger.add(proposals, cohort)
        asked = ledger.take_up()
    return asked
