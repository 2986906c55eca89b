"""ARC tasks from JSON files: folders of ARC-AGI tasks with labels, and ConceptARC.

A task file holds `train` and `test`, lists of pairs `{"input": grid, "output": grid}`; a grid is a
list of rows of tokens 0..9 (F. Chollet, ARC-AGI). The `test` pairs, whose outputs a solver has to
find, are not read: a classifier of tasks sees the demonstrations.
"""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.data.arc.labels import AMBIGUOUS, read_labels
from latentlab.data.arc.tasks import COLOURS, LARGEST_SIDE, Grid, Task, pack_tasks, task_schema
from latentlab.data.copies import hold_out
from latentlab.data.io.bounded_gzip import BoundedGzip
from latentlab.data.io.text import decode_utf8, read_utf8
from latentlab.data.prepared import Prepared
from latentlab.data.source import Source, SourceConfig, subset_note
from latentlab.data.splitting import subset

LARGEST_ARCHIVE = 1 << 27
"""Bytes that an archive of tasks may hold; ConceptARC has a million."""
SHOWN = 5
"""Mistakes beyond this many are counted, not shown."""
INTACT = "Replace it by an intact copy."

MINIMAL = "MinimalTasks"
"""ConceptARC's folder of tasks for trying the format; they are no part of its concepts."""


class ArcFilesConfig(SourceConfig):
    """Settings of tasks from files."""

    pairs: int = Field(default=4, ge=1, le=10, description="pairs per task; of more the first")
    largest_side: int = Field(
        default=LARGEST_SIDE,
        ge=1,
        le=LARGEST_SIDE,
        description="tasks with a larger grid are left out and counted; smaller grids are padded",
    )
    test_fraction: float = Field(
        default=0.3, gt=0, lt=1, description="stratified share of the tasks that is held out"
    )
    split_seed: int = Field(
        default=0, ge=0, le=2**32 - 1, description="decides which tasks are held out"
    )


def read_arc(config: ArcFilesConfig, folder: Path) -> Prepared:
    """Read task files and their labels, `labels.json` or `labels.csv` with task and category.

    A task that lies in several folders, as those of both public ARC sets do, is taken once.

    Raises:
        UserError: no files, no labels, a file that is no task, a task with two categories, or two
            tasks of one name.
    """
    labels, source, mistakes = read_labels(folder)
    files = sorted(path for path in folder.rglob("*.json") if path.name != "labels.json")
    if not files:
        raise UserError(
            f"{folder} has no task files",
            "Put the JSON files of ARC-AGI tasks there, and labels.json or labels.csv beside them.",
        )
    labelled = [path for path in files if labels.get(path.stem, AMBIGUOUS) != AMBIGUOUS]
    if not labelled and not mistakes:
        raise UserError(
            f"{source} gives no task in {folder} a category",
            "Its names are those of the task files, with or without `.json`.",
        )
    tasks, repeated, other = _each_once(labelled)
    mistakes += other
    if mistakes:
        more = [f"and {len(mistakes) - SHOWN} more"] if len(mistakes) > SHOWN else []
        raise UserError(
            "; ".join([*mistakes[:SHOWN], *more, *repeated]),
            f"Give each task one category, or `{AMBIGUOUS}`, and keep one of two tasks of a name.",
        )
    without = len(files) - len(labelled)
    unused = len(set(labels) - {path.stem for path in files})
    return _prepared(
        "arc",
        list(tasks.values()),
        [labels[name] for name in tasks],
        config,
        f"Tasks in the form of ARC-AGI, categories from {source.name}; {without} without a label "
        f"left out; {'; '.join([f'{unused} labels without a task', *repeated])}",
    )


def read_concept_arc(config: ArcFilesConfig, folder: Path) -> Prepared:
    """Read ConceptARC (Moskvichev, Odouard & Mitchell 2023): the concept is the label.

    Takes the unpacked folder or `conceptarc.tar.gz`, whose members are read in memory.

    Raises:
        UserError: neither is there, a truncated archive, or a file that is no task.
    """
    tasks, concepts = [], []
    for path, text in _concept_files(folder):
        if path.parent.name != MINIMAL:
            tasks.append(read_task(path.stem, text, path))
            concepts.append(path.parent.name)
    if not tasks:
        raise UserError(
            f"{folder} has no tasks of ConceptARC",
            "Put its folders of concepts or conceptarc.tar.gz there.",
        )
    return _prepared(
        "concept_arc",
        tasks,
        concepts,
        config,
        "Tasks in the layout of ConceptARC, concepts as labels",
    )


