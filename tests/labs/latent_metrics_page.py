"""Tables of docs/latent_metrics.md: `cd tests && python -m labs.latent_metrics_page`."""

from __future__ import annotations

import math
import re

from labs.project_copies import CHECKOUT
from latentlab.metrics.latent_metrics import FAMILIES
from latentlab.metrics.metric import Metric

PAGE = CHECKOUT / "docs" / "latent_metrics.md"
HEADER = "| metric | better | range | unit | what it is | source |\n|---|---|---|---|---|---|\n"


def with_tables(page: str) -> str:
    """The page with each family's table under its heading in place of the one that is there."""
    for family, rows in FAMILIES.items():
        found = re.compile(rf"(?<=^## {family}\n\n)(\|.*\n)+", re.MULTILINE)
        page = found.sub(lambda _, rows=rows: HEADER + "".join(map(_row, rows)), page)
    return page


def _row(metric: Metric) -> str:
    extent = "any"
    if math.isfinite(metric.low):
        extent = f"{metric.low:g} " + (
            "or more" if math.isinf(metric.high) else f"to {metric.high:g}"
        )
    means = "; kept by example" if metric.per_example else ""
    ratio = "; compared by ratios" if metric.scale == "log" else ""
    cells = (
        f"`{metric.name}`",
        metric.better,
        extent,
        metric.unit,
        metric.definition + means + ratio,
        metric.source,
    )
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
