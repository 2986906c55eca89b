"""What is done about one parameter, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from latentlab.reporting.formatting import format_p
from latentlab.search.formatting import format_range, format_value
from latentlab.search.parameters import Parameter, Scalar
from latentlab.search.screening import ScreeningTest, Tier

Step = Literal["fix", "fix to bound", "prune", "narrow", "expand", "keep", "candidate", "drop"]
"""`drop`: the condition of a parameter can no longer hold."""

CompareCommand = Callable[[str, Scalar, Scalar], str]
"""The command that trains two arms on the same seeds: of a parameter, its new and its old value."""


@dataclass(frozen=True)
class Fixed:
    """A parameter that is searched no longer."""

    value: Scalar


@dataclass(frozen=True)
class Decision:
    """One line of a refinement.

    Attributes:
        parameter: its name.
        action: what is done.
        change: the new range, choices or value; None where the space stays as it is.
        before: the old range or choices, as text.
        after: the new ones, as text.
        direction: `increase`, `decrease`, `interior`, the best choice, or nothing.
        rule: by which rule.
        n: rows that have the parameter and count.
        elites: how many of them are elites.
        share: what the elites have in common, with its chance under noise.
        statistic: size of the effect.
        p: of the main effect, against null replicates; NaN where it could not be tested.
        p_corrected: that of its screening test: corrected for the family, and given stronger ones.
        tier: what that is called.
        reason: in a sentence.
        would_change_if: what would lead to another decision.
        compare: new and old value of a two-arm comparison that a candidate needs.
        command: for that comparison.
    """

    parameter: str
    action: Step
    change: Parameter | Fixed | None
    before: str
    after: str
    direction: str
    rule: str
    n: int
    elites: int
    share: str
    statistic: str
    p: float
    p_corrected: float
    tier: Tier
    reason: str
    would_change_if: str
    compare: tuple[Scalar, Scalar] | None = None
    command: str = ""

    @property
    def changes_something(self) -> bool:
        """Whether anything was found: the space is changed, or a change is proposed."""
        return self.action != "keep"

    @property
    def evidence(self) -> str:
        """Rule, n, share, statistic and p-values in one line."""
        parts = [
            self.rule,
            f"n {self.n}",
            self.share,
            self.statistic,
        ]
        if self.tier != "untestable":
            parts += [f"p {format_p(self.p)}", f"corrected {format_p(self.p_corrected)}"]
        return "; ".join(part for part in parts if part)


@dataclass(frozen=True)
class Action:
    """What is done about a parameter, before it is joined with its test.

    Attributes:
        action: what is done.
        change: what becomes of the parameter.
        direction: which way is better.
        rule: by which rule.
        reason: in a sentence.
        would_change_if: what would lead to another decision.
        compare: the two values of a comparison, for a candidate.
    """

    action: Step
    direction: str
    rule: str
    reason: str
    would_change_if: str
    change: Parameter | Fixed | None = None
    compare: tuple[Scalar, Scalar] | None = None


@dataclass(frozen=True)
class EliteSummary:
    """What a person is shown of a parameter, whatever is decided.

    Attributes:
        elites: how many of the rows.
        share: what they have in common.
        statistic: size of the effect.
    """

    elites: int = 0
    share: str = ""
    statistic: str = ""


def decision(
    parameter: Parameter,
    test: ScreeningTest,
    action: Action,
    summary: EliteSummary,
    command: CompareCommand | None,
) -> Decision:
    """Join an action with the test that it rests on."""
    written = ""
    if action.compare is not None and command is not None:
        written = command(test.parameter, *action.compare)
    return Decision(
        test.parameter,
        action.action,
        action.change,
        format_range(parameter),
        _after(action.change if action.change is not None else parameter),
        action.direction,
        action.rule,
        test.rows,
        summary.elites,
        summary.share,
        summary.statistic,
        test.p,
        test.p_corrected,
        test.tier,
        action.reason,
        action.would_change_if,
        action.compare,
        written,
    )


def _after(change: Parameter | Fixed) -> str:
    return format_value(change.value) if isinstance(change, Fixed) else format_range(change)
