"""The next sweep of a study: its space refined where the evidence is more than noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from latentlab.core.arrays import Array
from latentlab.search.parameters import CategoricalParameter, Parameter
from latentlab.search.refinement.choices import decide_choices, decide_ordered, seen_of_choices
from latentlab.search.refinement.closed import kept
from latentlab.search.refinement.decisions import (
    CompareCommand,
    Decision,
    Finding,
    Seen,
    decision,
)
from latentlab.search.refinement.gates import Gate, Gates, measured_against, open_gates
from latentlab.search.refinement.nulls import Nulls
from latentlab.search.refinement.observed import Observed, observe
from latentlab.search.refinement.ranges import decide_range, seen_of_range
from latentlab.search.refinement.rebuild import rebuilt
from latentlab.search.refinement.rules import Mode, Rules, rules_of
from latentlab.search.refinement.shapes import shape_of
from latentlab.search.space import Space
from latentlab.search.table import SweepTable


@dataclass(frozen=True)
class Refinement:
    """A refined space and why it is as it is.

    Attributes:
        sweep: name of the sweep that it comes from.
        rules: of its mode.
        space: the new one; without parameters where all are fixed.
        decisions: one per parameter, in the order of the old space.
        rows: configurations that have a score.
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
            "statistic", "p", "p_corrected", "reason", "would_change_if", "command",
        )  # fmt: skip
        rows = [[getattr(one, column) for column in columns] for one in self.decisions]
        return pd.DataFrame(rows, columns=list(columns))


def refine(
    table: SweepTable,
    mode: Mode,
    nulls: Nulls | None = None,
    *,
    rules: Rules | None = None,
    command: CompareCommand | None = None,
) -> Refinement:
    """Refine the space of a finished sweep.

    On pure noise, nothing is done in either mode with a probability of at least 1 - alpha.

    Args:
        table: the sweep; its first objective counts.
        mode: `conservative` never fixes a value, `aggressive` does.
        nulls: where studies of noise come from; kept between calls, they are run once.
        rules: instead of those of the mode.
        command: writes the command of a two-arm comparison.

    Raises:
        UserError: the table holds values outside its space.
    """
    rules = rules if rules is not None else rules_of(mode)
    nulls = nulls if nulls is not None else Nulls()
    observed = observe(table)
    space = table.space
    measured = measured_against(space, observed, nulls, rules)
    gates = open_gates(space, observed, measured, rules)
    decisions = {
        name: _decide(parameter, gates.by_parameter[name], gates, observed, rules, command)
        for name, parameter in space.parameters.items()
    }
    changes = {name: one.change for name, one in decisions.items() if one.change is not None}
    refined, dropped = rebuilt(space, changes)
    for name, reason in dropped.items():
        decisions[name] = _dropped(decisions[name], reason)
    return Refinement(
        table.name,
        rules,
        refined,
        tuple(decisions.values()),
        observed.rows,
        _null(observed, gates),
        observed.notes,
    )


def _decide(
    parameter: Parameter,
    gate: Gate,
    gates: Gates,
    observed: Observed,
    rules: Rules,
    command: CompareCommand | None,
) -> Decision:
    positions = observed.study.positions[gate.parameter][0]
    scores = observed.study.scores[0]
    found = kept(gate, gates, rules)
    if gate.is_open:
        found = _open(parameter, gate, positions, scores, rules)
    return decision(
        parameter, gate, found, _seen(parameter, gate, positions, scores, rules), command
    )


def _open(
    parameter: Parameter, gate: Gate, positions: Array, scores: Array, rules: Rules
) -> Finding:
    if isinstance(parameter, CategoricalParameter) and not parameter.ordered:
        return decide_choices(parameter, gate, positions, scores, rules)
    shape = shape_of(gate, positions, scores, rules)
    if isinstance(parameter, CategoricalParameter):
        return decide_ordered(parameter, gate, positions, scores, shape, rules)
    return decide_range(parameter, gate, positions, scores, shape, rules)


def _seen(parameter: Parameter, gate: Gate, positions: Array, scores: Array, rules: Rules) -> Seen:
    if gate.reason:
        return Seen()
    if isinstance(parameter, CategoricalParameter):
        return seen_of_choices(parameter, gate, positions, scores, rules)
    return seen_of_range(parameter, gate, positions, scores, rules)


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


def _null(observed: Observed, gates: Gates) -> str:
    studies = f"{gates.studies} studies"
    if observed.schedule is None:
        return f"{studies} of noise: the scores in random order over the same configurations"
    return f"{studies} of noise: the sampler run again on the scores in random order"
