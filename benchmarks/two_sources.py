"""Whether intervals and verdicts over seeds and examples hold what they promise.

    python benchmarks/two_sources.py [--studies 20000] [--bootstraps 400]

Everything goes through the decision path of the studies: `TwoSources.evidence`, its interval and
`decide_at_looks`. Tables seeds x examples have a mean whose variance is divided between seeds,
examples and what is particular to a seed's example. Printed are

Levels: shares of studies in which any of a family's claims is supported, and any is refuted, all at
their boundaries; alpha is .05, so at most .055. First by the exact law of Gaussian mean squares,
then of drawn tables: effects of three degrees of freedom, and hits.

Coverage: shares of 95 % intervals that hold the true mean. Gaussian tables have additive effects;
Bernoulli tables are differences of two arms' hits, whose chances vary with seed and example; their
noise particular to seed and example is what coins have. Beside the rule stand Satterthwaite's
degrees of freedom and Owen's (2007) pigeonhole bootstrap, percentiles of 999 draws.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import scipy

from latentlab.core.arrays import Array
from latentlab.evidence.looks import Evidence, decide_at_looks
from latentlab.evidence.margins import Boundary
from latentlab.evidence.two_sources import TwoSources
from latentlab.statistics.sequential import FixedDesign
from latentlab.statistics.two_way import TwoWayMean, two_way_mean

SHAPES = ((5, 60), (5, 360), (10, 60), (10, 360))
"""Seeds, examples."""
SHARES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
"""Of the seeds, in what seeds and examples bring to the variance of the mean."""
DRAWS = 999
NUMBERS = 500_000
"""Drawn at a time: bounds memory, and what fits a cache is judged faster."""
Tables = tuple[Array, Array]
Law = Callable[[int, tuple[int, int], float, np.random.Generator], Tables]
"""Number of tables, their seeds and examples, the seeds' share, a stream -> tables."""


def additive(
    studies: int,
    shape: tuple[int, int],
    share: float,
    rng: np.random.Generator,
    *,
    rest: float = 0.0,
    heavy: bool = False,
) -> Tables:
    """Draw tables of mean 0 whose mean has variance 1; the control is 0.

    Args:
        studies: number of tables.
        shape: seeds, examples.
        share: the seeds' part of the variance that is not `rest`.
        rng: stream of draws.
        rest: part of what is particular to a seed's example.
        heavy: whether effects have three degrees of freedom instead of being Gaussian.
    """
    seeds, examples = shape

    def effects(variance: float, *shape: int) -> Array:
        if heavy:
            return math.sqrt(variance / 3) * rng.standard_t(3, size=(studies, *shape))
        return math.sqrt(variance) * rng.normal(size=(studies, *shape))

    table = effects(share * (1 - rest) * seeds, seeds, 1)
    table = table + effects((1 - share) * (1 - rest) * examples, 1, examples)
    if rest:
        table += effects(rest * seeds * examples, *shape)
    return table, np.zeros_like(table)


def bernoulli(
    studies: int, shape: tuple[int, int], share: float, rng: np.random.Generator
) -> Tables:
    """Draw hits of two arms of equal accuracy, about .8.

    A probit of each hit: the example's difficulty, which both arms share, and for each arm an
    effect of the seed, of the example and of both. The arms' effects of seed and example are such
    that they bring `share` and 1 - `share` of the variance of the mean difference, less the coins'.

    Returns:
        Hits of both arms, [studies, seeds, examples].
    """
    seeds, examples = shape
    total = 0.01 * 360 / examples
    of_seeds, of_examples = math.sqrt(share * seeds * total), math.sqrt((1 - share) * examples)
    of_examples *= math.sqrt(total)
    difficulty = 0.8 * rng.normal(size=(studies, 1, examples))

    def arm() -> Array:
        score = 1.1 + difficulty + of_seeds * rng.normal(size=(studies, seeds, 1))
        score = score + of_examples * rng.normal(size=(studies, 1, examples))
        return np.asarray(score + 0.5 * rng.normal(size=(studies, *shape)) > 0, dtype=np.float64)

    return arm(), arm()


