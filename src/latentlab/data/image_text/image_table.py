"""A folder of pictures and a CSV file that gives each a text and a label.

```
image,text,label,split,id,group
shoes/0001.jpg,"Blue running shoe",shoe,train,17,seller 4
```
The columns `split` (train, test or validation), `id` and `group` may be missing: then a stratified
part of the rows is held out, rows are known by their line and are of no group. Rows that share a
picture, a text or a group are held out together, and are no independent examples. An empty image or
text is one that the object does not have, an empty group none.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.data.copies import across, contents, linked_leaders
from latentlab.data.image_text.files import (
    ImageTextFilesConfig,
    Item,
    picture_keys,
    read_objects,
)
from latentlab.data.image_text.records import hold_out_objects
from latentlab.data.image_text_layout import encode, tidy
from latentlab.data.io.text import read_utf8
from latentlab.data.prepared import Prepared
from latentlab.data.source import Source

REQUIRED = ("image", "text", "label")
SPLITS = {"train": "train", "test": "test", "validation": "validation", "val": "validation"}
SHOWN = 5
"""Lines that a message names; further ones are counted."""
REMEDY = (
    "It needs a first line with the columns image, text, label and, if wanted, split, id and group."
)


class ImageTableConfig(ImageTextFilesConfig):
    """Settings of pictures with a CSV file."""

    table: str = Field(
        default="table.csv",
        min_length=1,
        description="the CSV file; its pictures' names are relative to its folder",
    )
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="share that is held out where no column says `split`"
    )
    split_seed: int = Field(
        default=0, ge=0, le=2**32 - 1, description="decides which rows are held out"
    )
    repeats: Literal["together", "apart"] = Field(
        default="together",
        description="together: a picture, text or group is in one split only where the split is "
        "made here, and a table whose own splits part copies is refused; apart: they may, and the "
        "data card counts the copies",
    )


def read_image_table(config: ImageTableConfig, folder: Path) -> Prepared:
    """Read the rows and decode their pictures; classes are the labels of training, sorted.

    Raises:
        UserError: a missing file, one that is no such table or not UTF-8, an id twice, a split of
            another name, one class only, a split that lacks a group, or copies in two splits.
    """
    path = folder / config.table
    rows = _rows(path)
    items = [_item(row, line) for line, row in rows]
    named = [row.get("group", "").strip() for _, row in rows]
    leaders = _together(items, named, path.parent, config)
    items = [replace(item, group=int(k)) for item, k in zip(items, leaders, strict=True)]
    if "split" in rows[0][1]:
        held_out = "splits of the table"
        splits: dict[str, list[Item]] = {"train": [], "test": []}
        for name, item in zip(_splits(rows, path), items, strict=True):
            splits.setdefault(name, []).append(item)
    else:
        held_out = f"stratified split of seed {config.split_seed}"
        strata = [(item.label, not item.image, not item.text.strip()) for item in items]
        kept = leaders if config.repeats == "together" else None
        parts = hold_out_objects(strata, config.test_fraction, config.split_seed, kept)
        splits = {split: [items[k] for k in places] for split, places in parts.items()}
    prepared = read_objects(
        "image_table",
        splits,
        sorted({item.label for item in splits["train"]} - {""}),
        path.parent,
        folder / ".decoded",
        config,
        f"{path.name}, {held_out}",
    )
    parted = across(contents(prepared.splits)) if config.repeats == "together" else []
    if parted:
        raise UserError(
            f"{path}: {', '.join(parted)}",
            "Take the copies out, leave out the column `split` so that copies stay together, or "
            "set `repeats: apart` to keep them.",
        )
    return prepared


def _together(
    items: Sequence[Item], groups: Sequence[str], folder: Path, config: ImageTableConfig
) -> NDArray[np.intp]:
    """For each row the position of the first that it shares picture, text or group with, [n]."""
    keys: list[list[Hashable]] = [[("group", group)] if group else [] for group in groups]
    illustrated = [place for place, item in enumerate(items) if item.image]
    for place, key in zip(
        illustrated, picture_keys([items[k].image for k in illustrated], folder), strict=True
    ):
        keys[place].append(("picture", key))
    for place, item in enumerate(items):
        text = tidy(item.text, config.text_length)
        if text is not None:
            keys[place].append(("text", encode(text, config.text_length).tobytes()))
    return linked_leaders(keys)


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Every row with its line."""
    reader = csv.DictReader(io.StringIO(read_utf8(path, REMEDY), newline=""), strict=True)
    try:
        missing = [column for column in REQUIRED if column not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{path} has no column {', '.join(missing)}", REMEDY)
        twice = [name for name, count in Counter(reader.fieldnames or ()).items() if count > 1]
        if twice:
            raise UserError(f"{path} has two columns {', '.join(twice)}", "Keep one of a name.")
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        # The inner reader has counted the line that it failed on.
        raise UserError(f"{path}, line {reader.reader.line_num}: {error}", REMEDY) from error
    # A row that is too long has a key None, one that is too short a value None.
    uneven = [line for line, row in rows if None in row or None in row.values()]
    if uneven:
        raise UserError(
            f"{path}, {_lines(uneven)}: not as many fields as columns",
            "Put texts with commas into double quotes.",
        )
    if not rows:
        raise UserError(f"{path} has no rows", REMEDY)
    return rows


def _item(row: dict[str, str], line: int) -> Item:
    return Item(
        id=row.get("id", "").strip() or f"line {line}",
        label=row["label"].strip(),
        image=row["image"].strip(),
        text=row["text"],
    )


def _splits(rows: Sequence[tuple[int, dict[str, str]]], path: Path) -> list[str]:
    """The split of each row."""
    unknown: dict[str, list[int]] = {}
    for line, row in rows:
        if row["split"].strip().lower() not in SPLITS:
            unknown.setdefault(row["split"], []).append(line)
    if unknown:
        said = [f"{_lines(lines)}: there is no split '{name}'" for name, lines in unknown.items()]
        raise UserError(f"{path}, {'; '.join(said[:SHOWN])}", "Use train, test or validation.")
    return [SPLITS[row["split"].strip().lower()] for _, row in rows]


def _lines(lines: Sequence[int]) -> str:
    """Lines of a file, in words; the first few of many."""
    if len(lines) == 1:
        return f"line {lines[0]}"
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return f"lines {', '.join(map(str, lines[:SHOWN]))}{more}"


IMAGE_TABLE = Source("image_table", ImageTableConfig, read_image_table)
