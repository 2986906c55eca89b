"""What claims can show, in words, before anything is trained."""

from __future__ import annotations

import math

from latentlab.evidence.prospects import Pilot, Prospect
from latentlab.reporting.formatting import format_number, format_p

CAUTION = (
    "Power depends on a spread that nobody knows before the run; where an earlier run gives one, "
    "it is as likely too small as too large."
)


def prospect_line(prospect: Prospect) -> str:
    """Write what one claim can show."""
    at = f"one-sided level {format_p(prospect.level, threshold=1e-3)}"
    if math.isnan(prospect.smallest):
        return f"{prospect.hypothesis}: {prospect.seeds} seeds show nothing at {at}"
    size = f"{prospect.smallest:.3g} {prospect.unit}"
    if prospect.unit.startswith("as a "):
        what = f"{prospect.smallest:.3g} {prospect.unit}"
    elif prospect.comparison == "equivalence":
        what = f"that arms without a difference lie within a margin of {size}"
    else:
        what = f"an effect {size} beyond its boundary"
    line = f"{prospect.hypothesis}: {prospect.seeds} seeds show {what} ({at})"
    return line if prospect.pilot is None else f"{line}; {_pilot(prospect.pilot)}"


def _pilot(pilot: Pilot) -> str:
    if math.isnan(pilot.smallest):
        return f"the last run's {pilot.seeds} have no spread to plan with"
    needed = "no affordable number of seeds shows"
    if pilot.needed is not None:
        likely, upper = pilot.needed.likely, pilot.needed.upper
        span = str(likely) if likely == upper else f"{likely} to {upper}"
        needed = f"{span} show"
    smallest, effect = (format_number(one) for one in (pilot.smallest, pilot.effect))
    return (
        f"with the spread of the last run's {pilot.seeds}, {smallest} {pilot.unit}".rstrip()
        + f"; it saw {effect}, which {needed}"
    )
