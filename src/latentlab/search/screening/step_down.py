"""One corrected family of all tests: Westfall and Young's step-down maximum.

There is one test for each parameter. The sweep stands among null replicates; what is rare
among them is rare by chance under this sampler, in this space, with this many configurations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentlab.core.arrays import Array

_TAIL = 0.9
"""Quantile of the statistic above which its tail is taken to be exponential."""


@dataclass(frozen=True)
class StepDown:
    """P-values of all tests.

    Attributes:
        p: share of all sweeps, the sweep among them, with at least the sweep's statistic, [tests].
        corrected: step-down p-values of the family, [tests].
        neg_log_p: the sweep's statistic on the scale that all tests share, [tests].
        largest: neg_log_p of the strongest test of each sweep, the sweep first, [1 + sweeps].
    """

    p: Array
    corrected: Array
    neg_log_p: Array
    largest: Array

    def needed(self, alpha: float) -> float:
        """The neg_log_p that opens the strongest test; infinite where there are too few sweeps."""
        sweeps = len(self.largest)
        above = int(np.floor(alpha * sweeps + 1e-9)) - 1
        if above < 0:
            return float("inf")
        # With the sweep itself, at most `alpha` of all sweeps may be as strong.
        return float(np.sort(self.largest[1:])[::-1][above]) if above < sweeps - 1 else 0.0


def step_down(statistic: Array) -> StepDown:
    """Compare the sweep with null replicates, all tests together.

    Statistics of different tests are brought to one scale: minus the logarithm of their share among
    the sweeps, continued above the 90th percentile by an exponential tail. The corrected p-value
    of the strongest test is the share of sweeps whose strongest test is at least as strong; that
    of the next one leaves the first out, and so on (Westfall & Young 1993). All sweeps, the sweep
    among them, set the scale; where no parameter matters they can be exchanged, so that the chance
    of any corrected p of at most alpha is at most alpha, for any number of sweeps.

    Args:
        statistic: larger is stronger; the sweep first, then the null replicates,
            [1 + sweeps, tests].
    """
    # The same value summed in another order differs by rounding, and ties must stay ties.
    statistic = np.round(statistic, 9)
    neg_log_p = np.stack([_neg_log_share(column) for column in statistic.T], axis=1)
    observed = neg_log_p[0]
    order = np.argsort(-observed, kind="stable")
    # Largest neg_log_p among the tests from each place of the order on.
    largest = np.maximum.accumulate(neg_log_p[:, order[::-1]], axis=1)[:, ::-1]
    stepped = np.maximum.accumulate((largest >= observed[order]).mean(axis=0))
    corrected = np.empty_like(stepped)
    corrected[order] = stepped
    return StepDown((statistic >= statistic[0]).mean(axis=0), corrected, observed, largest[:, 0])


def _neg_log_share(statistic: Array) -> Array:
    """Minus the logarithm of the share of sweeps with at least this statistic, [sweeps]."""
    ascending = np.sort(statistic)
    share = 1 - np.searchsorted(ascending, statistic, side="left") / len(statistic)
    start = float(np.quantile(statistic, _TAIL, method="higher"))
    beyond = statistic[statistic > start] - start
    if len(beyond) == 0:
        return np.asarray(-np.log(share))
    # The median of an exponential tail gives its scale, and one far sweep does not move it. A
    # textbook p-value of independent rows has scale 1; a shorter tail is not believed.
    scale = max(float(np.median(beyond)) / np.log(2), 1.0)
    at_start = (statistic >= start).mean()
    return np.where(
        statistic > start, -np.log(at_start) + (statistic - start) / scale, -np.log(share)
    )
