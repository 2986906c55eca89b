"""ARC-like tasks: synthetic, in nine categories of rules, made here and not taken from any corpus.

They have the form of ARC tasks (Chollet 2019) and the nine category names of a report on real ones,
whose definitions are not public: what S1 .. A2 mean here is defined here, in
`docs/arc_like_tasks.md`. Accuracy on them says how a method learns such rules, and nothing about
the Abstraction and Reasoning Corpus.

A category acts on outputs alone: size, colours and objects of the inputs are drawn in the same way
for all nine, and an output has its input's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.data.arc.arc_like.abstract import COMPARISON, COMPOSITION
from latentlab.data.arc.arc_like.colour import COUNTING, RECOLOURING
from latentlab.data.arc.arc_like.logic import LOGIC
from latentlab.data.arc.arc_like.pictures import Setting, draw_input, draw_setting, pick
from latentlab.data.arc.arc_like.rules import Rule, Transformation
from latentlab.data.arc.arc_like.shape import SHAPE
from latentlab.data.arc.arc_like.spatial import LINES, MOVEMENT, SYMMETRY
from latentlab.data.arc.tasks import LARGEST_SIDE, Grid, Task, pack_tasks, task_schema
from latentlab.data.prepared import Prepared, Split
from latentlab.data.source import Source, SourceConfig, subset_note
from latentlab.data.splitting import apportion, subset

CATEGORIES: dict[str, tuple[Rule, ...]] = {
    "S1": SYMMETRY,
    "S2": MOVEMENT,
    "S3": LINES,
    "C1": RECOLOURING,
    "C2": COUNTING,
    "K1": SHAPE,
    "L1": LOGIC,
    "A1": COMPARISON,
    "A2": COMPOSITION,
}
REPORTED = {
    **{"S1": 52, "S2": 38, "S3": 108, "C1": 99, "C2": 28},
    **{"K1": 7, "L1": 21, "A1": 5, "A2": 28},
}
"""Tasks of each category among the 386 labelled ones of the report."""

REDRAWS = 40
"""Inputs tried for a pair before its task is drawn anew: some rules do not apply to all."""


class ArcLikeConfig(SourceConfig):
    """Settings of the ARC-like tasks."""

    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="decides all tasks")
    training_tasks: int = Field(
        default=180, ge=18, le=100_000, description="tasks of the training split"
    )
    test_tasks: int = Field(
        default=270,
        ge=9,
        le=100_000,
        description="tasks of the test split; more of them cost nothing but time",
    )
    largest_side: int = Field(
        default=10,
        ge=8,
        le=LARGEST_SIDE,
        description="rows and columns of a grid at most; smaller grids are padded to it",
    )
    pairs: int = Field(default=4, ge=1, le=10, description="pairs of input and output per task")
    balance: Literal["equal", "reported"] = Field(
        default="equal",
        description="shares of the categories: all equal, or as among the report's labels",
    )


def read_arc_like(config: ArcLikeConfig, folder: Path) -> Prepared:
    """Draw the tasks of both splits.

    Args:
        config: settings.
        folder: not used; the tasks are made here.

    Returns:
        Tokens 0..10, uint8 [tasks, 2 * pairs, side, side], labelled by category.
    """
    sizes = {"train": config.training_tasks, "test": config.test_tasks}
    splits = {
        name: _draw_split(config, number, labels)
        for number, (name, labels) in enumerate(
            (name, spread_labels(count, config.balance)) for name, count in sizes.items()
        )
    }
    schema = task_schema("arc_like", config.pairs, config.largest_side, tuple(CATEGORIES))
    origin = (
        f"Synthetic ARC-like tasks of latentlab, not from the ARC corpus: seed {config.seed}, "
        f"grids up to {config.largest_side}x{config.largest_side}, categories {config.balance}"
        f"{subset_note(config.subset)}"
    )
    return Prepared(schema, subset(splits, config.subset), origin)


def spread_labels(tasks: int, balance: Literal["equal", "reported"]) -> NDArray[np.int64]:
    """Category numbers [tasks], each category spread evenly over the positions."""
    shares = np.array([1 if balance == "equal" else REPORTED[name] for name in CATEGORIES])
    counts = apportion(shares, tasks, np.full(len(shares), tasks))
    labels = np.repeat(np.arange(len(counts)), counts)
    # Quotients are correctly rounded, so equal ones are equal on every machine.
    place = np.concatenate([(2 * np.arange(count) + 1) / count for count in counts])
    return labels[np.argsort(place, kind="stable")].astype(np.int64)


def draw_task(
    category: str, pairs: int, largest_side: int, stream: Sequence[int]
) -> tuple[Rule, Task]:
    """Draw one task.

    Args:
        category: key of `CATEGORIES`.
        pairs: pairs of the task.
        largest_side: no grid has more rows or columns.
        stream: whole numbers that decide the draw; equal ones give equal tasks.

    Returns:
        The rule and the task. The rule leaves no input as it is.
    """
    rng = np.random.Generator(np.random.PCG64(list(stream)))
    name = "-".join(str(number) for number in (category, *stream))
    while True:
        setting = draw_setting(rng, largest_side)
        rule = pick(rng, CATEGORIES[category])
        transformation = rule.draw(setting, rng)
        drawn = [_draw_pair(setting, transformation, rng) for _ in range(pairs)]
        complete = tuple(pair for pair in drawn if pair is not None)
        if len(complete) == pairs:
            return rule, Task(name, complete)


def _draw_pair(
    setting: Setting, transformation: Transformation, rng: np.random.Generator
) -> tuple[Grid, Grid] | None:
    for _ in range(REDRAWS):
        grid = draw_input(setting, rng)
        output = transformation(grid)
        if output is None or (output == grid).all():
            continue
        return grid, setting.distraction.paint(output) if setting.distraction else output
    return None


def _draw_split(config: ArcLikeConfig, split: int, labels: NDArray[np.int64]) -> Split:
    # Numbered within its category, so that a task does not change with the others' shares.
    seen = dict.fromkeys(CATEGORIES, 0)
    tasks = []
    for label in labels:
        category = tuple(CATEGORIES)[label]
        stream = (config.seed, split, int(label), seen[category])
        tasks.append(draw_task(category, config.pairs, config.largest_side, stream)[1])
        seen[category] += 1
    return Split(pack_tasks(tasks, config.pairs, config.largest_side), labels)


ARC_LIKE = Source("arc_like", ArcLikeConfig, read_arc_like)
