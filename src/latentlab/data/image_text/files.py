"""Objects whose pictures are files: decoded once, with everything that had to be left out counted.

An object has up to two samples, its picture and its text, both in the same split. What is missing
is left out and counted, never made up: the data card's origin says how much, and so does a warning.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.data.image_text.records import Record, prepared_samples
from latentlab.data.image_text_layout import ImageTextLayout, tidy
from latentlab.data.io.image_cache import Unreadable, decode_readable
from latentlab.data.prepared import Prepared
from latentlab.data.source import SourceConfig
from latentlab.data.splitting import subset_positions

logger = logging.getLogger(__name__)

SHOWN = 80
"""Characters of a name from a file that a message repeats."""


class ImageTextFilesConfig(SourceConfig):
    """Settings of sources with pictures in files."""

    subset: int | None = Field(
        default=None,
        ge=2,
        le=1_000_000_000,
        description="training objects in a stratified subset, each of up to two samples, the other "
        "splits in proportion; none: all of them",
    )
    image_size: int = Field(
        default=64,
        ge=8,
        le=512,
        description="side of the pictures, in pixels; 64 suits a CPU, 224 pretrained encoders",
    )
    text_length: int = Field(
        default=128, ge=8, le=1024, description="characters of a text that are kept"
    )
    workers: int | None = Field(
        default=None, ge=1, le=256, description="threads that decode; none: one for each core"
    )


@dataclass(frozen=True)
class Item:
    """An object as a file lists it.

    Attributes:
        id: unique in the data set.
        label: name of its class; empty where it has none.
        image: file of its picture, below the folder of pictures; empty where it has none.
        text: empty where it has none.
        group: number that it shares with the objects it belongs with; None: with no other.
    """

    id: str
    label: str
    image: str
    text: str
    group: int | None = None


def read_objects(
    name: str,
    items: Mapping[str, Sequence[Item]],
    classes: Sequence[str],
    images: Path,
    cache: Path,
    config: ImageTextFilesConfig,
    origin: str,
) -> Prepared:
    """Decode the pictures and pack both groups.

    Args:
        name: of the source.
        items: the objects of each split, `train` among them.
        classes: the classes of training, by number; an object of another one is left out.
        images: folder of the pictures.
        cache: folder for decoded pictures, `<size>-<digest of the files>` each.
        config: settings.
        origin: provenance in one line; what was left out is added.

    Raises:
        UserError: an id twice, a picture outside `images`, one class only, or a split that lacks a
            group.
    """
    _refuse_duplicates(name, items)
    _refuse_outside(images, [item.image for members in items.values() for item in members])
    left_out: list[str] = []
    known: dict[str, list[Item]] = {}
    for split, members in items.items():
        known[split] = [item for item in members if item.label in classes]
        bare = [item.id for item in members if not item.label]
        _count(left_out, bare, f"{split} objects without a label")
        foreign = [item.label for item in members if item.label and item.label not in classes]
        _count(left_out, foreign, f"{split} objects of a class that train lacks")
    numbers = {label: number for number, label in enumerate(classes)}
    labels = {
        split: np.array([numbers[item.label] for item in members], dtype=np.int64)
        for split, members in known.items()
    }
    if min(map(len, labels.values())) > 0:
        places = subset_positions(labels, config.subset)
        known = {split: [known[split][k] for k in index] for split, index in places.items()}
    listed = [item for members in known.values() for item in members]
    pixels, unreadable = _decode([item.image for item in listed], images, cache, config)
    records = _records(known, pixels, unreadable, config.text_length)
    _count(left_out, [i.id for i in listed if not i.image], "objects without a picture")
    reasons = [f"{listed[k].image}: {why}" for k, why in sorted(unreadable.items())]
    _count(left_out, reasons, "pictures that cannot be read")
    textless = [one.id for members in records.values() for one in members if one.text is None]
    _count(left_out, textless, "texts missing or without a character of the alphabet")
    for note in left_out:
        logger.warning("%s: %s", name, note)
    if left_out:
        origin = f"{origin}; left out: {', '.join(left_out)}"
    if config.subset is not None:
        origin = f"{origin}; stratified subset of {config.subset} training objects"
    size = config.image_size
    parts = ImageTextLayout(image=(3, size, size), text=config.text_length)
    return prepared_samples(name, records, classes, parts, origin)


def _records(
    known: Mapping[str, Sequence[Item]],
    pixels: Mapping[int, NDArray[np.uint8]],
    unreadable: Unreadable,
    length: int,
) -> dict[str, list[Record]]:
    records: dict[str, list[Record]] = {}
    place = 0
    for split, members in known.items():
        records[split] = []
        for item in members:
            image = None if place in unreadable else pixels.get(place)
            text = tidy(item.text, length)
            records[split].append(Record(item.id, item.label, image, text, item.group))
            place += 1
    return records


def _decode(
    files: Sequence[str], images: Path, cache: Path, config: ImageTextFilesConfig
) -> tuple[dict[int, NDArray[np.uint8]], Unreadable]:
    """Pictures by the object's place, and why others could not be read."""
    places = [place for place, file in enumerate(files) if file]
    names = [files[place] for place in places]
    if not names:
        return {}, {}
    # A file that was replaced is decoded again.
    stamps = "\n".join(f"{name} {_stamp(images / name)}" for name in names)
    key = hashlib.sha256(stamps.encode()).hexdigest()[:16]
    array, missing = decode_readable(
        names,
        lambda: lambda name: (images / name).read_bytes(),
        config.image_size,
        config.workers or os.cpu_count() or 1,
        cache / f"{config.image_size}-{key}",
    )
    return dict(zip(places, array, strict=True)), {places[k]: why for k, why in missing.items()}


