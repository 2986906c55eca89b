"""How often verdicts at looks err, what power they have, and how many seeds they save.

    python benchmarks/sequential_levels.py [--studies 20000] [--exact 2000] [--power 20000]

Everything goes through the decision path of the studies: `location_evidence`, `decide_at_looks`
and `conditional_power`. Printed are, with three standard errors as `+-`:

Levels: shares of studies in which any claim of the family is supported, and any is refuted, where
every claim lies at its boundary; alpha is .05, so at most .055. All looks are taken, as if no study
stopped early: futility can only lower the level.

Savings: the effect, in standard deviations of the differences, that a design finds with 80 % power;
the seeds of the fixed design of the same power; and the mean number of seeds at which the study
stops, where the effect is that, 1.5 times that, and none.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from latentlab.core.arrays import Array
from latentlab.evidence.decisions import Comparison, location_evidence
from latentlab.evidence.looks import Evidence, Rule, conditional_power, decide_at_looks
from latentlab.evidence.margins import Boundary
from latentlab.statistics.alpha_spending import Spending, nominal_levels
from latentlab.statistics.association import monotone_trend
from latentlab.statistics.attainable import PAIRED_TESTS, LocationTest, smallest_p
from latentlab.statistics.power import seeds_for_effect
from latentlab.statistics.sequential import FixedDesign, GroupSequential

FAMILY: dict[str, Any] = {"alpha": 0.05, "correction": "holm"}
DESIGNS: tuple[tuple[int, ...], ...] = (
    *((5,), (10,), (20,)),
    *((5, 10), (5, 10, 15), (5, 8, 10, 15), (5, 10, 15, 20), (4, 8, 12, 16, 20), (2, 3, 4, 5)),
)
"""Looks of paired t tests; one look is a fixed design."""
OTHER_TESTS: tuple[tuple[LocationTest, tuple[int, ...]], ...] = (
    *(("sign_flip", looks) for looks in ((5,), (10,), (20,), (5, 10), (5, 8, 10), (5, 8, 10, 12))),
    ("sign_flip", (4, 6, 8, 10, 12)),
    ("sign_flip", (5, 10, 14)),
    ("wilcoxon", (5, 10, 15, 20)),
    ("welch_t", (5, 10, 15, 20)),
    ("mann_whitney", (5, 10, 15, 20)),
)
SPENDINGS: tuple[Spending, Spending] = ("obrien_fleming", "pocock")
CLAIMS: tuple[tuple[Comparison, float, float], ...] = (
    ("superiority", 0.5, 0.5),
    ("equivalence", 0.9, 0.9),
    ("equivalence", 1e-9, 0.0),
)
Noise = Literal["normal", "t3"]


def drawn(noise: Noise, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw noise of standard deviation 1."""
    if noise == "normal":
        return rng.normal(size=shape)
    return rng.standard_t(3, size=shape) / math.sqrt(3)


def evidence_on(
    looks: Sequence[int],
    comparison: Comparison,
    boundary: float,
    effect: float,
    *,
    test: LocationTest = "paired_t",
    noise: Noise = "normal",
    members: int = 1,
    studies: int,
    seed: int = 0,
) -> Evidence:
    """Simulate families whose claims all have this effect; noise is of deviation 1."""
    rng = np.random.default_rng([seed, studies, members])
    control = rng.normal(size=(studies * members, looks[-1]))
    treatment = effect + drawn(noise, control.shape, rng)
    if test in PAIRED_TESTS:
        treatment = treatment + control
    found = [
        location_evidence(comparison, test, treatment[:, :n], control[:, :n], Boundary(boundary))
        for n in looks
    ]
    supported, refuted = np.moveaxis(np.array(found), 1, 0).reshape(2, -1, studies, members)
    tails = np.ones((2, members))
    tails[1] += comparison == "equivalence"
    attainable = np.array([[smallest_p(test, n, n)] * members for n in looks])
    return Evidence(supported, refuted, attainable, np.full((len(looks), members), True), tails)


