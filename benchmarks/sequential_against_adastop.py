"""Levels, power and seeds of declared looks beside AdaStop's, where both apply.

    pip install adastop
    python benchmarks/sequential_against_adastop.py [--studies 600] [--alpha .05]

Both apply to two arms with seeds of their own, no margin and no better direction: is there any
difference? AdaStop (Mathieu et al. 2023) holds group-sequential permutation tests of the means; it
has no pairing by seed, margins, equivalence or refutation. Ours is Welch's test on two sides, with
Pocock's spending. Normal scores of deviation 1, alpha .05, looks at 5, 10, 15 and 20 seeds.
"""

from __future__ import annotations

import argparse

import numpy as np
from adastop import MultipleAgentsComparator

from latentlab.core.arrays import Array
from latentlab.evidence.decisions import location_evidence
from latentlab.evidence.looks import Evidence, decide_at_looks
from latentlab.evidence.margins import Boundary
from latentlab.statistics.sequential import GroupSequential

RULE = GroupSequential((5, 10, 15, 20), "pocock")
ALPHA = 0.05


def by_adastop(x: Array, y: Array, alpha: float, permutations: int, seed: int) -> tuple[bool, int]:
    """Return whether AdaStop tells two arms apart, and the seeds of each that it took."""
    test = MultipleAgentsComparator(
        n=RULE.looks[0], K=len(RULE.looks), B=permutations, alpha=alpha, seed=seed
    )
    for n in RULE.looks:
        test.partial_compare({"x": x[:n], "y": y[:n]}, verbose=False)
        if test.is_finished:
            break
    return set(test.decisions.values()) <= {"larger", "smaller"}, n


def by_looks(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the same of the decision path, for scores of shape [studies, seeds]."""
    sides = [
        location_evidence("superiority", "welch_t", x[:, :n], y[:, :n], Boundary(0.0), sides="two")
        for n in RULE.looks
    ]
    supported, refuted = np.moveaxis(np.array(sides), 1, 0)[..., None]
    looks = (len(RULE.looks), 1)
    evidence = Evidence(
        supported, refuted, np.zeros(looks), np.full(looks, True), np.full((2, 1), 2.0)
    )
    decision = decide_at_looks(evidence, RULE, alpha=ALPHA, correction="none")
    seeds = np.array(RULE.looks)[decision.look[:, 0]]
    return np.asarray(decision.verdict[:, 0] != "inconclusive", dtype=np.float64), seeds


def main() -> None:
    """Print a row for every effect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=600)
    parser.add_argument("--alpha", type=float, default=ALPHA, help="what AdaStop is given")
    parser.add_argument("--permutations", type=int, default=500)
    arguments = parser.parse_args()
    print("| effect | AdaStop tells apart | its seeds | looks tell apart | their seeds |")
    print("|---|---|---|---|---|")
    for effect in (0.0, 1.0, 1.5):
        rng = np.random.default_rng(1)
        x, y = rng.normal(size=(2, arguments.studies, RULE.looks[-1]))
        x = x + effect
        theirs = np.array(
            [
                by_adastop(one, other, arguments.alpha, arguments.permutations, seed)
                for seed, (one, other) in enumerate(zip(x, y, strict=True))
            ]
        ).mean(axis=0)
        ours = [values.mean() for values in by_looks(x, y)]
        print(
            f"| {effect:g} | {theirs[0]:.3f} | {theirs[1]:.1f} | {ours[0]:.3f} | {ours[1]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
