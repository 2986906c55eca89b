"""Runs a sweep: cohorts are suggested, trained together, and told, until the budget is used up.

Several drivers may run one sweep at once. Each asks for whole cohorts of its own, takes over those
of drivers that are gone, and ends when everything is told, by whomever.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from latentlab.reporting.formatting import format_number, plural
from latentlab.search.proposals import Direction, propose
from latentlab.search.settings import SweepSettings
from latentlab.search.storage import SweepStorage
from latentlab.search.suggestion import Result, Suggestion

logger = logging.getLogger(__name__)

WAIT = 2.0
"""Seconds between two looks at what other drivers have in work."""

Train = Callable[[Sequence[Suggestion]], Mapping[int, Result]]
"""Trains configurations on all seeds; returns what became of each, by number."""


def run_sweep(
    settings: SweepSettings,
    directions: Sequence[Direction],
    storage: SweepStorage,
    train: Train,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Ask and tell at the barriers between cohorts; a killed sweep goes on where it stood.

    Args:
        settings: of the sweep.
        directions: which way each objective is better.
        storage: what was suggested and told so far.
        train: called with at most `settings.cohort` configurations.
        clock: seconds, for the wall-clock budget of this call.
    """
    started = clock()
    waiting = 0
    while True:
        with storage.asking():
            suggestions = _next_cohort(settings, directions, storage, clock() - started)
        if not suggestions:
            before, waiting = waiting, _in_work(storage.suggestions())
            if not waiting:
                return
            if waiting != before:
                logger.info("%s in work elsewhere: waiting", plural(waiting, "configuration"))
            time.sleep(WAIT)
            continue
        done, budget = len(storage.suggestions()), settings.configurations
        logger.info(
            "Cohort %d: configurations %d to %d%s",
            suggestions[0].cohort,
            suggestions[0].number,
            suggestions[-1].number,
            "" if budget is None else f" of {max(budget, done)}",
        )
        results = train(suggestions)
        for number, result in results.items():
            storage.tell(number, result)
        logger.info(
            "Cohort %d: %s; %s",
            suggestions[0].cohort,
            ", ".join(
                f"{count} {state}"
                for state, count in Counter(one.state for one in results.values()).items()
            ),
            _best(storage.suggestions(), directions[0]),
        )


def _next_cohort(
    settings: SweepSettings,
    directions: Sequence[Direction],
    storage: SweepStorage,
    elapsed: float,
) -> list[Suggestion]:
    """Return what is in work, filled up to a whole cohort where its suggestion was cut off."""
    acquired = storage.acquire()
    known = storage.suggestions()
    last = max((one.cohort for one in known), default=-1)
    cohort = acquired[0].cohort if acquired else last + 1
    members = [one for one in known if one.cohort == cohort]
    count = settings.cohort - len(members)
    if settings.configurations is not None:
        count = min(count, settings.configurations - len(known))
    late = settings.seconds is not None and elapsed >= settings.seconds
    # A cohort that was told in part is not filled up: it was whole when training began.
    told = any(one.result is not None for one in members)
    if count > 0 and not told and not (late and not acquired):
        storage.add(propose(settings, directions, known, cohort, len(members), count))
        acquired = storage.acquire()
    return acquired


def _best(suggestions: Sequence[Suggestion], direction: Direction) -> str:
    """Say what the best configuration so far reached, by the first objective."""
    complete = {
        one.result.objectives[0]: one.number
        for one in suggestions
        if one.result is not None and one.result.state == "complete"
    }
    if not complete:
        return "none is complete so far"
    value = max(complete) if direction == "maximize" else min(complete)
    return f"the best so far is configuration {complete[value]} at {format_number(value)}"


def _in_work(suggestions: Sequence[Suggestion]) -> int:
    """Count the configurations that are not told."""
    return sum(one.result is None for one in suggestions)