def trend_evidence(looks: Sequence[int], *, studies: int, arms: int = 4, seed: int = 0) -> Evidence:
    """Simulate rank trends over arms without any effect."""
    rng = np.random.default_rng([seed, studies, arms])
    scores = rng.normal(size=(studies, looks[-1], arms))
    trends = [[monotone_trend(one[:n]) for one in scores] for n in looks]
    supported = np.array([[[t.p_positive] for t in look] for look in trends])
    refuted = np.array([[[t.p_negative] for t in look] for look in trends])
    attainable = np.array([[look[0].attainable] for look in trends])
    return Evidence(supported, refuted, attainable, np.full((len(looks), 1), True), np.ones((2, 1)))


def shares(evidence: Evidence, rule: Rule) -> tuple[float, float]:
    """Return the share of studies with any support, and with any refutation."""
    verdict = decide_at_looks(evidence, rule, **FAMILY).verdict
    return tuple(float((verdict == v).any(axis=1).mean()) for v in ("supported", "refuted"))


def print_levels(studies: int, exact: int) -> float:
    """Print the table of levels; return the highest."""
    print("\n| test | noise | claim | looks | spending | family | studies | supported | refuted |")
    print("|---|---|---|---|---|---|---|---|---|")
    worst = 0.0

    def rows(test: str, noise: str, claim: str, looks: Sequence[int], evidence: Evidence) -> None:
        nonlocal worst
        count, members = evidence.supported.shape[1:]
        error = 3 * math.sqrt(0.05 * 0.95 / count)
        for spending in SPENDINGS if len(looks) > 1 else (None,):
            rule = GroupSequential(tuple(looks), spending) if spending else FixedDesign()
            supported, refuted = shares(evidence, rule)
            worst = max(worst, supported, refuted)
            print(
                f"| {test} | {noise} | {claim} | {' '.join(map(str, looks))} | {spending or ''} "
                f"| {members} | {count} | {supported:.4f} | {refuted:.4f} +- {error:.4f} |",
                flush=True,
            )

    for looks in DESIGNS:
        for members in (1, 4):
            for noise in ("normal", "t3"):
                for comparison, boundary, effect in CLAIMS:
                    found = evidence_on(
                        looks,
                        comparison,
                        boundary,
                        effect,
                        noise=noise,
                        members=members,
                        studies=studies,
                    )
                    rows("paired_t", noise, f"{comparison} {boundary:g}", looks, found)
    for test, looks in OTHER_TESTS:
        for members in (1, 4):
            for noise in ("normal", "t3"):
                found = evidence_on(
                    looks,
                    "superiority",
                    0.0,
                    0.0,
                    test=test,
                    noise=noise,
                    members=members,
                    studies=studies,
                )
                rows(test, noise, "superiority 0", looks, found)
    found = trend_evidence((5, 10, 15), studies=exact)
    rows("page", "normal", "monotone", (5, 10, 15), found)
    return worst


def print_normal_law(studies: int) -> None:
    """Print how often one t test errs at the levels of a known variance, and at its own."""
    print("\n| looks | spending | alpha | by the normal law | calibrated |")
    print("|---|---|---|---|---|")
    for looks in ((5, 10, 15, 20), (3, 5, 8), (2, 3, 4, 5)):
        evidence = evidence_on(looks, "superiority", 0.0, 0.0, studies=studies)
        p = evidence.supported[..., 0]
        for spending in SPENDINGS:
            rule = GroupSequential(looks, spending)
            for alpha in (0.05, 0.0125):
                own = np.array([rule.level(alpha, look) for look in range(len(looks))])
                errs = [
                    (p <= levels[:, None]).any(axis=0).mean() / alpha
                    for levels in (nominal_levels(alpha, looks, spending), own)
                ]
                shown = " | ".join(f"{error:.3f} alpha" for error in errs)
                print(
                    f"| {' '.join(map(str, looks))} | {spending} | {alpha} | {shown} |", flush=True
                )