LAWS: Mapping[str, Law] = {
    "gaussian": additive,
    "gaussian .3": functools.partial(additive, rest=0.3),
    "bernoulli": bernoulli,
    "t3": functools.partial(additive, heavy=True),
}


def in_batches(
    law: str, tables: int, shape: tuple[int, int], share: float, rng: np.random.Generator
) -> Iterator[Tables]:
    """Draw tables some at a time."""
    step = max(1, NUMBERS // math.prod(shape))
    for begun in range(0, tables, step):
        yield LAWS[law](min(step, tables - begun), shape, share, rng)


def intervals_hold(found: TwoWayMean, level: float = 0.95) -> float:
    """Return the share of tables whose interval holds 0: whose two-sided p is above 1 - level."""
    p = 2 * np.minimum(found.p("greater"), found.p("less"))
    return float(np.nanmean(p > 1 - level))


def satterthwaite_holds(found: TwoWayMean, level: float = 0.95) -> float:
    """Return the same with Satterthwaite's degrees of freedom of the three mean squares."""
    by_seeds, by_examples = found.seeds - 1, found.examples - 1
    squares = found.row**2 / by_seeds + found.column**2 / by_examples
    squares += found.residual**2 / (by_seeds * by_examples)
    freedom = found.error**4 / squares
    p = 2 * scipy.stats.t.sf(np.abs(found.mean / found.error), freedom)
    return float(np.nanmean(p > 1 - level))


def pigeonhole_holds(table: Array, rng: np.random.Generator, level: float = 0.95) -> bool:
    """Say whether the bootstrap over rows and over columns holds 0 (Owen 2007)."""
    seeds, examples = table.shape
    rows = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=DRAWS) / seeds
    columns = rng.multinomial(examples, np.full(examples, 1 / examples), size=DRAWS) / examples
    means = np.einsum("ds,se,de->d", rows, table, columns, optimize=True)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return bool(low <= 0 <= high)


def print_coverage(studies: int, bootstraps: int) -> None:
    """Print the table of coverage."""
    print("\n| law | seeds | examples | seeds' share | shares found | rule | Satterthwaite | ph |")
    print("|---|---|---|---|---|---|---|---|")
    for law, shape, share in itertools.product(LAWS, SHAPES, SHARES):
        rng = np.random.default_rng([0, *shape, int(100 * share)])
        means: list[TwoWayMean] = []
        held: list[bool] = []
        for x, y in in_batches(law, studies, shape, share, rng):
            means.append(two_way_mean(x, y))
            held += [pigeonhole_holds(own, rng) for own in (x - y)[: bootstraps - len(held)]]
        found = together(means)
        part = float(np.mean(found.of_examples) / np.mean(found.error**2))
        print(
            f"| {law} | {shape[0]} | {shape[1]} | {share:.2f} | {1 - part:.2f} "
            f"| {intervals_hold(found):.3f} | {satterthwaite_holds(found):.3f} "
            f"| {f'{np.mean(held):.2f}' if held else ''} |",
            flush=True,
        )


def together(means: Sequence[TwoWayMean]) -> TwoWayMean:
    """Return what was found in several batches as of one."""
    squares = {
        name: np.concatenate([getattr(own, name) for own in means])
        for name in ("mean", "row", "column", "residual")
    }
    return replace(means[0], **squares)


def drawn_means(
    studies: int, shape: tuple[int, int], share: float, rest: float, rng: np.random.Generator
) -> TwoWayMean:
    """Draw what `two_way_mean` finds in Gaussian tables, by the laws of mean and mean squares."""
    seeds, examples = shape
    of_seeds, of_examples = share * (1 - rest), (1 - share) * (1 - rest)
    freedoms = (seeds - 1, examples - 1, (seeds - 1) * (examples - 1))
    squares = (
        expected * rng.chisquare(freedom, studies) / freedom
        for expected, freedom in zip(
            (of_seeds + rest, of_examples + rest, rest), freedoms, strict=True
        )
    )
    return TwoWayMean(rng.normal(size=studies), *squares, seeds, examples)


