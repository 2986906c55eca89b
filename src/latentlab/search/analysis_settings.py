"""What a person may set about the analysis of a sweep."""

from __future__ import annotations

from pydantic import Field

from latentlab.core.model import StrictModel


class AnalysisSettings(StrictModel):
    """Shares, levels and numbers of draws; the same settings and table give the same analysis."""

    elite_share: float = Field(0.25, gt=0, le=0.5, description="the best share of the rows")
    zone: float = Field(
        0.1, gt=0, lt=0.5, description="of a range: what lies nearer to a bound is at the bound"
    )
    level: float = Field(0.95, gt=0, lt=1, description="coverage of every interval")
    resamples: int = Field(
        4_999, ge=99, le=1_000_000, description="rearrangements of a permutation test"
    )
    bootstraps: int = Field(
        200, ge=20, le=100_000, description="resampled tables behind an importance"
    )
    null_draws: int = Field(
        2_000, ge=200, le=1_000_000, description="random elites behind a null band"
    )
    fanova_rows: int = Field(300, ge=10, le=100_000, description="fANOVA sees at most so many rows")
    bins: int = Field(
        10, ge=2, le=1_000, description="cells of a real number when coverage is counted"
    )
    strongest: int = Field(
        3, ge=2, le=20, description="parameters of which all pairs become contours"
    )
    contours: list[tuple[str, str]] = Field([], description="further pairs of parameters")
    devices: float | None = Field(
        None, gt=0, description="that one run occupies, for device hours; none: unknown"
    )
    minutes: float = Field(
        1, gt=0, description="of a core, that running an adaptive sampler on noise may take"
    )
    seed: int = Field(
        0, ge=0, le=2**32 - 1, description="of the draws of this analysis, not of the sweep"
    )
