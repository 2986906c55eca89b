"""How often any of several attempts at the same claims errs.

    python benchmarks/attempt_levels.py [--studies 20000] [--attempts 5] [--test sign_flip]

A claim that stayed open may be registered anew and tried on fresh seeds; its p-values then pay for
the attempts before (`Standing.price`). Here all attempts are made, whatever the ones before found,
which is the worst that a person can do. Everything goes through the decision path of the studies:
`location_evidence`, `decide_at_looks`. Printed is, after each attempt, the share of studies in
which any attempt so far called any claim that lies at its boundary supported, and refuted; and
after the last one what it would be if nobody paid. alpha is .05; asked is at most .055.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from latentlab.evidence.decisions import Comparison
from latentlab.evidence.looks import Evidence, Rule, decide_at_looks
from latentlab.evidence.standing import Standing
from latentlab.statistics.attainable import LocationTest
from latentlab.statistics.sequential import FixedDesign, GroupSequential
from sequential_levels import FAMILY, Noise, evidence_on

Hits = npt.NDArray[np.bool_]
TESTS: tuple[tuple[LocationTest, tuple[int, ...], Rule], ...] = (
    ("paired_t", (5,), FixedDesign()),
    ("paired_t", (10,), FixedDesign()),
    ("paired_t", (5, 10, 15), GroupSequential((5, 10, 15), "pocock")),
    ("sign_flip", (5,), FixedDesign()),
    # From the third attempt on, ten pairs have no p-value that is small enough.
    ("sign_flip", (10,), FixedDesign()),
)
CLAIMS: tuple[tuple[Comparison, float, float], ...] = (
    ("superiority", 0.5, 0.5),
    ("equivalence", 0.9, 0.9),
)
REAL = 3.0
"""An effect, in standard deviations of the differences, that is found at nearly every attempt."""


def paid(attempt: int) -> float:
    """Return the factor of the p-values at an attempt, counted from 0."""
    return Standing("confirmatory", "", ("inconclusive",) * attempt).price


def any_hit(evidence: Evidence, rule: Rule, price: float, null: slice) -> tuple[Hits, Hits]:
    """Return in which studies any of the null claims is supported, and any refuted."""
    verdict = decide_at_looks(replace(evidence, price=price), rule, **FAMILY).verdict[:, null]
    return (verdict == "supported").any(axis=1), (verdict == "refuted").any(axis=1)


def with_real_effect(null: Evidence, real: Evidence) -> Evidence:
    """Return a family whose first claim has a real effect and whose others have none."""
    first, rest = slice(0, 1), slice(1, None)

    def joined(key: str) -> np.ndarray:
        sides = getattr(real, key)[..., first], getattr(null, key)[..., rest]
        return np.concatenate(sides, axis=-1)

    return replace(null, supported=joined("supported"), refuted=joined("refuted"))


def row(
    test: LocationTest,
    looks: tuple[int, ...],
    rule: Rule,
    comparison: tuple[Comparison, float, float],
    noise: Noise,
    members: int,
    *,
    real: bool,
    studies: int,
    attempts: int,
) -> float:
    """Print a row of the table; return its highest paid share."""
    claim, boundary, effect = comparison
    found: Hits = np.zeros((2, 2, studies), dtype=np.bool_)
    shares = []
    for attempt in range(attempts):

        def drawn(effect: float, seed: int) -> Evidence:
            return evidence_on(
                looks,
                claim,
                boundary,
                effect,
                test=test,
                noise=noise,
                members=members,
                studies=studies,
                seed=seed,
            )

        evidence = drawn(effect, 2 * attempt)
        if real:
            evidence = with_real_effect(evidence, drawn(effect + REAL, 2 * attempt + 1))
        for index, price in enumerate((paid(attempt), 1.0)):
            found[index] |= any_hit(evidence, rule, price, slice(int(real), None))
        shares.append(found[0].mean(axis=-1))
    unpaid = found[1].mean(axis=-1)
    family = f"{members}, one real" if real else f"{members}"
    cells = " | ".join(f"{supported:.4f}, {refuted:.4f}" for supported, refuted in shares)
    print(
        f"| {test} | {' '.join(map(str, looks))} | {claim} | {noise} | {family} | {cells} "
        f"| {unpaid[0]:.3f}, {unpaid[1]:.3f} |",
        flush=True,
    )
    return float(np.max(shares))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000)
    parser.add_argument("--attempts", type=int, default=5)
    parser.add_argument("--test", choices=[test for test, *_ in TESTS], help="this one alone")
    arguments = parser.parse_args()
    begun, worst = time.perf_counter(), 0.0
    counted = " | ".join(f"{k} of them" for k in range(1, arguments.attempts + 1))
    print(f"| test | seeds | claim | noise | family | {counted} | all, not paid for |")
    print("|---" * (6 + arguments.attempts) + "|")
    for test, looks, rule in TESTS:
        if arguments.test not in (None, test):
            continue
        # Enumerating flips takes long: fewer kinds of studies there.
        brief = test == "sign_flip"
        for comparison in CLAIMS[:1] if brief else CLAIMS:
            for noise in ("normal", "t3"):
                for members, real in ((1, False), (4, False), (4, True))[: 2 if brief else 3]:
                    highest = row(
                        test,
                        looks,
                        rule,
                        comparison,
                        noise,
                        members,
                        real=real,
                        studies=arguments.studies,
                        attempts=arguments.attempts,
                    )
                    worst = max(worst, highest)
    error = 3 * math.sqrt(0.05 * 0.95 / arguments.studies)
    print(f"\nThe highest is {worst:.4f}; three standard errors are {error:.4f}.")
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
