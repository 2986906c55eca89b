"""Why no score is seen in a table: a column per seed, or cells that hold more than a number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from latentlab.core.errors import UserError
from latentlab.runs.importers.importer import Found
from latentlab.runs.metric_names import better_of
from latentlab.runs.setting_names import setting

_OF_A_SEED = re.compile(r"(.*seed[._ -]?)\d+", re.IGNORECASE)
_MOST_COLUMNS = 200
_SPREAD = ("±", "+-", "+/-")
_BEGINS_WITH_A_NUMBER = re.compile(r": '\s*[-+]?\d")


def refuse_columns_of_seeds(source: str, known: Sequence[str], scores: Sequence[str]) -> None:
    """Refuse a table that has a column per seed and no other score.

    Args:
        source: for messages.
        known: the columns.
        scores: those that look like scores.

    Raises:
        UserError: it is such a table.
    """
    stems = {name: found[1] for name in known if (found := _OF_A_SEED.fullmatch(name))}
    if len(stems) < 2 or set(scores) - set(stems):
        return
    columns, others = list(stems), [name for name in known if name not in stems]
    raise UserError(
        f"{source} has a column per seed: {columns[0]} to {columns[-1]}",
        "Write a row per run, with columns seed and score; pandas does it: "
        f"table.melt({others}, var_name='seed', value_name='score')"
        f".replace('{stems[columns[0]]}', '', regex=True).",
    )


def refuse_only_candidate(found: Found) -> None:
    """Name the cell for which the one column that could be the score is none.

    It has a score's name and a cell that begins with a number, or a number and its spread.

    Raises:
        UserError: there is one such column.
    """
    refused = []
    for name in found.known[:_MOST_COLUMNS]:
        try:
            found.runs([name])
        except UserError as error:
            named = better_of(name) is not None and _BEGINS_WITH_A_NUMBER.search(error.what)
            if named or any(mark in error.what for mark in _SPREAD):
                refused.append(error)
    if len(refused) == 1:
        raise UserError(
            refused[0].what,
            "A row is a run with one number: write the score of each seed, without its spread, or "
            f"name another column as {setting('metric')}.",
        )
