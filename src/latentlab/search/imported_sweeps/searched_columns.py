"""Leaves the columns of imported runs that were searched, and says what the others are."""

from __future__ import annotations

from dataclasses import replace

from latentlab.core.errors import UserError
from latentlab.runs.roles import Role, roles
from latentlab.runs.run_table import RunTable

_MEANINGS: dict[Role, str] = {
    "label": "names of runs",
    "bookkeeping": "bookkeeping",
    "outcome": "outcomes",
}


def searched_only(runs: RunTable) -> RunTable:
    """Return runs without the columns that are no parameters, with notes on what those are.

    Raises:
        UserError: nothing that varies is left.
    """
    found = roles(runs.parameters, runs.seeds)
    notes = [
        f"taken for {meaning}, not for parameters: "
        + ", ".join(name for name, role in found.items() if role == wanted)
        for wanted, meaning in _MEANINGS.items()
        if wanted in found.values()
    ]
    kept = runs.parameters.drop(columns=list(found))
    if found and not any(kept[name].nunique() > 1 for name in kept):
        raise UserError(
            f"{runs.name}: nothing varies beside what is {'; '.join(notes)}",
            "Name the parameters: analysis.parameters=a+b",
        )
    if found:
        notes.append("analysis.parameters=a+b names the parameters where that is wrong")
    return replace(runs, parameters=kept, notes=(*runs.notes, *notes))
