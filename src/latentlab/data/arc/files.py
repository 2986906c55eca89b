"""ARC tasks from JSON files: folders of ARC-AGI tasks with labels, and ConceptARC.

A task file holds `train` and `test`, lists of pairs `{"input": grid, "output": grid}`; a grid is a
list of rows of tokens 0..9 (F. Chollet, ARC-AGI). The `test` pairs, whose outputs a solver has to
find, are not read: a classifier of tasks sees the demonstrations.
"""

from __future__ import annotations

import csv
import json
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.data.arc.tasks import COLOURS, LARGEST_SIDE, Grid, Task, pack_tasks, task_schema
from latentlab.data.prepared import Prepared, Split
from latentlab.data.source import Source, SourceConfig, subset_note
from latentlab.data.splitting import stratified_split, subset

AMBIGUOUS = "ambiguous"
"""A label that says that a task has none."""

LABEL_FILES = ("labels.json", "labels.csv")
"""Names of tasks and their categories; of the two, the first that is there."""

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

    Raises:
        UserError: no files, no labels, or a file that is no task.
    """
    labels, source = _labels(folder)
    files = sorted(path for path in folder.rglob("*.json") if path.name != "labels.json")
    if not files:
        raise UserError(
            f"{folder} has no task files",
            "Put the JSON files of ARC-AGI tasks there, and labels.json or labels.csv beside them.",
        )
    labelled = [path for path in files if labels.get(path.stem, AMBIGUOUS) != AMBIGUOUS]
    if not labelled:
        raise UserError(
            f"{source} gives no task in {folder} a category",
            "Its names are those of the task files, with or without `.json`.",
        )
    tasks = [read_task(path.stem, _text(path), path) for path in labelled]
    without = len(files) - len(labelled)
    unused = len(set(labels) - {path.stem for path in files})
    return _prepared(
        "arc",
        tasks,
        [labels[task.name] for task in tasks],
        config,
        f"ARC-AGI tasks, categories from {source.name}; {without} without a label left out; "
        f"{unused} labels without a task",
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
    return _prepared("concept_arc", tasks, concepts, config, "ConceptARC, concepts as labels")


def read_task(name: str, text: str, path: Path) -> Task:
    """The demonstrations of one task file.

    Raises:
        UserError: broken JSON, no pairs, or a grid that is none.
    """
    try:
        pairs = json.loads(text)["train"]
        grids = tuple((_grid(pair["input"]), _grid(pair["output"])) for pair in pairs)
    except (ValueError, TypeError, KeyError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{path} is no ARC task: {said}",
            "Replace it by an intact copy: a list `train` of pairs of `input` and `output`.",
        ) from error
    if not grids:
        raise UserError(f"{path} has no pairs in `train`", "Replace it by an intact copy.")
    return Task(name, grids)


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


def _labels(folder: Path) -> tuple[dict[str, str], Path]:
    """Category by task, without the endings of files; and the file that says so."""
    remedy = f"It gives each task a category, or `{AMBIGUOUS}` to leave the task out."
    source = next((folder / f for f in LABEL_FILES if (folder / f).is_file()), None)
    if source is None:
        raise UserError(f"{folder} has neither {' nor '.join(LABEL_FILES)}", remedy)
    text = _text(source)
    try:
        if source.suffix == ".json":
            found = dict(json.loads(text))
        else:
            found = {row[0]: "".join(row[1:2]) for row in csv.reader(text.splitlines()) if row}
    except (ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{source} cannot be read: {error}", remedy) from error
    for task, label in found.items():
        if not isinstance(label, str) or not label.strip():
            raise UserError(f"{source} has a label without a category, of task {task}", remedy)
    return {task.strip().removesuffix(".json"): found[task].strip() for task in found}, source


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}", "Replace it by a text file.") from error


def _concept_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Path and text of every JSON file, in the order of their names."""
    archives = sorted(folder.glob("*.tar.gz"))
    if not archives:
        for path in sorted(folder.rglob("*.json")):
            yield path, _text(path)
        return
    try:
        with tarfile.open(archives[0]) as archive:
            members = [member for member in archive if member.isfile()]
            for member in sorted(members, key=lambda one: one.name):
                content = archive.extractfile(member)
                if content is not None and member.name.endswith(".json"):
                    yield archives[0] / member.name, content.read().decode()
    except (tarfile.TarError, EOFError, OSError, UnicodeDecodeError, zlib.error) as error:
        raise UserError(
            f"{archives[0]} cannot be read: {error}", "Replace it by an intact copy."
        ) from error


def _prepared(
    name: str, tasks: Sequence[Task], labels: Sequence[str], config: ArcFilesConfig, origin: str
) -> Prepared:
    """Tasks of a size, with a stratified part of them held out."""
    fitting = [place for place, task in enumerate(tasks) if task.side <= config.largest_side]
    counts = Counter(labels[place] for place in fitting)
    # A category of which one task is left cannot be in both splits.
    kept = [place for place in fitting if counts[labels[place]] > 1]
    if not kept:
        raise UserError(
            f"No task of {name} has grids of at most {config.largest_side} rows and columns",
            "Raise largest_side.",
        )
    classes = sorted({labels[place] for place in kept})
    numbers: Mapping[str, int] = {label: number for number, label in enumerate(classes)}
    targets = np.array([numbers[labels[place]] for place in kept], dtype=np.int64)
    features = pack_tasks([tasks[place] for place in kept], config.pairs, config.largest_side)
    rng = np.random.Generator(np.random.PCG64(config.split_seed))
    parts = stratified_split(targets, config.test_fraction, rng)
    splits = {
        split: Split(features[part], targets[part])
        for split, part in zip(("train", "test"), parts, strict=True)
    }
    left_out = len(tasks) - len(kept)
    return Prepared(
        task_schema(name, config.pairs, config.largest_side, classes),
        subset(splits, config.subset),
        f"{origin}; {left_out} with larger grids or alone in their category left out; split "
        f"{config.split_seed}{subset_note(config.subset)}",
    )


ARC = Source("arc", ArcFilesConfig, read_arc)
CONCEPT_ARC = Source("concept_arc", ArcFilesConfig, read_concept_arc)
