"""Verdicts as the table that a report begins with: a row a claim, which unfolds to all that it is.

A row shows what was claimed and found; how that was decided, and what else is known of it, is what
it unfolds to.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from latentlab.core.file_names import file_name
from latentlab.reporting.cells import Cell
from latentlab.reporting.document import Unfolding
from latentlab.reporting.forest_row import common_interval, forest_row
from latentlab.reporting.formatting import MISSING, as_float, as_text, estimate_parts
from latentlab.reporting.verdict_cells import (
    Row,
    cause_text,
    claim_text,
    contrasts,
    deciding_p,
    effect_text,
    interval_label,
    look_text,
    seeds_missing,
    verdict_class,
    verdict_rows,
    verdict_table,
)

UNJUDGED = ("invalid", "not_run")
_PICTURE = "where shaded; each row has its own scale"


def claim_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return a row of cells per claim: verdict, claim, picture, effect, n, p, seeds to add.

    Args:
        verdicts: the table of verdicts, or of pooled ones.
    """
    rows = verdict_rows(verdicts)
    columns = {"boundary": Cell("Claim holds", (_PICTURE,))}
    columns["effect"] = Cell("Effect", (common_interval(rows),))
    texts = verdict_table(verdicts).to_dict("records")
    return pd.DataFrame(
        [_cells(row, shown, columns) for row, shown in zip(rows, texts, strict=True)]
    )


def unfoldings(
    verdicts: pd.DataFrame,
    anchor: str,
    sentence: Callable[[Row], str],
    facts: Callable[[Row], dict[str, object]] = lambda row: {},
) -> list[Unfolding]:
    """Return what each row of `claim_table` unfolds to.

    Args:
        verdicts: the same table.
        anchor: how the addresses of the rows begin; the name of the hypothesis follows.
        sentence: how a claim was decided.
        facts: what is to stand beside it, by name, after what every claim has.
    """
    found: list[Unfolding] = []
    texts = verdict_table(verdicts).to_dict("records")
    for row, shown in zip(verdict_rows(verdicts), texts, strict=True):
        taken = [other.anchor for other in found]
        address = file_name(f"{anchor}-{shown['hypothesis']}", taken)
        title = ": ".join(filter(None, (shown["hypothesis"], shown["comparison"])))
        said = {**_facts(row, shown), **facts(row)}
        found.append(Unfolding(title, [sentence(row)], said, address))
    return found


def _cells(row: Row, shown: Row, columns: dict[str, Cell]) -> dict[str | Cell, object]:
    numbers = (as_float(row.get(key)) for key in ("effect", "interval_low", "interval_high"))
    value, interval = estimate_parts(*numbers)
    unit = "" if value == MISSING else as_text(row.get("unit"))
    own = interval_label(row) if contrasts(row) else ""
    p, side = deciding_p(row)
    is_open = side not in {"", as_text(row.get("verdict"))}
    return {
        "Verdict": Cell(
            shown["verdict"].capitalize(), _present(shown["status"]), verdict=verdict_class(row)
        ),
        "Claim": Cell(claim_text(row), _present(cause_text(row))),
        columns["boundary"]: Cell(shown["boundary"], picture=forest_row(row)),
        columns["effect"]: Cell(f"{value} {interval}".strip(), _present(unit, own)),
        "n": Cell(shown["n"], _present(look_text(row))),
        "Adjusted p": Cell(p, (f"to be {side}",) if is_open else ()),
        "More seeds": seeds_missing(row) or MISSING,
    }


def _facts(row: Row, shown: Row) -> dict[str, object]:
    """All that the row was too narrow for and the sentence does not say."""
    if verdict_class(row) in UNJUDGED:
        return {}
    size, others = shown["effect size"], shown["other tests (unadjusted p)"]
    said: dict[str, object] = {
        "Effect": Cell(effect_text(row), _present(interval_label(row), size)),
        "Claim holds": shown["boundary"],
        "Adjusted p": Cell(
            f"supported {shown['adjusted p (supported)']}, refuted {shown['adjusted p (refuted)']}",
            _present(as_text(row.get("test")), shown["correction"]),
        ),
    }
    if others:
        said["Other tests"] = Cell(others, ("unadjusted p that the claim is supported",))
    return said


def _present(*details: str) -> tuple[str, ...]:
    return tuple(detail for detail in details if detail)
