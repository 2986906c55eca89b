"""How often verdicts err where differences are skewed, and what helps.

    python benchmarks/skew_levels.py [--studies 20000]

Verdicts go through the decision path of the studies, `location_evidence` and `decide_at_looks`.
Every claim lies at its boundary, and alpha is .05. Lognormal noise with sigma .5 has the skewness
1.75, with sigma 1 it has 6.2; both are shifted to the mean 0. Printed are shares of studies:

Raw differences: in which a superiority over 0 is refuted (the direction that a long tail above
favours) and supported, in families of one and four.

Candidates for a test beside: the same p-values at .05 for one claim, and the power under normal
noise where the t test has .8. Those that the product does not have are written out here.

Log scale: any claim of a family supported, and any refuted, where the logarithms of the control
scatter by 1 and those of the ratios by 1, for equivalences by .05.

Warning: in which D'Agostino's test says at .05 that the differences are skewed; also of normal ones
that are rounded to whole and half standard deviations.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
import scipy

from latentlab.core.arrays import Array
from latentlab.evidence.decisions import Comparison, location_evidence
from latentlab.evidence.looks import Evidence, decide_at_looks
from latentlab.evidence.margins import Boundary
from latentlab.statistics.attainable import PAIRED_TESTS, LocationTest, smallest_p
from latentlab.statistics.location import AnyLocationTest, location_p
from latentlab.statistics.power import detectable_effect
from latentlab.statistics.sequential import FixedDesign
from latentlab.statistics.skewness import skewness_of

SIGMAS = {"lognormal 1.75": 0.5, "lognormal 6": 1.0}
NOISES = ("normal", "t3", *SIGMAS)
SEEDS = (5, 8, 10, 20)
CLAIMS: tuple[tuple[Comparison, float], ...] = (
    # Of a time, which is better where it is lower: the ratio at the boundary of 10 %.
    ("superiority", 0.9),
    ("non_inferiority", 1.1),
    ("equivalence", 0.9),
    ("equivalence", 1.1),
)


def drawn(noise: str, shape: tuple[int, ...], seed: int = 0) -> Array:
    """Draw differences of mean 0 and standard deviation 1."""
    rng = np.random.default_rng([seed, *shape])
    if noise == "normal":
        return rng.normal(size=shape)
    if noise == "t3":
        return rng.standard_t(3, size=shape) / math.sqrt(3)
    square = SIGMAS[noise] ** 2
    spread = math.sqrt(math.expm1(square) * math.exp(square))
    return (np.exp(SIGMAS[noise] * rng.normal(size=shape)) - math.exp(square / 2)) / spread


def errors(supported: Array, refuted: Array, attainable: float, members: int) -> tuple[float, ...]:
    """Return the shares of studies with any support and any refutation."""
    p = [side.reshape(1, -1, members) for side in (supported, refuted)]
    evidence = Evidence(
        *p, np.full((1, members), attainable), np.full((1, members), True), np.ones((2, members))
    )
    decision = decide_at_looks(evidence, FixedDesign(), alpha=0.05, correction="holm")
    return tuple(
        float((decision.verdict == v).any(axis=1).mean()) for v in ("supported", "refuted")
    )


def print_raw(studies: int) -> None:
    """Print how often a superiority over 0 is decided on raw differences."""
    print("\n| noise | n | family | test | refuted | supported |\n|---|---|---|---|---|---|")
    tests: tuple[AnyLocationTest, ...] = (*PAIRED_TESTS, "skewed_t")
    for noise in NOISES:
        for n in SEEDS:
            for members in (1, 4):
                d = drawn(noise, (studies * members, n))
                for test in tests:
                    p = location_evidence("superiority", test, d, np.zeros_like(d), Boundary(0.0))
                    least = 0.0 if test == "skewed_t" else smallest_p(test, n, n)
                    supported, refuted = errors(*p, least, members)
                    print(
                        f"| {noise} | {n} | {members} | {test} | {refuted:.3f} | {supported:.3f} |",
                        flush=True,
                    )


def t_of(d: Array) -> Array:
    """Student's t of differences, shape [..., n]."""
    return np.asarray(np.mean(d, axis=-1) / np.std(d, axis=-1, ddof=1) * math.sqrt(d.shape[-1]))


def johnson(d: Array) -> Array:
    """Johnson's modified t (1978)."""
    n, g = d.shape[-1], scipy.stats.skew(d, axis=-1, bias=False)
    t = t_of(d)
    return np.asarray(scipy.stats.t.cdf(t + g / math.sqrt(n) * (1 / 6 + t**2 / 3), n - 1))


def chen(d: Array) -> Array:
    """Chen's modified t (1995), of the lower tail."""
    n, t = d.shape[-1], -t_of(d)
    a = -scipy.stats.skew(d, axis=-1, bias=False) / (6 * math.sqrt(n))
    changed = t + a * (1 + 2 * t**2) + 4 * a**2 * (t + 2 * t**3)
    return np.asarray(scipy.stats.t.sf(changed, n - 1))


def hall(d: Array) -> Array:
    """Hall's transformation (1992) with the skewness of the sample."""
    n, g = d.shape[-1], scipy.stats.skew(d, axis=-1, bias=False)
    w = t_of(d) / math.sqrt(n)
    freed = w + g * w**2 / 3 + g**2 * w**3 / 27 + g / (6 * n)
    return np.asarray(scipy.stats.t.cdf(math.sqrt(n) * freed, n - 1))


