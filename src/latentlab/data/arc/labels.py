"""Categories of ARC tasks, from a JSON object or a table that a person has written."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError
from latentlab.data.io.text import read_utf8

AMBIGUOUS = "ambiguous"
"""A label that says that a task has none."""

LABEL_FILES = ("labels.json", "labels.csv")
"""Names of tasks and their categories; of the two, the first that is there."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with every one of its keys, where a dictionary keeps the last of equal ones."""


def read_labels(folder: Path) -> tuple[dict[str, str], Path, list[str]]:
    """The categories of a folder's tasks.

    Returns:
        Category by task, without the endings of files; the file that says so; mistakes in it.

    Raises:
        UserError: no file of labels, or one that cannot be read.
    """
    remedy = f"It gives each task a category, or `{AMBIGUOUS}` to leave the task out."
    source = next((folder / f for f in LABEL_FILES if (folder / f).is_file()), None)
    if source is None:
        raise UserError(f"{folder} has neither {' nor '.join(LABEL_FILES)}", remedy)
    text = read_utf8(source, remedy)
    try:
        if source.suffix == ".json":
            found = json.loads(text, object_pairs_hook=_Pairs)
            if not isinstance(found, _Pairs):
                raise TypeError("it holds no tasks with categories")
        else:
            rows = csv.reader(text.splitlines())
            found = _Pairs((row[0], "".join(row[1:2])) for row in rows if row)
    except (ValueError, TypeError, RecursionError, csv.Error) as error:
        raise UserError(f"{source} cannot be read: {error}", remedy) from error
    labels: dict[str, str] = {}
    mistakes = []
    for task, label in found:
        name = task.strip().removesuffix(".json")
        if not isinstance(label, str) or not label.strip():
            mistakes.append(f"{source} has a label without a category, of task {task}")
        elif labels.setdefault(name, label.strip()) != label.strip():
            mistakes.append(f"{source} gives {name} two labels, {labels[name]} and {label.strip()}")
    return labels, source, mistakes
