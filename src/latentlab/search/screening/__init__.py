"""The screening of a sweep: one test per parameter, one null distribution, one correction."""

from latentlab.search.screening.levels import HIGH, MODERATE, Tier, tier
from latentlab.search.screening.null_distribution import NullDistribution
from latentlab.search.screening.screening import Screening, ScreeningTest, screen

__all__ = [
    "HIGH",
    "MODERATE",
    "NullDistribution",
    "Screening",
    "ScreeningTest",
    "Tier",
    "screen",
    "tier",
]