def bootstrap_t(d: Array, draws: int = 999) -> Array:
    """Efron's bootstrap-t (1979); resamples without a spread count as extreme."""
    n = d.shape[-1]
    counts = np.random.default_rng(0).multinomial(n, [1 / n] * n, draws) / n
    centred = d - d.mean(axis=-1, keepdims=True)
    mean, square = centred @ counts.T, centred**2 @ counts.T
    variance = (square - mean**2) / (n - 1)
    flat = variance <= 1e-12 * np.mean(centred**2, axis=-1, keepdims=True)
    t = mean / np.sqrt(np.where(flat, 1.0, variance))
    return np.asarray((1 + np.sum((t <= t_of(d)[:, None]) | flat, axis=-1)) / (draws + 1))


def yuen(d: Array) -> Array:
    """A fifth trimmed at either end (Tukey & McLaughlin 1963)."""
    n, cut = d.shape[-1], d.shape[-1] // 5
    kept = np.sort(d, axis=-1)[:, cut : n - cut]
    edges = [np.repeat(kept[:, [end]], cut, axis=-1) for end in (0, -1)]
    spread = np.std(np.concatenate([edges[0], kept, edges[1]], axis=-1), axis=-1, ddof=1)
    t = kept.mean(axis=-1) * kept.shape[-1] / (spread * math.sqrt(n))
    return np.asarray(scipy.stats.t.cdf(t, kept.shape[-1] - 1))


def sign_test(d: Array) -> Array:
    """The sign test, of a median."""
    return np.asarray(scipy.stats.binom.cdf(np.sum(d > 0, axis=-1), d.shape[-1], 0.5))


def of_product(test: AnyLocationTest) -> Callable[[Array], Array]:
    """Return a test of the product, of the lower tail."""
    return lambda d: location_p(test, d, np.zeros_like(d), "less")


CANDIDATES: dict[str, Callable[[Array], Array]] = {
    **{test: of_product(test) for test in PAIRED_TESTS},
    "johnson": johnson,
    "chen": chen,
    "hall": hall,
    "bootstrap_t": bootstrap_t,
    "yuen": yuen,
    "sign_test": sign_test,
    "skewed_t": of_product("skewed_t"),
}


def print_candidates(studies: int) -> None:
    """Print levels and power of all candidates for the test beside."""
    print(f"\n| n | test | {' | '.join(f'lower, {noise}' for noise in NOISES)} | power |")
    print("|---|---|---|---|---|---|---|")
    for n in SEEDS:
        effect = detectable_effect(n, 0.05, paired=True)
        for name, test in CANDIDATES.items():
            levels = [np.mean(test(drawn(noise, (studies, n))) <= 0.05) for noise in NOISES]
            found = np.mean(test(drawn("normal", (studies, n)) - effect) <= 0.05)
            shown = " | ".join(f"{level:.3f}" for level in levels)
            print(f"| {n} | {name} | {shown} | {found:.2f} |", flush=True)


def print_log_scale(studies: int) -> float:
    """Print how often claims about ratios of lognormal scores err; return the highest."""
    print("\n| claim | ratio | test | n | family | supported | refuted |")
    print("|---|---|---|---|---|---|---|")
    worst = 0.0
    tests: tuple[LocationTest, ...] = PAIRED_TESTS
    for comparison, ratio in CLAIMS:
        for test in tests:
            for n in (5, 10):
                for members in (1, 4):
                    rng = np.random.default_rng([n, members])
                    control = np.exp(rng.normal(size=(studies * members, n)))
                    scatter = 0.05 if comparison == "equivalence" else 1.0
                    treatment = ratio * control * np.exp(scatter * rng.normal(size=control.shape))
                    p = location_evidence(
                        comparison,
                        test,
                        np.log(treatment),
                        np.log(control),
                        Boundary(0.1, relative=True, log=True),
                        lower_is_better=True,
                    )
                    found = errors(*p, smallest_p(test, n, n), members)
                    worst = max(worst, *found)
                    print(
                        f"| {comparison} | {ratio} | {test} | {n} | {members} "
                        f"| {found[0]:.3f} | {found[1]:.3f} |",
                        flush=True,
                    )
    return worst


def print_warnings(studies: int) -> None:
    """Print how often differences are told not to look normal."""
    print(f"\n| n | {' | '.join(NOISES)} | in halves | in wholes |\n|---|---|---|---|---|---|---|")
    for n in SEEDS[1:]:
        normal = drawn("normal", (studies, n))
        samples = [drawn(noise, (studies, n)) for noise in NOISES]
        samples += [np.round(2 * normal) / 2, np.round(normal)]
        shares = [np.mean([skewness_of(d)[1] <= 0.05 for d in sample]) for sample in samples]
        print(f"| {n} | {' | '.join(f'{share:.2f}' for share in shares)} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000, help="null studies of a kind")
    studies = parser.parse_args().studies
    begun = time.perf_counter()
    print_raw(studies)
    print_candidates(studies)
    print(f"\nThe highest is {print_log_scale(studies):.4f}.")
    print_warnings(studies // 4)
    print(f"\n{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
