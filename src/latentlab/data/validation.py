"""What must hold for every prepared data set, whatever its source."""

from __future__ import annotations

import numpy as np

from latentlab.core.errors import UserError
from latentlab.data.prepared import Prepared, Schema, Split

REMEDY = "Replace the files of this source by an intact copy and prepare it again."


def check(prepared: Prepared) -> None:
    """Refuse data on which training would fail late, or silently learn nothing.

    Raises:
        UserError: no `train` or `test` split; an empty split; unlike numbers of images and labels;
            a shape or type other than the schema's; a label outside the classes; one class only;
            groups that are no int64 for each example; NaN or infinity; a value outside [0, scale].
    """
    for required in ("train", "test"):
        if required not in prepared.splits:
            raise UserError(f"Source '{prepared.schema.name}' has no split '{required}'", REMEDY)
    for name, split in prepared.splits.items():
        where = f"Source '{prepared.schema.name}', split '{name}'"
        _check_structure(split, prepared.schema, where)
        _check_labels(split, prepared.schema, where)
        _check_groups(split, where)
        _check_values(split, prepared.schema, where)


def _check_structure(split: Split, schema: Schema, where: str) -> None:
    if len(split.features) == 0:
        raise UserError(f"{where} is empty", REMEDY)
    if len(split.features) != len(split.labels):
        counts = f"{len(split.features)} images but {len(split.labels)} labels"
        raise UserError(f"{where} has {counts}", REMEDY)
    if split.features.shape[1:] != schema.shape or split.features.dtype != schema.dtype:
        found = f"{split.features.dtype} {split.features.shape[1:]}"
        raise UserError(f"{where} holds {found}, not {schema.dtype} {schema.shape}", REMEDY)


def _check_labels(split: Split, schema: Schema, where: str) -> None:
    if split.labels.dtype != np.int64 or split.labels.ndim != 1:
        found = f"{split.labels.dtype} with {split.labels.ndim} dimensions"
        raise UserError(f"{where} has labels of type {found}, not an int64 vector", REMEDY)
    low, high = int(split.labels.min()), int(split.labels.max())
    if low < 0 or high >= len(schema.classes):
        allowed = f"0..{len(schema.classes) - 1}"
        raise UserError(f"{where} has labels {low}..{high}, outside {allowed}", REMEDY)
    if low == high:
        remedy = "Use data with at least two classes, or a larger `subset`."
        raise UserError(f"{where} has one class only, '{schema.classes[low]}'", remedy)


def _check_groups(split: Split, where: str) -> None:
    groups = split.groups
    if groups is not None and (groups.dtype != np.int64 or groups.shape != (len(split),)):
        found = f"groups of type {groups.dtype} {groups.shape}"
        raise UserError(f"{where} has {found}, not an int64 for each example", REMEDY)


def _check_values(split: Split, schema: Schema, where: str) -> None:
    kind = split.features.dtype
    if kind.kind == "u" and np.iinfo(kind).max <= schema.scale:
        return  # The type itself keeps the values in range: no need to read 2 GB of images.
    for chunk in split.chunks():
        if kind.kind == "f" and not np.isfinite(chunk).all():
            raise UserError(f"{where} has images with NaN or infinite values", REMEDY)
        low, high = chunk.min(), chunk.max()
        if low < 0 or high > schema.scale:
            found = f"values {low}..{high}, outside 0..{schema.scale:g}"
            raise UserError(f"{where} has {found}", REMEDY)
