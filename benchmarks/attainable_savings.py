"""How many seeds declared looks can save at all, by the normal law of the looks.

    python benchmarks/attainable_savings.py [--paths 100000]

Standardised sums of normal data of known variance, at the levels of `nominal_levels`; a claim that
both directions leave a conditional power below `futility` is not waited for, as in
`evidence/looks.py`. Savings are against the fixed design of the same power, .8 at one-sided .05,
with a fraction of a seed where it needs one: what `sequential_levels.py` measures of t tests and
whole seeds, without their grain. Printed are the last look's seeds as a multiple of the fixed
design's, and what is saved where the effect is the one that is found with that power, 1.5 times
that, and none.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import scipy

from latentlab.statistics.alpha_spending import Spending, nominal_levels

ALPHA, POWER = 0.05, 0.8
GRID = ((5, 10, 15, 20), (5, 8, 10, 15), (8, 12, 16, 20), (4, 8, 12, 16, 20))
EVEN = tuple(tuple(range(60 // k, 61, 60 // k)) for k in (10, 60))
"""Ten looks, and one after each of sixty seeds."""
FUTILITIES = (0.0, 0.05, 0.1, 0.2)


def savings(
    looks: tuple[int, ...], spending: Spending, futility: float, paths: int
) -> tuple[float, list[float]]:
    """Return the largest study's size, and what is saved at 1, 1.5 and 0 times the effect."""
    time = np.array(looks) / looks[-1]
    boundaries = scipy.stats.norm.isf(nominal_levels(ALPHA, looks, spending))
    steps = np.sqrt(np.diff(time, prepend=0.0))
    noise = np.cumsum(np.random.default_rng(0).normal(size=(paths, len(looks))) * steps, axis=1)

    def run(effect: float) -> tuple[float, float]:
        """Return the power and the mean share of the seeds, of a drift to `effect`."""
        z = (noise + effect * time) / np.sqrt(time)
        ends = np.abs(z) >= boundaries
        trend = np.abs(z[:, :-1]) / np.sqrt(time[:-1])
        ends[:, :-1] |= (
            scipy.stats.norm.sf((boundaries[-1] - trend) / np.sqrt(1 - time[:-1])) < futility
        )
        ends[:, -1] = True
        last = ends.argmax(axis=1)
        supported = z[np.arange(paths), last] >= boundaries[last]
        return float(supported.mean()), float(time[last].mean())

    effect = scipy.optimize.brentq(lambda drift: run(drift)[0] - POWER, 1.0, 9.0, xtol=1e-3)
    fixed = ((scipy.stats.norm.isf(ALPHA) + scipy.stats.norm.ppf(POWER)) / effect) ** 2
    return 1 / fixed, [1 - run(times * effect)[1] / fixed for times in (1.0, 1.5, 0.0)]


def wald() -> list[float]:
    """Return what Wald's sequential ratio test saves at 1.5 and 0 times the effect.

    It looks at one direction, at each instant and without end, and no test of these error rates
    needs less at the effect and at none.
    """
    up, down = math.log(POWER / ALPHA), math.log((1 - ALPHA) / (1 - POWER))
    fixed = (scipy.stats.norm.isf(ALPHA) + scipy.stats.norm.ppf(POWER)) ** 2
    saved = []
    for times in (1.5, 0.0):
        # The logarithm of the ratio drifts by this in a unit of time, with variance 1.
        drift = times - 0.5
        wins = math.expm1(-2 * drift * down) / math.expm1(-2 * drift * (up + down))
        saved.append(1 - (wins * up - (1 - wins) * down) / drift / fixed)
    return saved


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", type=int, default=100_000, help="studies of a design")
    paths = parser.parse_args().paths
    print("| looks | spending | futility | last look | saved at it | at 1.5 times | at none |")
    print("|---|---|---|---|---|---|---|")
    spendings: tuple[Spending, Spending] = ("obrien_fleming", "pocock")
    for looks in GRID + EVEN:
        named = ", ".join(map(str, looks)) if looks in GRID else f"{len(looks)} equal"
        for spending in spendings:
            for futility in FUTILITIES:
                size, saved = savings(looks, spending, futility, paths)
                shown = " | ".join(f"{share:.0%}" for share in saved)
                print(f"| {named} | {spending} | {futility:g} | {size:.2f} | {shown} |", flush=True)
    print(f"\nWald: {', '.join(f'{share:.0%}' for share in wald())}")


if __name__ == "__main__":
    main()
