"""An examination in sentences, as a section of a report, and as a report of its own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure

from latentlab.core.provenance import provenance
from latentlab.experiment.examination.causes import WAKES
from latentlab.experiment.examination.examine import Examination
from latentlab.experiment.examination.units import ENOUGH
from latentlab.metrics.latent import ACTIVE_VARIANCE
from latentlab.reporting import Document, Section
from latentlab.reporting.figures.pictures import mosaic_figure
from latentlab.reporting.figures.units import unit_curves
from latentlab.reporting.formatting import format_number
from latentlab.reporting.sections import verdict_section
from latentlab.reporting.verdict_cells import effect_text, verdict_rows

_CAPTIONS = {
    "Traversals": "One unit at a time from -3 to 3, the others at the posterior mean of one test "
    "example; the most telling units first.",
    "Interpolations": "From the posterior mean of one test example to that of another.",
    "Samples": "Draws from N(0, I), decoded.",
}


def sentences(found: Examination, off: pd.DataFrame) -> list[str]:
    """Return what was found, the answer first.

    Args:
        found: from `examine`.
        off: from `off_since`.
    """
    said = [_answer(found)]
    if len(off):
        first, middle, last = (int(off["epoch"].quantile(q, "nearest")) for q in (0, 0.5, 1))
        when = f"epoch {first}"
        if first < last:
            when += f" at the earliest and {last} at the latest, half of them since {middle}"
        said.append(f"Units that are off are so since {when}.")
    effects = {row["hypothesis"]: effect_text(row) for row in verdict_rows(found.verdicts)}
    said += [
        f"{cause}: {found.changes[cause]} wakes {effects[cause]} units; they say "
        f"{format_number(found.information[cause])} nats of x, as configured "
        f"{format_number(found.information_as_configured)}."
        for cause in found.causes
    ]
    unproven = [cause for cause in effects if cause not in found.causes]
    if unproven:
        said.append(f"Not shown to be a cause: {', '.join(unproven)}.")
    if found.unasked and len(found.verdicts):
        said.append(
            f"Not asked, since the setting stands where its lever brings it: "
            f"{', '.join(found.unasked)}."
        )
    return said


def _answer(found: Examination) -> str:
    table = found.seeds
    on = ", ".join(str(n) for n in table["on"])
    counts = (
        f"{on} of {found.latent} units are on with seeds "
        f"{', '.join(str(seed) for seed in table['seed'])}; the data call for "
        f"{format_number(found.expected)}, and with fewer than "
        f"{math.ceil(ENOUGH * found.expected)} on it is a collapse"
    )
    how = f"{int(table['collapsed'].sum())} of {len(table)} seeds"
    return {
        "not collapsed": f"Not collapsed: {counts}.",
        "collapsed": f"Collapsed in {how}, because of {', then '.join(found.causes)}: {counts}.",
        "inconclusive": f"Inconclusive: collapsed in {how}, and no cause could be shown: {counts}.",
    }[found.answer]


def facts(found: Examination, off: pd.DataFrame) -> dict[str, Any]:
    """Return what was found, for programs; what is not known is None."""
    seeds = _records(found.seeds)
    for seed in seeds:
        own = off[off["seed"] == seed["seed"]]
        seed["off_since"] = {
            str(unit): int(epoch) for unit, epoch in zip(own["unit"], own["epoch"], strict=True)
        }
    return {
        "study": found.study,
        "arm": found.arm,
        "verdict": found.answer,
        "causes": list(found.causes),
        "units": found.latent,
        "units_the_data_call_for": found.expected,
        "seeds": seeds,
        "levers": dict(found.changes),
        "claims": _records(found.verdicts),
    }


def _records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return rows in values that JSON knows."""
    return list(json.loads(table.to_json(orient="records")))


def examination_section(found: Examination, off: pd.DataFrame) -> Section:
    """Return the part of a study's report that says what was found."""
    return Section(
        f"Collapse: {found.arm}", sentences(found, off), table=_seeds(found, off), note=_note(found)
    )


def examination_document(
    found: Examination,
    record: pd.DataFrame,
    off: pd.DataFrame,
    pictures: Mapping[str, Mapping[str, Any]],
) -> Document:
    """Return the report of an examination.

    Args:
        found: from `examine`.
        record: from `record_units`.
        off: from `off_since`.
        pictures: title (`Traversals`, ..) -> name of a row -> pictures of the first seed's model.
    """
    figures: dict[str, tuple[Figure, str]] = {
        "Units over training": (
            unit_curves(record),
            "KL of every unit to N(0, 1), averaged over test examples; trained again to be seen.",
        )
    }
    for title, rows in pictures.items():
        names = dict(enumerate(rows))
        figures[title] = (mosaic_figure(list(rows.values()), names), _CAPTIONS[title])
    sections = [Section("Units", table=_seeds(found, off), note=_note(found))]
    if len(found.verdicts):
        sections += [Section("Causes", table=_levers(found), note=_NOTE_OF_CAUSES)]
        sections += [verdict_section(found.verdicts)]
    sections.append(Section("Figures", figures=figures))
    tables = {"tables/seeds.csv": found.seeds, "tables/units.csv": record, "tables/off.csv": off}
    if len(found.verdicts):
        tables["tables/verdicts.csv"] = found.verdicts
    return Document(
        f"Examination of {found.arm}",
        f"Is {found.arm} of {found.study} collapsed, since when, and why?",
        sentences(found, off),
        sections,
        tables,
        reproduce=provenance(),
    )


_NOTE_OF_CAUSES = (
    "A cause is a setting without which the units would be on: the configuration was trained "
    "again with that setting alone changed, with the same seeds. It is named where its claim is "
    f"supported (more than {WAKES:.0%} of the units that the data call for wake) and the units say "
    "more of x than as configured."
)


def _note(found: Examination) -> str:
    return (
        f"A unit is on where its posterior mean has a variance over test examples above "
        f"{ACTIVE_VARIANCE} (Burda et al. 2016). The data call for as many as they have directions "
        f"({format_number(found.dimensions)}, the participation ratio of their principal "
        f"components), at most for all {found.latent}; units beyond those are superfluous, and "
        "being off is no fault of theirs."
    )


def _seeds(found: Examination, off: pd.DataFrame) -> pd.DataFrame:
    """A row a seed: units that are on, what they say, and since when the others are off."""
    rows = []
    for seed in found.seeds.itertuples():
        own = off[off["seed"] == seed.seed]
        since = ", ".join(
            f"{unit} (epoch {epoch})" for unit, epoch in zip(own["unit"], own["epoch"], strict=True)
        )
        row = {
            "seed": str(seed.seed),
            "units on": f"{seed.on} of {found.latent}",
            "KL, nats": seed.kl,
            "information, nats": seed.information,
            "collapsed": "yes" if seed.collapsed else "no",
        }
        if len(off):
            row["off since"] = since
        rows.append(row)
    return pd.DataFrame(rows)


def _levers(found: Examination) -> pd.DataFrame:
    verdicts = dict(zip(found.verdicts["hypothesis"], found.verdicts["verdict"], strict=True))
    return pd.DataFrame(
        [
            {
                "cause": cause,
                "lever": found.changes[cause],
                "claim": verdict,
                "information, nats": found.information[cause],
                "named": "yes" if cause in found.causes else "no",
            }
            for cause, verdict in verdicts.items()
        ]
    )
