"""The next sweep of a study: its space refined where the evidence is more than noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from latentlab.search.parameters import CategoricalParameter, Parameter
from latentlab.search.refine.apply_changes import apply_changes
from latentlab.search.refine.choices import (
    decide_choices,
    decide_ordered,
    elite_summary_of_choices,
)
from latentlab.search.refine.decisions import (
    Action,
    CompareCommand,
    Decision,
    EliteSummary,
    decision,
)
from latentlab.search.refine.not_significant import inseparable, not_significant
from latentlab.search.refine.ranges import decide_range, elite_summary_of_range
from latentlab.search.refine.rules import Mode, Rules, rules_of
from latentlab.search.refine.shapes import shape_of
from latentlab.search.refine.tested_parameter import TestedParameter, tested_parameter
from latentlab.search.screening import Screening
from latentlab.search.space import Space


@dataclass(frozen=True)
class Refinement:
    """A refined space and why it is as it is.

    Attributes:
        sweep: name of the sweep that it comes from.
        rules: of its mode.
        space: the new one; without parameters where all are fixed.
        decisions: one per parameter, in the order of the old space.
        rows: configurations that count.
        null: what the sweep was compared with, in a sentence.
        notes: what a reader should know, one sentence each.
    """

    sweep: str
    rules: Rules
    space: Space
    decisions: tuple[Decision, ...]
    rows: int
    null: str
    notes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything is done or proposed."""
        return any(one.changes_something for one in self.decisions)

    def of(self, parameter: str) -> Decision:
        """The decision about a parameter."""
        return next(one for one in self.decisions if one.parameter == parameter)

    def frame(self) -> pd.DataFrame:
        """One row per decision."""
        columns = (
            "parameter", "action", "before", "after", "direction", "rule", "n", "elites", "share",
            "statistic", "p", "p_corrected", "tier", "reason", "would_change_if", "command",
        )  # fmt: skip
        rows = [[getattr(one, column) for column in columns] for one in self.decisions]
        return pd.DataFrame(rows, columns=list(columns))


def refine(
    screening: Screening,
    mode: Mode,
    *,
    command: CompareCommand | None = None,
) -> Refinement:
    """Refine the space of a finished sweep, where its screening calls a parameter significant.

    On pure noise, nothing is done in either mode with a probability of at least 1 - alpha.

    Args:
        screening: of the sweep.
        mode: `conservative` never fixes a value, `aggressive` does.
        command: writes the command of a two-arm comparison.
    """
    rules, space = rules_of(mode), screening.rows.space
    decisions = {
        name: _decide(parameter, tested_parameter(screening, name), screening, rules, command)
        for name, parameter in space.parameters.items()
    }
    changes = {name: one.change for name, one in decisions.items() if one.change is not None}
    refined, dropped = apply_changes(space, changes)
    for name, reason in dropped.items():
        decisions[name] = _dropped(decisions[name], reason)
    return Refinement(
        screening.rows.name,
        rules,
        refined,
        tuple(decisions.values()),
        int(screening.rows.counted.sum()),
        screening.null,
        screening.notes,
    )


def _decide(
    parameter: Parameter,
    tested: TestedParameter,
    screening: Screening,
    rules: Rules,
    command: CompareCommand | None,
) -> Decision:
    if tested.test.significant(rules.alpha) and (twins := screening.twins(tested.test.parameter)):
        action = inseparable(twins)
    elif tested.test.significant(rules.alpha):
        action = _act(parameter, tested, rules)
    else:
        action = not_significant(tested.test, screening, rules)
    return decision(parameter, tested.test, action, _summary(parameter, tested), command)


def _act(parameter: Parameter, tested: TestedParameter, rules: Rules) -> Action:
    if isinstance(parameter, CategoricalParameter) and not parameter.ordered:
        return decide_choices(parameter, tested, rules)
    shape = shape_of(tested, rules)
    if isinstance(parameter, CategoricalParameter):
        return decide_ordered(parameter, tested, shape, rules)
    return decide_range(parameter, tested, shape, rules)


def _summary(parameter: Parameter, tested: TestedParameter) -> EliteSummary:
    if tested.test.reason:
        return EliteSummary()
    if isinstance(parameter, CategoricalParameter):
        return elite_summary_of_choices(parameter, tested)
    return elite_summary_of_range(parameter, tested)


def _dropped(one: Decision, reason: str) -> Decision:
    return replace(
        one,
        action="drop",
        change=None,
        after="",
        reason=f"{reason}: it no longer exists.",
        would_change_if="that condition could hold again.",
        compare=None,
        command="",
    )
