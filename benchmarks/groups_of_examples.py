"""Whether verdicts hold their level where examples belong together and groups differ in size.

    python benchmarks/groups_of_examples.py [--studies 20000] [--seeds 5 10] [--groups 10 20 60]

Through the decision path of the studies, as `two_sources.py`: levels and coverage where examples of
a group are correlated by .3; beside them what comes of taking each example as independent, of a
quarter of the studies.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Sequence

import numpy as np

from latentlab.core.arrays import Array
from latentlab.evidence.margins import Boundary
from latentlab.evidence.two_sources import TwoSources
from two_sources import NUMBERS, Errors, errors_of

SIZES = {
    "equal, 4": lambda groups: np.full(groups, 4),
    "1 to 8": lambda groups: 1 + np.arange(groups) % 8,
    "geometric, mean 5": lambda groups: np.random.default_rng(1).geometric(0.2, groups),
    "one in ten has 20, the others 2": lambda groups: np.where(np.arange(groups) % 10, 2, 20),
}
"""Number of groups -> their sizes."""
CORRELATION = 0.3
"""Of examples of one group, in what they bring and in what is particular to a seed's example."""


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

    def correlated(rows: int, deviation: float) -> Array:
        together = rng.normal(0, math.sqrt(CORRELATION), (studies, rows, len(sizes)))
        own = rng.normal(0, math.sqrt(1 - CORRELATION), (studies, rows, len(groups)))
        own += np.repeat(together, sizes, axis=-1)
        own *= deviation
        return own

    of_examples = CORRELATION * np.sum(sizes**2) + (1 - CORRELATION) * len(groups)
    of_seeds = share / (1 - share) * of_examples / len(groups) ** 2 * seeds
    table = correlated(seeds, 0.5)
    table += math.sqrt(of_seeds) * rng.normal(size=(studies, seeds, 1))
    table += correlated(1, 1.0)
    return table


def print_levels(studies: int, of_seeds: Sequence[int], counts: Sequence[int]) -> float:
    """Print levels of families of one and four, and coverage; return the highest level."""
    worst = 0.0
    columns = ("one claim", "family of four", "coverage")
    heads = ("seeds", "groups", "of sizes", "seeds' share", *columns, *columns)
    print("The last three columns take each example as independent.\n")
    print(f"| {' | '.join(heads)} |\n|{len(heads) * '---|'}")
    for seeds, count, name, share in itertools.product(of_seeds, counts, SIZES, (0.05, 0.5)):
        groups = np.repeat(np.arange(count), SIZES[name](count))
        rng = np.random.default_rng([seeds, len(groups), int(100 * share)])
        known, ignored = _judged(studies, seeds, groups, share, rng)
        worst = max(worst, *known[0], *known[1])
        cells = (
            f"{max(one):.4f} | {max(four):.4f} | {covered:.3f}"
            for one, four, covered in (known, ignored)
        )
        print(f"| {seeds} | {count} | {name} | {share:.2f} | {' | '.join(cells)} |", flush=True)
    return worst


def _judged(
    studies: int, seeds: int, groups: Array, share: float, rng: np.random.Generator
) -> tuple[Errors, Errors]:
    """Return how often verdicts err that know the groups, and that take examples one by one."""
    found: tuple[list[tuple[Array, Array]], ...] = ([], [])
    step = 4 * (NUMBERS // (4 * seeds * len(groups)))
    for begun in range(0, 4 * studies, step):
        table = grouped(min(step, 4 * studies - begun), seeds, groups, share, rng)
        for of, own in zip(found, (groups, None), strict=True):
            if own is None and begun >= studies:
                continue
            tables = TwoSources(
                table, np.zeros_like(table), "superiority", Boundary(0.0), groups=own
            )
            of.append(tables.evidence())
    return errors_of(found[0]), errors_of(found[1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000, help="studies per cell")
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--groups", type=int, nargs="+", default=[10, 20, 60], help="of examples")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    worst = print_levels(arguments.studies, arguments.seeds, arguments.groups)
    print(f"\nThe highest is {worst:.4f}.\n{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
