"""Which rows of a sweep are screened, and what a reader should know of those that are not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentlab.reporting.formatting import plural
from latentlab.search.matrix import SweepMatrix
from latentlab.search.screening.null_distribution import NullDistribution

_FIXED_DESIGNS = ("grid", "random", "quasi_random")


def tested_rows(matrix: SweepMatrix, null: NullDistribution) -> tuple[SweepMatrix, list[str]]:
    """Return the rows that are tested, and what a reader should know of them."""
    notes = _left_out(matrix)
    adaptive = bool(matrix.adaptive.any())
    most = null.most_configurations(matrix.space)
    if adaptive and len(matrix) > most:
        notes.append(
            f"Only the first {most} of {len(matrix)} configurations are screened: running "
            "the adaptive sampler on noise for all of them would take too long."
        )
        matrix = matrix.take(np.arange(len(matrix)) < most)
    if matrix.adaptive.any():
        if matrix.sampler != "tpe":
            notes.append(
                f"The sampler is {matrix.sampler} and adaptive; TPE on noise stands in for it, "
                "so that p-values of the screening are approximate."
            )
        if len(matrix.objectives) > 1:
            notes.append(
                "The sampler followed several objectives, and is run on noise with "
                f"{matrix.objective.name} alone: p-values of the screening are approximate."
            )
    elif not adaptive and matrix.sampler not in _FIXED_DESIGNS:
        notes.append("No row counts as adaptive, so that the rows are taken for exchangeable.")
    return matrix, notes


def _left_out(matrix: SweepMatrix) -> list[str]:
    states = pd.Series(matrix.states).value_counts()
    notes = []
    if copies := int(matrix.copies.sum()):
        notes.append(
            f"Left out as copies of others, with the same value: {plural(copies, 'configuration')}."
        )
    if failed := int(states.get("failed", 0)):
        notes.append(f"Left out: {plural(failed, 'failed configuration')}.")
    if diverged := int(states.get("diverged", 0)):
        notes.append(f"Ranked last: {plural(diverged, 'diverged configuration')}.")
    if pruned := int(states.get("pruned", 0)):
        early = plural(pruned, "configuration")
        notes.append(f"Ranked below all complete ones: {early} stopped early.")
    return notes
