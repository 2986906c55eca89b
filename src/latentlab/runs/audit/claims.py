"""Rules about verdicts: they read columns of the table, never its sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast, get_args

import numpy as np
import pandas as pd

from latentlab.reporting.formatting import as_float, as_text, format_number, format_p, plural
from latentlab.reporting.verdict_cells import ratio_unit
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding
from latentlab.statistics.attainable import LocationTest, seeds_for_attainable
from latentlab.statistics.corrections import Correction, adjust, level_left

_TESTED = ("supported", "refuted", "inconclusive")


def _rows(audited: Audited) -> list[dict[Any, Any]]:
    """The verdicts that came from a test."""
    assert audited.verdicts is not None
    return audited.verdicts[audited.verdicts["verdict"].isin(_TESTED)].to_dict("records")


def single_pair_findings(audited: Audited) -> Iterator[Finding]:
    """D01: claims that were judged on one seed."""
    single = [str(r["hypothesis"]) for r in _rows(audited) if as_float(r["n"]) < 2]
    if single:
        text = (
            f"{', '.join(single)}: judged on one seed. Nothing says how much another one changes, "
            "so no answer is possible."
        )
        remedy = "Run at least 5 seeds of each arm, the same for all."
        yield Finding("D01", "error", text, ", ".join(single), "", remedy)


def unattainable_findings(audited: Audited) -> Iterator[Finding]:
    """D02: claims whose test allows no p-value as small as the family leaves."""
    assert audited.verdicts is not None
    sizes = audited.verdicts["family"].value_counts()
    for row in _rows(audited):
        alpha, attainable = as_float(row["alpha"]), as_float(row["attainable_p"])
        left = level_left(alpha, cast("Correction", row["correction"]), int(sizes[row["family"]]))
        if not attainable > left * (1 + 1e-9):
            continue
        test, name = as_text(row["test"]), str(row["hypothesis"])
        # What is left to one direction: the interval tells whether alpha is shared by two.
        one_sided = left * (1 - as_float(row["interval_level"])) / (2 * alpha)
        fewest = (
            seeds_for_attainable(cast("LocationTest", test), one_sided)
            if test in get_args(LocationTest)
            else None
        )
        text = (
            f"{name}: {test} over {plural(int(as_float(row['n'])), as_text(row['n_unit']))} gives "
            f"no p below {format_p(attainable)}, and its family leaves {format_p(left)}: no data "
            "whatever could have supported it."
        )
        remedy = "Run more seeds, or declare a t test."
        if fewest is not None:
            remedy = f"Run {fewest} seeds of each arm, or declare a t test."
        yield Finding("D02", "error", text, name, "", remedy)


def power_findings(audited: Audited) -> Iterator[Finding]:
    """D03: open claims about an effect, or a margin, that so few runs mostly miss."""
    for row in _rows(audited):
        detectable, effect = as_float(row["detectable_effect"]), as_float(row["effect"])
        margin = row["comparison"] == "equivalence"
        seen = as_float(row["boundary"]) if margin else effect
        if row["verdict"] != "inconclusive" or not detectable > seen:
            continue
        name, unit, n = str(row["hypothesis"]), as_text(row["n_unit"]), int(as_float(row["n"]))
        least = f"{format_number(detectable)}{ratio_unit(row)}"
        text = (
            f"{name}: over {plural(n, unit)} {'margins' if margin else 'true effects'} below "
            f"{least} are missed in more than one of five studies; the one "
            f"{'declared' if margin else 'seen'} is {format_number(seen)}{ratio_unit(row)}. Open "
            "is not the same as no difference."
        )
        low, high = as_float(row["seeds_likely"]), as_float(row["seeds_needed"])
        remedy = "No affordable number of seeds settles an effect this small: declare a margin."
        if math.isfinite(high):
            both = f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
            remedy = f"Run {both} {unit}s in all, planned before they are seen."
        yield Finding("D03", "warning", text, name, "", remedy)


def best_claim_findings(audited: Audited) -> Iterator[Finding]:
    """D05: of several arms that nobody claimed anything of, the one that won."""
    assert audited.verdicts is not None
    open_ones = audited.verdicts[audited.verdicts["status"] != "confirmatory"]
    for _, members in open_ones.groupby(["family", "metric", "split", "control"], sort=False):
        won = members[
            (members["verdict"] == "supported") & (members["comparison"] == "superiority")
        ]
        if len(members) < 3 or won.empty:
            continue
        best = won.iloc[int(won["effect"].to_numpy(dtype=np.float64).argmax())]
        text = (
            f"{best['hypothesis']}: the best of {len(members)} comparisons with "
            f"{best['control']}. Its effect of {format_number(as_float(best['effect']))} is the "
            "one that came out largest, which makes it look larger than it is."
        )
        remedy = "Declare this one claim and judge it on fresh seeds."
        yield Finding("D05", "warning", text, str(best["hypothesis"]), "", remedy)


def family_findings(audited: Audited) -> Iterator[Finding]:
    """D10: several p-values that nothing corrects."""
    assert audited.verdicts is not None
    table = audited.verdicts[audited.verdicts["verdict"].isin(_TESTED)]
    for family, members in table.groupby("family", sort=False):
        if len(members) > 1 and (members["correction"] == "none").all():
            yield _uncorrected(members, f"family {family}: {len(members)} claims, no correction")
    alone = table[table.groupby("family")["family"].transform("size") == 1]
    if len(alone) > 2 and len(alone) == len(table):
        yield _uncorrected(alone, f"{len(alone)} claims are a family each, so nothing is corrected")


def _uncorrected(members: pd.DataFrame, what: str) -> Finding:
    p = members[["p_supported", "p_refuted"]].astype(float).min(axis=1).to_numpy()
    holm = adjust(np.nan_to_num(p, nan=1.0), "holm")
    called = p <= members["alpha"].to_numpy(dtype=np.float64)
    kept = called & (holm <= members["alpha"].to_numpy(dtype=np.float64))
    text = (
        f"{what}. {int(called.sum())} have a p below alpha; by Holm {int(kept.sum())} would "
        f"(smallest p {format_p(float(np.nanmin(p)))}, by Holm {format_p(float(holm.min()))})."
    )
    remedy = "Declare one family with correction: holm."
    return Finding("D10", "error", text, ", ".join(map(str, members["hypothesis"])), "", remedy)


def margin_findings(audited: Audited) -> Iterator[Finding]:
    """D25: open claims of a difference, of which somebody might say that nothing changes.

    The smallest margin that equivalence would hold for is the farther end of the interval.
    """
    margins = {}
    for row in _rows(audited):
        ends = as_float(row["interval_low"]), as_float(row["interval_high"])
        superiority = row["comparison"] == "superiority" and as_float(row["boundary"]) == 0
        # Scores that do not vary have an interval of no width, which says nothing.
        known = all(map(math.isfinite, ends)) and ends[0] < ends[1]
        if row["verdict"] == "inconclusive" and superiority and known:
            farther = max(-ends[0], ends[1])
            margins[str(row["hypothesis"])] = f"{format_number(farther)}{ratio_unit(row)}"
    if not margins:
        return
    each = ", ".join(f"{name} {margin}" for name, margin in margins.items())
    text = (
        f"{plural(len(margins), 'claim')} open without a margin: that is no evidence of sameness. "
        f"At best these runs show sameness within: {each}."
    )
    remedy = "Declare kind: equivalence with a margin, and judge it on fresh seeds."
    yield Finding("D25", "note", text, ", ".join(margins), "", remedy)


def lost_pair_findings(audited: Audited) -> Iterator[Finding]:
    """D27: claims that cannot be judged for missing runs."""
    assert audited.verdicts is not None
    lost = audited.verdicts[audited.verdicts["verdict"].isin(["invalid", "not_run"])]
    if lost.empty:
        return
    names = ", ".join(map(str, lost["hypothesis"]))
    text = f"{len(lost)} of {len(audited.verdicts)} claims have no verdict ({names})."
    remedy = "The section of verdicts says of each what is missing or wrong."
    yield Finding("D27", "warning", text, names, "", remedy)


def after_the_data_findings(audited: Audited) -> Iterator[Finding]:
    """D32: claims that were not registered before their runs, or otherwise."""
    assert audited.verdicts is not None
    for status, what in (
        ("exploratory", "stated when the runs were there already"),
        ("deviated", "registered otherwise than they were judged"),
    ):
        names = audited.verdicts.loc[audited.verdicts["status"] == status, "hypothesis"]
        if names.empty:
            continue
        text = (
            f"{len(names)} of {len(audited.verdicts)} claims were {what}: a verdict on them says "
            "what to test next, not what holds."
        )
        remedy = "Register the claims, then run and judge fresh seeds."
        yield Finding("D32", "warning", text, ", ".join(map(str, names)), "", remedy)
