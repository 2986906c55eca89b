"""Make a set of optimised designs, with `python tools/generate_designs.py`.

A design depends on the problem, its size, the seed and its own number alone, so that a larger set
begins with the smaller one. With `--engibench` the designs of beams come from EngiBench, which is
not installed with this project (GPL-3.0): `pip install -e ".[engibench]"`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_file
from latentlab.data.io.progress import progress
from topology import PROBLEMS, Problem, optimise

ITERATIONS = 60
"""Of the optimiser at most: compliance is then within a hundredth of its end in most designs."""

Row = Mapping[str, Any]
"""A design, `designs` [height, width] in [0, 1], and what is known about it, by name."""


def optimised_design(problem: Problem, size: tuple[int, int], seed: int, index: int) -> Row:
    """Design number `index` of our own optimiser."""
    conditions = problem.draw_conditions(seed, index)
    optimised = optimise(problem.pose(*size, conditions), ITERATIONS)
    return {"designs": optimised.densities, **conditions, "compliance": optimised.compliance}


def engibench_design(problem: Problem, size: tuple[int, int], seed: int, index: int) -> Row:
    """Design number `index` of EngiBench's optimiser, of its problem beams2d."""
    height, width = size
    conditions = problem.draw_conditions(seed, index)
    beams = _engibench()(seed=seed, config={"nelx": width, "nely": height})
    design, _ = beams.optimize(config=conditions)
    return {"designs": np.reshape(design, size), **conditions}


def engibench_dataset(size: tuple[int, int], designs: int) -> dict[str, NDArray[Any]]:
    """The first designs of EngiBench's official training set at a size, which it downloads.

    Raises:
        UserError: it cannot be downloaded.
    """
    height, width = size
    problem = _engibench()(config={"nelx": width, "nely": height})
    try:
        official = problem.dataset["train"]
    except OSError as error:
        raise UserError(
            f"EngiBench's set of {height}x{width} elements cannot be had: "
            f"{str(error).splitlines()[0]}",
            "Connect to the network, choose one of its --size, or --engibench optimiser.",
        ) from None
    rows = official.select(range(min(designs, len(official))))
    same = {name: name for name in PROBLEMS["beams2d"].conditions}
    columns = {"designs": "optimal_design", "compliance": "c"} | same
    return {name: np.asarray(rows[column]) for name, column in columns.items()}


def generate(make: Callable[[int], Row], designs: int, description: str) -> dict[str, NDArray[Any]]:
    """Rows 0 to designs - 1 as arrays, [designs, ...] each, with a progress bar."""
    rows = []
    with progress(description, designs) as advance:
        for index in range(designs):
            rows.append(make(index))
            advance(1)
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def save(path: Path, arrays: Mapping[str, NDArray[Any]], origin: str) -> None:
    """Write a set as the sources of designs read it; densities in 256 levels.

    Raises:
        UserError: the file cannot be written.
    """
    levels = np.rint(255.0 * np.clip(arrays["designs"], 0.0, 1.0)).astype(np.uint8)
    contents: dict[str, Any] = {**arrays, "designs": levels, "origin": np.array(origin)}
    with atomic_file(path) as file:
        np.savez_compressed(file, **contents)


def run(arguments: Sequence[str] | None = None) -> None:
    """Make the set that the command line asks for.

    Raises:
        UserError: EngiBench is not installed, or has no such problem; a file cannot be written.
    """
    asked = _parser().parse_args(arguments)
    problem = PROBLEMS[asked.problem]
    size = tuple(asked.size) if asked.size else problem.size
    if asked.engibench and problem.name != "beams2d":
        raise UserError(
            f"--engibench makes no designs of {problem.name}, which is a problem of our own",
            "Leave it out, or ask for beams2d.",
        )
    if asked.engibench == "dataset":
        arrays = engibench_dataset(size, asked.designs)
        origin = "EngiBench's official set beams2d"
    else:
        make = engibench_design if asked.engibench else optimised_design
        by = "EngiBench" if asked.engibench else "latentlab's own generator"
        arrays = generate(
            lambda index: make(problem, size, asked.seed, index), asked.designs, problem.name
        )
        origin = f"{problem.name}, made by {by}, seed {asked.seed}"
    save(asked.out, arrays, origin)
    logging.getLogger(__name__).info("%d designs written to %s", len(arrays["designs"]), asked.out)


def _engibench() -> Any:
    try:
        from engibench.problems.beams2d.v0 import Beams2D
    except ImportError as error:
        raise UserError(
            f"--engibench needs EngiBench: {error}",
            'Install it with `pip install -e ".[engibench]"`; its licence is GPL-3.0.',
        ) from error
    return Beams2D


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python tools/generate_designs.py",
        description="Make a set of optimised designs.",
    )
    parser.add_argument("problem", choices=list(PROBLEMS))
    parser.add_argument("--out", type=Path, required=True, help=".npz file to write")
    parser.add_argument("--designs", type=_natural, default=560, help="how many (560)")
    parser.add_argument(
        "--size", type=_natural, nargs=2, metavar=("HEIGHT", "WIDTH"), help="in elements"
    )
    parser.add_argument("--seed", type=_whole, default=0, help="decides the conditions (0)")
    parser.add_argument(
        "--engibench",
        choices=("optimiser", "dataset"),
        help="beams from EngiBench's optimiser, or from its official set",
    )
    return parser


def _whole(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from {least}")
    return int(text)


def _natural(text: str) -> int:
    return _whole(text, 1)


def main() -> None:
    """The command: mistakes are told in one line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        run()
    except UserError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