def read_task(name: str, text: str, path: Path) -> Task:
    """The demonstrations of one task file.

    Raises:
        UserError: broken JSON, no pairs, or a grid that is none.
    """
    try:
        pairs = json.loads(text)["train"]
        grids = tuple((_grid(pair["input"]), _grid(pair["output"])) for pair in pairs)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{path} is no ARC task: {said}",
            "Replace it by an intact copy: a list `train` of pairs of `input` and `output`.",
        ) from error
    if not grids:
        raise UserError(f"{path} has no pairs in `train`", INTACT)
    return Task(name, grids)


def _each_once(paths: Sequence[Path]) -> tuple[dict[str, Task], list[str], list[str]]:
    """Tasks by name; how many lie in several folders, if any do; tasks of one name that differ."""
    tasks: dict[str, Task] = {}
    places: dict[str, Path] = {}
    again: dict[str, str] = {}
    differing = []
    for path in paths:
        task = read_task(path.stem, read_utf8(path, INTACT), path)
        first = places.setdefault(task.name, path)
        if task.content == tasks.setdefault(task.name, task).content:
            if first != path:
                again[task.name] = f"{task.name} in {first.parent.name} and {path.parent.name}"
        else:
            differing.append(f"{first} and {path} are two tasks of one name")
    said = f"{len(again)} tasks in two folders or more taken once"
    return tasks, [f"{said} (first: {next(iter(again.values()))})"] if again else [], differing


def _grid(rows: Sequence[Sequence[int]]) -> Grid:
    if not rows or not rows[0] or len({len(row) for row in rows}) > 1:
        raise ValueError("a grid is not rectangular")
    if max(len(rows), len(rows[0])) > LARGEST_SIDE:
        raise ValueError(f"a grid has more than {LARGEST_SIDE} rows or columns")
    # By type: `true`, 1.0 and "1" would all pass for 1.
    tokens = [token for row in rows for token in row]
    if any(type(token) is not int or not 0 <= token < COLOURS for token in tokens):
        raise ValueError(f"a grid has other tokens than 0 to {COLOURS - 1}")
    return np.array(rows, dtype=np.uint8)


def _concept_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Path and text of every JSON file, in the order of their names."""
    archives = sorted(folder.glob("*.tar.gz"))
    if not archives:
        for path in sorted(folder.rglob("*.json")):
            yield path, read_utf8(path, INTACT)
        return
    for name, content in sorted(_members(archives[0]).items()):
        path = archives[0] / name
        yield path, decode_utf8(content, path)


def _members(archive: Path) -> dict[str, bytes]:
    """The JSON files of an archive, by name."""
    found = {}
    try:
        with (
            BoundedGzip(archive, LARGEST_ARCHIVE, INTACT) as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            for member in tar:
                content = tar.extractfile(member) if member.name.endswith(".json") else None
                if content is not None and member.isfile():
                    found[member.name] = content.read()
    except (tarfile.TarError, OSError) as error:
        raise UserError(f"{archive} cannot be read: {error}", INTACT) from error
    return found


def _prepared(
    name: str, tasks: Sequence[Task], labels: Sequence[str], config: ArcFilesConfig, origin: str
) -> Prepared:
    """Tasks of a size, with a stratified part of them held out."""
    fitting = [place for place, task in enumerate(tasks) if task.side <= config.largest_side]
    packed = pack_tasks([tasks[place] for place in fitting], config.pairs, config.largest_side)
    # A category of which one task is left, however often, cannot be in both splits.
    distinct = {(labels[place], row.tobytes()) for place, row in zip(fitting, packed, strict=True)}
    counts = Counter(label for label, _ in distinct)
    kept = [k for k, place in enumerate(fitting) if counts[labels[place]] > 1]
    if not kept:
        raise UserError(
            f"No task of {name} has grids of at most {config.largest_side} rows and columns",
            "Raise largest_side.",
        )
    categories = [labels[fitting[k]] for k in kept]
    classes = sorted(set(categories))
    numbers: Mapping[str, int] = {label: number for number, label in enumerate(classes)}
    targets = np.array([numbers[category] for category in categories], dtype=np.int64)
    splits = hold_out(packed[kept], targets, config.test_fraction, config.split_seed)
    left_out = len(tasks) - len(kept)
    return Prepared(
        task_schema(name, config.pairs, config.largest_side, classes),
        subset(splits, config.subset),
        f"{origin}; {left_out} with larger grids or alone in their category left out; split "
        f"{config.split_seed}{subset_note(config.subset)}",
    )


ARC = Source("arc", ArcFilesConfig, read_arc)
CONCEPT_ARC = Source("concept_arc", ArcFilesConfig, read_concept_arc)