def print_levels(exact: int) -> float:
    """Print the table of levels; return the highest."""
    rng = np.random.default_rng(1)
    print("\n| seeds | examples | particular | family | highest share of supported | of refuted |")
    print("|---|---|---|---|---|---|")
    worst = 0.0
    for seeds in (3, 5, 10, 20):
        for examples in (60, 360):
            for rest in (0.0, 0.05, 0.3, 0.9):
                for members in (1, 4):
                    shares = np.max(
                        [
                            any_decided(exact, (seeds, examples), share, rest, members, rng)
                            for share in SHARES
                        ],
                        axis=0,
                    )
                    worst = max(worst, *shares)
                    print(
                        f"| {seeds} | {examples} | {rest:.2f} | {members} "
                        f"| {shares[0]:.4f} | {shares[1]:.4f} |",
                        flush=True,
                    )
    return worst


def any_decided(
    studies: int,
    shape: tuple[int, int],
    share: float,
    rest: float,
    members: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return the levels of families on tables of `drawn_means`."""
    found = drawn_means(studies * members, shape, share, rest, rng)
    return decided(found.p("greater"), found.p("less"), studies, members)


def decided(supported: Array, refuted: Array, studies: int, members: int) -> tuple[float, float]:
    """Return the share of studies with any support, and with any refutation."""
    evidence = Evidence(
        supported.reshape(1, studies, members),
        refuted.reshape(1, studies, members),
        np.zeros((1, members)),
        np.full((1, members), True),
        np.ones((2, members)),
    )
    verdict = decide_at_looks(evidence, FixedDesign(), alpha=0.05, correction="holm").verdict
    return tuple(float((verdict == v).any(axis=1).mean()) for v in ("supported", "refuted"))


Errors = tuple[tuple[float, float], tuple[float, float], float]
"""Levels of one claim, support and refutation, and of families of four; coverage of intervals."""


def errors_of(found: Sequence[tuple[Array, Array]]) -> Errors:
    """Return what p-values of batches amount to, each of a study, and of four claims a study."""
    supported, refuted = (np.concatenate(side) for side in zip(*found, strict=True))
    one, four = (decided(supported, refuted, len(supported) // k, k) for k in (1, 4))
    return one, four, float(np.mean(2 * np.minimum(supported, refuted) > 0.05))


def print_levels_of_tables(studies: int) -> float:
    """Print levels of families of claims on drawn tables; return the highest."""
    print("\n| law | seeds | examples | seeds' share | one claim | family of four | coverage |")
    print("|---|---|---|---|---|---|---|")
    worst = 0.0
    for law, shape, share in itertools.product(("bernoulli", "t3"), SHAPES, (0.05, 0.5, 0.95)):
        rng = np.random.default_rng([1, *shape, int(100 * share)])
        one, four, covered = errors_of(
            [
                TwoSources(x, y, "superiority", Boundary(0.0)).evidence()
                for x, y in in_batches(law, 4 * studies, shape, share, rng)
            ]
        )
        worst = max(worst, *one, *four)
        print(
            f"| {law} | {shape[0]} | {shape[1]} | {share:.2f} | {one[0]:.4f}, {one[1]:.4f} "
            f"| {four[0]:.4f}, {four[1]:.4f} | {covered:.3f} |",
            flush=True,
        )
    return worst


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000, help="studies per cell")
    parser.add_argument("--bootstraps", type=int, default=400, help="tables that are resampled")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    worst = max(print_levels(arguments.studies), print_levels_of_tables(arguments.studies))
    print(f"\nThe highest is {worst:.4f}.")
    print_coverage(arguments.studies, arguments.bootstraps)
    print(f"\n{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
