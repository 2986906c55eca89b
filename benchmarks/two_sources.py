"""Whether intervals and verdicts over seeds and examples hold what they promise.

    python benchmarks/two_sources.py [--studies 4000] [--exact 200000] [--bootstraps 400]
    python benchmarks/two_sources.py --groups 20000

Everything goes through the decision path of the studies: `TwoSources.evidence`, its interval and
`decide_at_looks`. Tables seeds x examples have a mean whose variance is divided between seeds,
examples and what is particular to a seed's example. Printed are

Coverage: shares of 95 % intervals that hold the true mean. Gaussian tables have additive effects;
Bernoulli tables are differences of two arms' hits, whose chances vary with seed and example; their
noise particular to seed and example is what coins have. Beside the rule stand Satterthwaite's
degrees of freedom and Owen's (2007) pigeonhole bootstrap, percentiles of 999 draws.

Levels: shares of studies in which any of a family's claims is supported, and any is refuted, all at
their boundaries, by the exact law of Gaussian mean squares; alpha is .05, so at most .055.

Groups (by themselves: they take minutes): levels and coverage where examples of a group are
correlated by .3 and groups are of unequal sizes; beside them what comes of taking each example as
independent.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
import scipy

from latentlab.core.arrays import Array
from latentlab.evidence.looks import Evidence, decide_at_looks
from latentlab.evidence.margins import Boundary
from latentlab.evidence.two_sources import TwoSources
from latentlab.statistics.sequential import FixedDesign
from latentlab.statistics.two_way import TwoWayMean, two_way_mean

SEEDS, EXAMPLES = (5, 10), (60, 360)
SHARES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
"""Of the seeds, in what seeds and examples bring to the variance of the mean."""
DRAWS = 999


def gaussian(
    studies: int, shape: tuple[int, int], share: float, rest: float, rng: np.random.Generator
) -> Array:
    """Draw tables of mean 0 whose mean has variance 1.

    Args:
        studies: number of tables.
        shape: seeds, examples.
        share: the seeds' part of the variance that is not `rest`.
        rest: part of what is particular to a seed's example.
        rng: stream of draws.
    """
    seeds, examples = shape
    of_seeds = math.sqrt(share * (1 - rest) * seeds) * rng.normal(size=(studies, seeds, 1))
    of_examples = math.sqrt((1 - share) * (1 - rest) * examples) * rng.normal(
        size=(studies, 1, examples)
    )
    noise = math.sqrt(rest * seeds * examples) * rng.normal(size=(studies, *shape))
    return of_seeds + of_examples + noise


def bernoulli(
    studies: int, shape: tuple[int, int], share: float, rng: np.random.Generator
) -> tuple[Array, Array]:
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
    rng = np.random.default_rng(0)
    print("\n| law | seeds | examples | seeds' share | shares found | rule | Satterthwaite | ph |")
    print("|---|---|---|---|---|---|---|---|")
    for law in ("gaussian", "gaussian .3", "bernoulli"):
        for seeds in SEEDS:
            for examples in EXAMPLES:
                for share in SHARES:
                    shape = (seeds, examples)
                    if law == "bernoulli":
                        x, y = bernoulli(studies, shape, share, rng)
                    else:
                        x = gaussian(studies, shape, share, 0.3 if " " in law else 0.0, rng)
                        y = np.zeros_like(x)
                    found = two_way_mean(x, y)
                    held = [pigeonhole_holds(table, rng) for table in (x - y)[:bootstraps]]
                    part = float(np.mean(found.of_examples) / np.mean(found.error**2))
                    print(
                        f"| {law} | {seeds} | {examples} | {share:.2f} | {1 - part:.2f} "
                        f"| {intervals_hold(found):.3f} | {satterthwaite_holds(found):.3f} "
                        f"| {np.mean(held):.2f} |",
                        flush=True,
                    )


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
        for examples in EXAMPLES:
            for rest in (0.0, 0.05, 0.3, 0.9):
                for members in (1, 4):
                    shares = np.max(
                        [
                            _any_decided(exact, (seeds, examples), share, rest, members, rng)
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


def _any_decided(
    studies: int,
    shape: tuple[int, int],
    share: float,
    rest: float,
    members: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    found = drawn_means(studies * members, shape, share, rest, rng)
    return _decided(found.p("greater"), found.p("less"), studies, members)


def _decided(supported: Array, refuted: Array, studies: int, members: int) -> tuple[float, float]:
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


def print_levels_of_hits(studies: int) -> float:
    """Print levels of families of claims on hits, tables and all; return the highest."""
    rng = np.random.default_rng(2)
    print("\n| seeds | examples | family | seeds' share | supported | refuted |")
    print("|---|---|---|---|---|---|")
    worst = 0.0
    for shape in ((5, 60), (5, 360), (10, 60)):
        for share in (0.05, 0.5, 0.95):
            x, y = bernoulli(4 * studies, shape, share, rng)
            p = TwoSources(x, y, "superiority", Boundary(0.0)).evidence()
            for members in (1, 4):
                shares = _decided(*(one[: studies * members] for one in p), studies, members)
                worst = max(worst, *shares)
                print(
                    f"| {shape[0]} | {shape[1]} | {members} | {share:.2f} "
                    f"| {shares[0]:.4f} | {shares[1]:.4f} |",
                    flush=True,
                )
    return worst


SIZES = {
    "equal, 4": lambda groups: np.full(groups, 4),
    "1 to 8": lambda groups: 1 + np.arange(groups) % 8,
    "geometric, mean 5": lambda groups: np.random.default_rng(1).geometric(0.2, groups),
    "one in ten has 20, the others 2": lambda groups: np.where(np.arange(groups) % 10, 2, 20),
}
"""Number of groups -> their sizes."""
CORRELATION = 0.3
"""Of examples of one group, in what they bring and in what is particular to a seed's example."""
BATCH = 8_000
"""Tables at a time: bounds memory."""