def stops(evidence: Evidence, rule: GroupSequential, futility: float) -> tuple[Array, Array]:
    """Return the seeds at which each study stops, and which claims are then supported.

    Args:
        evidence: at all looks.
        rule: their levels.
        futility: claims of less conditional power are not waited for; 0 waits for all.

    Returns:
        Shapes [studies] and [studies, members].
    """
    studies, members = evidence.supported.shape[1:]
    seeds = np.full(studies, rule.looks[-1])
    supported, running = np.zeros((studies, members)), np.full(studies, True)
    for look, n in enumerate(rule.looks):
        so_far = replace(
            evidence,
            supported=evidence.supported[: look + 1],
            refuted=evidence.refuted[: look + 1],
            attainable=evidence.attainable[: look + 1],
            enough_seeds=evidence.enough_seeds[: look + 1],
        )
        decision = decide_at_looks(so_far, rule, **FAMILY)
        chance = conditional_power(decision, so_far, rule, **FAMILY)
        waiting = (decision.verdict == "inconclusive") & ~(chance < futility)
        ends = running & (~waiting.any(axis=1) | (n == rule.looks[-1]))
        seeds[ends], supported[ends] = n, decision.verdict[ends] == "supported"
        running &= ~ends
    return seeds, supported


def print_savings(studies: int) -> None:
    """Print power and mean seeds against the fixed design of the same power."""
    print(
        "\n| looks | spending | futility | family | effect for 80 % | fixed seeds "
        "| mean seeds at it | at 1.5 times | at none | saved at 1.5 times | saved at none |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for looks in ((5, 10, 15, 20), (5, 8, 10, 15)):
        for spending in SPENDINGS:
            for futility in (0.0, 0.2):
                for members in (1, 4):
                    _savings(GroupSequential(looks, spending), futility, members, studies)


def _savings(rule: GroupSequential, futility: float, members: int, studies: int) -> None:
    def run(effect: float) -> tuple[float, float]:
        evidence = evidence_on(
            rule.looks, "superiority", 0.0, effect, members=members, studies=studies
        )
        seeds, supported = stops(evidence, rule, futility)
        return float(seeds.mean()), float(supported.mean())

    low, high = 0.0, 3.0
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (low, middle) if run(middle)[1] >= 0.8 else (middle, high)
    fixed = _fixed_seeds(high, members, studies)
    at, more, none = (run(factor * high)[0] for factor in (1.0, 1.5, 0.0))
    print(
        f"| {' '.join(map(str, rule.looks))} | {rule.spending} | {futility or 'none'} | {members} "
        f"| {high:.2f} | {fixed} | {at:.1f} | {more:.1f} | {none:.1f} "
        f"| {1 - more / fixed:.0%} | {1 - none / fixed:.0%} |",
        flush=True,
    )


def _fixed_seeds(effect: float, members: int, studies: int) -> int:
    """Return the fewest seeds with which a fixed design supports each claim with 80 % power."""
    n = seeds_for_effect(effect, 0.05, paired=True) or 2
    while True:
        evidence = evidence_on((n,), "superiority", 0.0, effect, members=members, studies=studies)
        verdict = decide_at_looks(evidence, FixedDesign(), **FAMILY).verdict
        if (verdict == "supported").mean() >= 0.8:
            return n
        n += 1


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000, help="null studies of a kind")
    parser.add_argument("--exact", type=int, default=2_000, help="null studies of trends")
    parser.add_argument("--power", type=int, default=20_000, help="studies of the savings")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    worst = print_levels(arguments.studies, arguments.exact)
    print(f"\nThe highest is {worst:.4f}.")
    print_normal_law(10 * arguments.studies)
    print_savings(arguments.power)
    print(f"\n{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
