"""How often claims about several contrasts, and about who wins, err where they are false.

    python benchmarks/design_levels.py [--studies 20000]

Claims are read as from a file of hypotheses and tested by their own tests, and `decide` says what
holds. Printed are shares of studies in which any claim of the family is supported, and any is
refuted, where every claim lies at its boundary; alpha is .05. `some null` is the share in which a
contrast that is null is told apart, where one arm has a large effect.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from latentlab.core.arrays import Array
from latentlab.evidence.claims.contrast_base import ContrastClaim
from latentlab.evidence.decisions import decide
from latentlab.evidence.hypotheses import read_hypotheses
from latentlab.metrics.metric import Metric
from latentlab.statistics.contrasts import Holm, Together
from latentlab.statistics.dominance import Dominance, of_pairs, of_samples

ARMS = ("old", "a", "b", "c")
STATED: Mapping[str, Mapping[str, Any]] = {
    "differs_from_control": {"arms": {"treatments": ["a", "b", "c"], "control": "old"}},
    "arms_differ": {"arms": list(ARMS)},
    "effect_varies": {"arms": {"changed": ["a", "c"], "unchanged": ["old", "b"]}},
}
NOISES: Mapping[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, size=shape) / math.sqrt(3),
    "lognormal": lambda rng, shape: rng.lognormal(0, 0.5, shape) - math.exp(0.125),
    "ties": lambda rng, shape: np.round(rng.normal(size=shape)),
    # One arm's noise is skewed by 1.75, and the others have little: so are the differences.
    "skewed": lambda rng, shape: np.where(
        np.arange(shape[-1]) == 0,
        (rng.lognormal(0, 0.5, shape) - math.exp(0.125)) / 0.6039,
        0.2 * rng.normal(size=shape),
    ),
    # One arm, the control where there is one, varies three times as much.
    "unequal": lambda rng, shape: rng.normal(size=shape) * np.array([3.0, 1.0, 1.0, 1.0]),
}


def claim_of(kind: str, **stated: Any) -> ContrastClaim:
    """Read a claim as from a file of hypotheses."""
    common = {"question": "?", "metric": {"name": "score", "split": "test"}, "family": "one"}
    contents = {"study": "levels", "families": {"one": {}}}
    contents["hypotheses"] = {"H": {"kind": kind, **STATED[kind], **common, **stated}}
    found = read_hypotheses(contents, "levels").hypotheses["H"]
    assert isinstance(found, ContrastClaim)
    return found


def p_values(
    claim: ContrastClaim, scores: Array, metrics: Mapping[str, Metric] = MappingProxyType({})
) -> tuple[Array, Array]:
    """Return adjusted p of each contrast, [studies, contrasts], and p of refutation, [studies].

    Args:
        claim: what is claimed.
        scores: shape [studies, seeds, arms], arms as in `ARMS`; logarithms where ratios count.
        metrics: name -> metric, of the scale that is not linear.
    """
    arms = list(claim.arm_names().values())
    columns: Sequence[Array] = [scores[..., ARMS.index(arm)] for arm in arms]
    weights = np.array([[own.get(arm, 0.0) for arm in arms] for own in claim.weights().values()])
    found, law = claim.tests(columns, weights)[claim.primary_test]
    boundary = claim.boundary_on(metrics)
    deviates = found.deviates(*boundary.band)
    if isinstance(law, Holm):
        p = law.adjusted(deviates)
    else:
        p = np.exp(np.interp(deviates, *_tabled(law)))
    refuted = found.within(*boundary.band) if boundary.value else np.ones(len(scores))
    return p, refuted


@functools.lru_cache
def _tabled(law: Together) -> tuple[Array, Array]:
    """Return deviates and the logarithms of their p-values by a joint law, which is slow."""
    steps = np.concatenate([np.linspace(0, 8, 161), np.linspace(8.5, 40, 64)])
    return steps, np.log(np.maximum(law.adjusted(steps), 1e-300))


def shares(supported: Array, refuted: Array, members: int) -> tuple[float, float]:
    """Return the share of families with any support, and with any refutation, by Holm."""
    verdict = decide(
        supported.reshape(-1, members),
        refuted.reshape(-1, members),
        alpha=0.05,
        correction="holm",
        attainable=np.zeros(members),
        enough_seeds=np.full(members, True),
    ).verdict
    return tuple(float((verdict == v).any(axis=1).mean()) for v in ("supported", "refuted"))


def print_contrasts(studies: int) -> None:
    """Print the levels of claims about several contrasts."""
    print("\n| claim | test | noise | seeds | supported | refuted | some null | family of 4 |")
    print("|---|---|---|---|---|---|---|---|")
    for kind, pairing, spread in itertools.product(STATED, ("seed", "none"), ("own", "shared")):
        if kind == "effect_varies" and spread == "shared":
            continue
        test = {} if kind == "effect_varies" else {"test": {"spread": spread}}
        for noise, n in itertools.product(NOISES, (5, 10)):
            rng = np.random.default_rng([n, studies])
            shape = (studies, n, len(ARMS))
            scores = NOISES[noise](rng, shape)
            if pairing == "seed":
                scores = scores + rng.normal(size=(studies, n, 1)).round(9 * (noise != "ties"))
            plain = claim_of(kind, pairing=pairing, **test)
            p, _ = p_values(plain, scores)
            none = np.ones(studies)
            supported, _ = shares(p.min(axis=-1), none, 1)
            of_four, _ = shares(p.min(axis=-1), none, 4)
            # One contrast lies at the boundary, and the others within it.
            at = scores + 5.0 * np.array([0.0, 0.0, 0.0, 1.0])
            _, p_within = p_values(claim_of(kind, pairing=pairing, min_effect=5.0, **test), at)
            _, refuted = shares(none, p_within, 1)
            effect, _ = p_values(plain, at)
            null = ["c" not in name for name in plain.weights()]
            false = float((effect[:, null] <= 0.05).any(axis=-1).mean())
            print(
                f"| {kind} | {plain.primary_test} | {noise} | {n} | {supported:.3f} "
                f"| {refuted:.3f} | {f'{false:.3f}' if any(null) else ''} | {of_four:.3f} |",
                flush=True,
            )


def print_ratios(studies: int) -> None:
    """Print the levels of the same claims on lognormal scores that are compared by ratios.

    One arm lies at a ratio of .9 or 1.1 to others, which is the boundary.
    """
    print("\n| claim | test | logarithms scatter by | ratio | seeds | supported | refuted |")
    print("|---|---|---|---|---|---|---|")
    metrics = {"score": Metric("score", "lower", "s", "a time", 0.0, scale="log")}
    tenth = {"min_effect": "10% of control mean"}
    for kind, pairing, scatter in itertools.product(STATED, ("seed", "none"), (1.0, 0.03)):
        claim = claim_of(kind, pairing=pairing, **tenth)
        # Whether the arm c is what others are divided by.
        turned = next(own["c"] for own in claim.weights().values() if "c" in own)
        for ratio, n in itertools.product((0.9, 1.1), (5, 10)):
            rng = np.random.default_rng([n, studies])
            scores = np.exp(scatter * rng.normal(size=(4 * studies, n, len(ARMS))))
            if pairing == "seed":
                scores *= np.exp(rng.normal(size=(4 * studies, n, 1)))
            scores[..., ARMS.index("c")] *= ratio**turned
            p, within = p_values(claim, np.log(scores), metrics)
            one, four = (shares(p.min(axis=-1), within, members) for members in (1, 4))
            print(
                f"| {kind} | {claim.primary_test} | {scatter:g} | {ratio} | {n} "
                f"| {one[0]:.4f}, {four[0]:.4f} | {one[1]:.4f}, {four[1]:.4f} |",
                flush=True,
            )


def print_winners(studies: int) -> None:
    """Print the levels of claims about who wins."""
    print("\n| test | scores | threshold | seeds | supported | refuted | family of 4 |")
    print("|---|---|---|---|---|---|---|")

    def row(test: str, scores: str, threshold: float, n: int, found: Dominance) -> None:
        p = [found.p(threshold, to) for to in ("greater", "less")]
        one, four = shares(p[0], p[1], 1), shares(p[0], p[1], 4)
        print(
            f"| {test} | {scores} | {threshold} | {n} | {one[0]:.3f} | {one[1]:.3f} "
            f"| {four[0]:.3f}, {four[1]:.3f} |",
            flush=True,
        )

    for n, threshold, tie, mid_p in itertools.product(
        (5, 10, 20), (0.5, 0.75), (0.0, 0.2), (False, True)
    ):
        drawn = np.random.default_rng([n, studies]).random((studies, n))
        win = threshold - tie / 2
        x = np.select([drawn < win, drawn < win + tie], [1.0, 0.0], -1.0)
        found = of_pairs(x, np.zeros_like(x), mid_p=mid_p)
        row("sign_mid_p" if mid_p else "sign", f"{tie:.0%} ties", threshold, n, found)
    # Only the threshold .5 may be declared for independent arms; .75 shows why.
    for n in (5, 10, 20):
        rng = np.random.default_rng([n, studies])
        for name, sd in (("normal", 1.0), ("3 times the spread", 3.0)):
            x, y = rng.normal(size=(studies, n)), sd * rng.normal(size=(studies, n))
            row("brunner_munzel", name, 0.5, n, of_samples(x, y))
            shifted = x + 0.6744897501960817 * math.hypot(1, sd)
            row("brunner_munzel", name, 0.75, n, of_samples(shifted, y))
        x, y = (np.round(2 * rng.normal(size=(studies, n))) for _ in range(2))
        row("brunner_munzel", "ties", 0.5, n, of_samples(x, y))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000, help="studies per cell")
    arguments = parser.parse_args()
    print_winners(arguments.studies)
    print_contrasts(arguments.studies)
    print_ratios(arguments.studies)


if __name__ == "__main__":
    main()