def grouped(
    studies: int, seeds: int, groups: Array, share: float, rng: np.random.Generator
) -> Array:
    """Draw tables of mean 0, [studies, seeds, examples], in which groups are correlated.

    Args:
        studies: number of tables.
        seeds: of each.
        groups: number of each example's group, [examples].
        share: the seeds' part of what seeds and examples bring to the variance of the mean.
        rng: stream of draws.
    """
    sizes = np.bincount(groups)

    def correlated(rows: int) -> Array:
        together = rng.normal(size=(studies, rows, len(sizes)))[..., groups]
        own = rng.normal(size=(studies, rows, len(groups)))
        return math.sqrt(CORRELATION) * together + math.sqrt(1 - CORRELATION) * own

    of_examples = CORRELATION * np.sum(sizes**2) + (1 - CORRELATION) * len(groups)
    of_seeds = share / (1 - share) * of_examples / len(groups) ** 2 * seeds
    shifts = math.sqrt(of_seeds) * rng.normal(size=(studies, seeds, 1))
    return shifts + correlated(1) + 0.5 * correlated(seeds)


def print_groups(studies: int) -> float:
    """Print levels of families of one and four, and coverage; return the highest level."""
    rng, worst = np.random.default_rng(3), 0.0
    columns = ("one claim", "family of four", "coverage")
    heads = ("seeds", "groups", "of sizes", "seeds' share", *columns, *columns)
    print("The last three columns take each example as independent.\n")
    print(f"| {' | '.join(heads)} |\n|{len(heads) * '---|'}")
    for seeds in SEEDS:
        for count in (10, 20, 60):
            for name, sizes_of in SIZES.items():
                for share in (0.05, 0.5):
                    groups = np.repeat(np.arange(count), sizes_of(count))
                    cells = _levels_of_groups(studies, seeds, groups, share, rng)
                    worst = max(worst, *cells[0][:2])
                    shown = " | ".join(f"{one:.3f}" for found in cells for one in found)
                    print(f"| {seeds} | {count} | {name} | {share:.2f} | {shown} |", flush=True)
    return worst


def _levels_of_groups(
    studies: int, seeds: int, groups: Array, share: float, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """Return for groups, and for independent examples, two levels and the coverage."""
    p: dict[bool, list[tuple[Array, Array]]] = {True: [], False: []}
    for _ in range(0, 4 * studies, BATCH):
        table = grouped(BATCH, seeds, groups, share, rng)
        for known, found in p.items():
            own = TwoSources(
                table,
                np.zeros_like(table),
                "superiority",
                Boundary(0.0),
                groups=groups if known else None,
            )
            found.append(own.evidence())
    cells = []
    for found in p.values():
        supported, refuted = (np.concatenate(one) for one in zip(*found, strict=True))
        alone, four = (
            max(_decided(supported[: k * studies], refuted[: k * studies], studies, k))
            for k in (1, 4)
        )
        covered = float(np.mean(2 * np.minimum(supported, refuted) > 0.05))
        cells.append((alone, four, covered))
    return cells


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=4_000, help="tables per cell of coverage")
    parser.add_argument("--exact", type=int, default=20_000, help="studies per cell of levels")
    parser.add_argument("--bootstraps", type=int, default=400, help="tables that are resampled")
    parser.add_argument("--groups", type=int, help="studies per cell of groups, and nothing else")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    if arguments.groups:
        worst = print_groups(arguments.groups)
        print(f"\nThe highest is {worst:.4f}.\n{time.perf_counter() - begun:.0f} s")
        return
    worst = print_levels(arguments.exact)
    print(f"\nThe highest is {worst:.4f}.")
    print_coverage(arguments.studies, arguments.bootstraps)
    worst = print_levels_of_hits(arguments.studies)
    print(f"\nThe highest is {worst:.4f}.\n{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
