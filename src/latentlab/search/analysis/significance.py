"""What may be called significant: one family of tests per analysis, and corrected tiers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.statistics.corrections import adjust

FAMILY = "one test per parameter: Spearman's rho for numbers, Kruskal-Wallis for choices"
"""The family. A parameter that cannot be tested (constant, under three rows) is no member."""

HIGH = 0.05
MODERATE = 0.10


def corrected(p: Array) -> tuple[Array, Array]:
    """Adjusted p-values of a family; NaN marks what is no member.

    Args:
        p: shape [tests].

    Returns:
        Holm's (1979), which bounds the chance of any false one, and those of Benjamini and
        Hochberg (1995), which bound the expected share of false ones among those called.
    """
    holm, bh = np.full(len(p), math.nan), np.full(len(p), math.nan)
    members = np.isfinite(p)
    if members.any():
        holm[members] = adjust(p[members], "holm")
        bh[members] = adjust(p[members], "fdr_bh")
    return holm, bh


def tier(familywise: float, bh: float) -> str:
    """`high` below .05 for the family, `moderate` below .10 after Benjamini-Hochberg, else `open`.

    Args:
        familywise: p-value that bounds the chance of any false one, Holm's or a sharper one.
        bh: that of Benjamini and Hochberg.
    """
    if math.isnan(familywise):
        return "untestable"
    if familywise < HIGH:
        return "high"
    return "moderate" if bh < MODERATE else "open"


def family(*tables: pd.DataFrame, familywise: Mapping[str, float] | None = None) -> pd.DataFrame:
    """The family of an analysis from the tables of its main tests.

    Args:
        tables: each with `parameter`, `test`, `n`, `p` and `attainable_p`, one row per parameter.
        familywise: corrected p-values by parameter that know how the tests hang together; none:
            Holm's.

    Returns:
        All rows by p, with `holm`, `bh`, `familywise` and `tier`.
    """
    kept = ["parameter", "test", "n", "p", "attainable_p"]
    columns = {name: [one for table in tables for one in table[name]] for name in kept}
    holm, bh = corrected(np.array(columns["p"], dtype=np.float64))
    joint = holm if familywise is None else [familywise[name] for name in columns["parameter"]]
    adjusted = {"holm": holm, "bh": bh, "familywise": joint, "tier": [*map(tier, joint, bh)]}
    tests = pd.DataFrame(columns | adjusted)
    return tests.sort_values(["p", "parameter"], ignore_index=True)


def with_tiers(table: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    """A table of main tests with the adjusted p-values and tiers of its family."""
    return table.merge(
        tests[["parameter", "holm", "bh", "familywise", "tier"]], on="parameter", how="left"
    )
