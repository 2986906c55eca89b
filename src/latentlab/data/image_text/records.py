"""Objects with a picture, a text or both, packed into a data set: one sample of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.data.image_text_layout import (
    GROUPS,
    SCALE,
    TEXT,
    ImageTextLayout,
    encode,
    group_numbers,
)
from latentlab.data.prepared import Prepared, Schema, Split
from latentlab.data.splitting import stratified_split


@dataclass(frozen=True)
class Record:
    """One object of a data set: up to two samples of the same class.

    Attributes:
        id: unique in the data set.
        label: name of its class.
        image: uint8 [channels, height, width]; None where it has none.
        text: with at least one character of the alphabet; None where it has none.
        group: number that it shares with the objects it belongs with; None: with no other.
    """

    id: str
    label: str
    image: NDArray[np.uint8] | None
    text: str | None
    group: int | None = None


def pack(records: Sequence[Record], classes: Sequence[str], parts: ImageTextLayout) -> Split:
    """A visual sample of each picture and a text sample of each text, object by object.

    Samples of one object belong together, and those of objects of one group.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    count = sum((one.image is not None) + (one.text is not None) for one in records)
    # Pages of zeros that nothing writes to, which most of a text sample is, take no memory.
    features = np.zeros((count, 1, 1, parts.length), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)
    groups = np.empty(count, dtype=np.int64)
    first: dict[int | str, int] = {}
    place = 0
    for record in records:
        group = first.setdefault(record.id if record.group is None else record.group, place)
        if record.image is not None:
            features[place, 0, 0, : parts.pixels] = record.image.ravel()
            labels[place], groups[place] = numbers[record.label], group
            place += 1
        if record.text is not None:
            features[place, 0, 0, parts.pixels : -1] = encode(record.text, parts.text)
            features[place, 0, 0, -1] = TEXT
            labels[place], groups[place] = numbers[record.label], group
            place += 1
    together = len(np.unique(groups)) < count
    return Split(features, labels, groups if together else None)


def prepared_samples(
    name: str,
    records: Mapping[str, Sequence[Record]],
    classes: Sequence[str],
    parts: ImageTextLayout,
    origin: str,
) -> Prepared:
    """A data set of pictures and texts.

    Args:
        name: of the source.
        records: the objects of each split.
        classes: names, by class number; every label is among them.
        parts: sizes of pictures and texts.
        origin: provenance in one line, with what was left out.

    Raises:
        UserError: one class only, or a split that lacks a group.
    """
    if len(classes) < 2:
        known = f"one class only, '{classes[0]}'" if classes else "no labelled objects"
        raise UserError(
            f"Source '{name}' has {known} ({origin})", "Use data with at least two classes."
        )
    splits = {split: pack(members, classes, parts) for split, members in records.items()}
    for split, packed in splits.items():
        counts = np.bincount(group_numbers(packed.features), minlength=len(GROUPS))
        for group, count in zip(GROUPS, counts, strict=True):
            if count == 0:
                raise UserError(
                    f"Source '{name}', split '{split}' has no {group} sample ({origin})",
                    "This source needs pictures and texts in every split.",
                )
    schema = Schema(
        name=name,
        shape=(1, 1, parts.length),
        dtype="uint8",
        scale=SCALE,
        classes=tuple(classes),
        parts=parts,
    )
    return Prepared(schema, splits, origin)


def hold_out_objects(
    strata: Sequence[tuple[object, ...]],
    fraction: float,
    seed: int,
    leaders: NDArray[np.intp] | None = None,
) -> dict[str, NDArray[np.intp]]:
    """Which objects are for training and which for test: both samples of one in the same split.

    Args:
        strata: of each object what it is stratified by.
        fraction: share of the test split, in (0, 1).
        seed: decides which objects it gets.
        leaders: for each object the position of the first that it stays with, [n], by whose stratum
            both go; none: all go their own way.

    Returns:
        Sorted positions of `train` and `test`. An object alone in its stratum is for training.

    Raises:
        UserError: all of them are.
    """
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(strata))}
    codes = np.array([kinds[kind] for kind in strata], dtype=np.int64)
    if leaders is None:
        leaders = np.arange(len(codes))
    own = np.flatnonzero(leaders == np.arange(len(codes)))
    shared = own[np.bincount(codes[own], minlength=len(kinds))[codes[own]] > 1]
    if len(shared) == 0:
        raise UserError(
            "No class has two objects, without a picture or text in common, of which one could be "
            "held out",
            "Use more objects, let copies be in both splits (`repeats: apart`), or say which are "
            "for training and which for test.",
        )
    rng = np.random.Generator(np.random.PCG64(seed))
    chosen = shared[stratified_split(codes[shared], fraction, rng)[1]]
    test = np.flatnonzero(np.isin(leaders, chosen))
    return {"train": np.setdiff1d(np.arange(len(codes)), test), "test": test}
