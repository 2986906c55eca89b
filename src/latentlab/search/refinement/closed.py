"""Why nothing is done about a parameter whose gate is closed, and what would open it."""

from __future__ import annotations

import math

from latentlab.reporting.formatting import format_p
from latentlab.search.refinement.decisions import Finding
from latentlab.search.refinement.gates import Gate, Gates
from latentlab.search.refinement.rules import Rules

_HINT = 1.5
"""Surprise above which an effect may be one: it is as large in a fifth of all studies of noise."""
_MOST_TIMES = 20


def kept(gate: Gate, gates: Gates, rules: Rules) -> Finding:
    """The decision to keep a parameter as it is."""
    if gate.reason:
        return Finding(
            "keep", "", "not tested", f"{gate.reason}.", "there were something to compare."
        )
    if gate.beside and gate.corrected <= rules.alpha + 1e-12:
        stronger = " and ".join(gate.beside)
        return Finding(
            "keep",
            "",
            "main effect beside stronger ones",
            f"beside {stronger} nothing certain is left of its effect "
            f"(p {format_p(gate.p_beside)}): it may only have gone along.",
            f"it still mattered in a sweep in which {stronger} no longer varies.",
        )
    reason = (
        f"its effect may be chance: corrected p {format_p(gate.corrected)} is above "
        f"{rules.alpha:g}."
    )
    return Finding("keep", "", "main effect", reason, _more_rows(gate, gates, rules))


def _more_rows(gate: Gate, gates: Gates, rules: Rules) -> str:
    """How many rows would do, evidence being proportional to them; or that nothing shows."""
    if gates.studies + 1 < 1 / rules.alpha:
        return (
            f"there were more studies of noise: {gates.studies} cannot show a p of {rules.alpha:g}."
        )
    surprise = float(gates.family.surprise[gates.names.index(gate.parameter)])
    needed = gates.family.needed(rules.alpha)
    if surprise < _HINT or needed > _MOST_TIMES * surprise:
        return "an effect showed; here none does."
    rows = math.ceil(gate.rows * max(needed / surprise, 1))
    return f"about {rows} configurations showed what these {gate.rows} show."