def _stamp(path: Path) -> tuple[int, int]:
    try:
        about = path.stat()
    except OSError:
        return -1, 0
    return about.st_size, about.st_mtime_ns


def _count(left_out: list[str], which: Sequence[str], what: str) -> None:
    if which:
        left_out.append(f"{len(which)} {what} (first: {which[0]})")


def picture_keys(files: Sequence[str], images: Path) -> list[Hashable]:
    """For each picture's file, [n], what equals another's if they hold the same bytes.

    Only files that share their size with another are read.
    """
    _refuse_outside(images, files)
    sizes = {file: _stamp(images / file)[0] for file in dict.fromkeys(files)}
    of_a_size = Counter(sizes.values())
    keys: dict[str, Hashable] = {
        file: file if size < 0 or of_a_size[size] == 1 else _digest(images / file)
        for file, size in sizes.items()
    }
    return [keys[file] for file in files]


def _digest(path: Path) -> bytes | str:
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
    except OSError:
        # Decoding will say so.
        return str(path)


def _refuse_outside(images: Path, files: Sequence[str]) -> None:
    """Refuse names that lead out of the folder of pictures, here or on another system."""
    outside = [file for file in dict.fromkeys(files) if file and _leads_out(file)]
    if outside:
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        raise UserError(
            f"The picture {outside[0][:SHOWN]!r}{more} does not lie under {images}",
            "Put the pictures there and name them relative to it, without `..`.",
        )


def _leads_out(file: str) -> bool:
    windows = PureWindowsPath(file)
    absolute = PurePosixPath(file).is_absolute() or bool(windows.drive or windows.root)
    return absolute or ".." in windows.parts or "\0" in file


def _refuse_duplicates(name: str, items: Mapping[str, Sequence[Item]]) -> None:
    seen: set[str] = set()
    for split, members in items.items():
        for item in members:
            if item.id in seen:
                raise UserError(
                    f"Source '{name}', split '{split}': the id {item.id} is there twice",
                    "Give every object an id of its own, in one split only.",
                )
            seen.add(item.id)
