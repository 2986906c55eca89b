"""What is done about one parameter, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from latentlab.reporting.formatting import format_p
from latentlab.search.parameters import CategoricalParameter, Parameter, Scalar
from latentlab.search.refinement.gates import Gate

Action = Literal["fix", "fix to bound", "prune", "narrow", "expand", "keep", "candidate", "drop"]
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
        n: rows that have the parameter and a score.
        elites: how many of them are elites.
        share: what the elites have in common, with its chance under noise.
        statistic: size of the effect.
        p: of the main effect, against studies of noise.
        p_corrected: the same in the family of all parameters.
        reason: in a sentence.
        would_change_if: what would lead to another decision.
        compare: new and old value of a two-arm comparison that a candidate needs.
        command: for that comparison.
    """

    parameter: str
    action: Action
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
            f"p {format_p(self.p)}",
            f"corrected {format_p(self.p_corrected)}",
        ]
        return "; ".join(part for part in parts if part)


@dataclass(frozen=True)
class Finding:
    """A decision before it is joined with its gate.

    Attributes:
        action: what is done.
        change: what becomes of the parameter.
        direction: which way is better.
        rule: by which rule.
        reason: in a sentence.
        would_change_if: what would lead to another decision.
        compare: the two values of a comparison, for a candidate.
    """

    action: Action
    direction: str
    rule: str
    reason: str
    would_change_if: str
    change: Parameter | Fixed | None = None
    compare: tuple[Scalar, Scalar] | None = None


@dataclass(frozen=True)
class Seen:
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
    parameter: Parameter, gate: Gate, found: Finding, seen: Seen, command: CompareCommand | None
) -> Decision:
    """Join what was found with the gate."""
    written = ""
    if found.compare is not None and command is not None:
        written = command(gate.parameter, *found.compare)
    return Decision(
        gate.parameter,
        found.action,
        found.change,
        described(parameter),
        described(found.change if found.change is not None else parameter),
        found.direction,
        found.rule,
        gate.rows,
        seen.elites,
        seen.share,
        seen.statistic,
        gate.p,
        gate.corrected,
        found.reason,
        found.would_change_if,
        found.compare,
        written,
    )


def described(parameter: Parameter | Fixed) -> str:
    """A range, choices or a value in a few characters."""
    if isinstance(parameter, Fixed):
        return word(parameter.value)
    if isinstance(parameter, CategoricalParameter):
        return "{" + ", ".join(word(choice) for choice in parameter.choices) + "}"
    scale = ", log" if parameter.log else ""
    return f"[{parameter.low:.4g}, {parameter.high:.4g}]{scale}"


def word(value: Any) -> str:
    """A value as YAML writes it, numbers with four digits at most."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
