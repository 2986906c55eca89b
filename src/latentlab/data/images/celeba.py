"""CelebA: 202,599 aligned photographs of faces with forty yes/no attributes.

Z. Liu, P. Luo, X. Wang, X. Tang (2015), Deep learning face attributes in the wild. ICCV. For
non-commercial research only; every user fetches it from the authors' page.

```
img_align_celeba/*.jpg or img_align_celeba.zip    178x218 photographs
list_attr_celeba.txt                              count; names; file and a 1 or -1 per attribute
list_eval_partition.txt                           file and 0 (train), 1 (validation) or 2 (test)
```
"""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from collections.abc import Container, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.data.io.image_cache import Opener, decode_images
from latentlab.data.prepared import Prepared, Schema, Split
from latentlab.data.source import Source, SourceConfig, subset_note
from latentlab.data.splitting import subset_positions

PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
ATTRIBUTES, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
IMAGES = "img_align_celeba"
PARTS = {"0": "train", "1": "validation", "2": "test"}
OFFICIAL_FOLDERS = ("", "Anno", "Eval", "Img")
"""The authors' drive keeps the files in folders; a person may copy those or only the files."""


class CelebAConfig(SourceConfig):
    """Settings of the CelebA source. Its files cannot be downloaded without a person."""

    attribute: str = Field(
        default="Smiling", description="attribute that is the label: 1 where present, 0 where not"
    )
    image_size: int = Field(
        default=64, ge=8, le=178, description="side of the square images, in pixels"
    )
    workers: int | None = Field(
        default=None, ge=1, le=1024, description="threads that decode; none: one for each core"
    )


def read_celeba(config: CelebAConfig, folder: Path) -> Prepared:
    """Read the official splits; the first time decodes the photographs into a cache.

    The cache lies in `folder/.decoded`, one for each image size and list of files (12 kB per image
    at 64 pixels, 2.5 GB for all), so another attribute decodes nothing anew unless `subset` makes
    another list. A killed decoding resumes.

    Args:
        config: settings.
        folder: holds the official files, side by side or in the authors' folders.

    Returns:
        Memory-mapped uint8 images [n, 3, size, size] in 0..255; label 1 is the attribute.

    Raises:
        UserError: a missing or damaged file, an unknown attribute, an unwritable folder.
    """
    values = read_attribute(_find(folder, ATTRIBUTES), config.attribute)
    parts = read_partition(_find(folder, PARTITION))
    for names in parts.values():
        _require(names, values.keys(), f"{_find(folder, ATTRIBUTES)} has no line for")
    labels = {
        part: np.array([values[name] for name in names], dtype=np.int64)
        for part, names in parts.items()
    }
    positions = subset_positions(labels, config.subset)
    names = [parts[part][i] for part in parts for i in positions[part]]
    key = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    cache = folder / ".decoded" / f"{config.image_size}-{key}"
    workers = config.workers or os.cpu_count() or 1
    images = decode_images(names, lambda: _opener(folder, names), config.image_size, workers, cache)
    splits, start = {}, 0
    for part, index in positions.items():
        # The cache holds split after split, so each is a view of the map and not a copy.
        splits[part] = Split(images[start : start + len(index)], labels[part][index])
        start += len(index)
    schema = Schema(
        name="celeba",
        shape=(3, config.image_size, config.image_size),
        dtype="uint8",
        scale=255.0,
        classes=(f"not {config.attribute}", config.attribute),
    )
    origin = (
        f"CelebA (Liu et al. 2015), official splits, label {config.attribute}, shorter side "
        f"resized to {config.image_size} (bilinear), centre crop{subset_note(config.subset)}"
    )
    return Prepared(schema, splits, origin)


def read_attribute(path: Path, attribute: str) -> dict[str, int]:
    """The value of one attribute, 1 or 0, for each image file.

    Raises:
        UserError: an unknown attribute (names the nearest) or a file of another form.
    """
    lines = _lines(path)
    names = lines[1].split() if len(lines) > 1 else []
    if not names or not lines[0].strip().isdigit():
        raise UserError(f"{path} does not begin with a count and the attributes' names", _remedy())
    if attribute not in names:
        folded = {name.lower(): name for name in names}
        near = get_close_matches(attribute.lower(), folded, n=5, cutoff=0.5)
        offer = ", ".join([folded[name] for name in near] or names)
        raise UserError(f"CelebA has no attribute '{attribute}'", f"Use one of: {offer}.")
    column = 1 + names.index(attribute)
    values: dict[str, int] = {}
    for number, line in enumerate(lines[2:], 3):
        fields = line.split()
        if len(fields) != 1 + len(names) or fields[column] not in ("1", "-1"):
            raise UserError(
                f"{path}, line {number}: not a file name and {len(names)} values of 1 or -1",
                _remedy(),
            )
        values[fields[0]] = int(fields[column] == "1")
    if len(values) != int(lines[0]):
        what = f"{path} is truncated: {len(values)} images where its first line says {lines[0]}"
        raise UserError(what, _remedy())
    return values


def read_partition(path: Path) -> dict[str, list[str]]:
    """The image files of each split, in the file's order: train, validation, test.

    Raises:
        UserError: a file of another form.
    """
    parts: dict[str, list[str]] = {part: [] for part in PARTS.values()}
    for number, line in enumerate(_lines(path), 1):
        fields = line.split()
        if len(fields) != 2 or fields[1] not in PARTS:
            raise UserError(f"{path}, line {number}: not a file name and 0, 1 or 2", _remedy())
        parts[PARTS[fields[1]]].append(fields[0])
    return parts


def _opener(folder: Path, names: Sequence[str]) -> Opener:
    """A function that reads an image file, from the folder or from the zip archive."""
    archive = _search(folder, f"{IMAGES}.zip")
    directory = _search(folder, IMAGES)
    if directory is not None and directory.is_dir():
        _require(names, set(os.listdir(directory)), f"{directory} lacks")
        return lambda name: (directory / name).read_bytes()
    if archive is None:
        raise UserError(f"{folder} has neither {IMAGES}/ nor {IMAGES}.zip", _remedy())
    try:
        images = zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{archive} is damaged or truncated ({error})", _remedy()) from error
    _require(names, {Path(member).name for member in images.namelist()}, f"{archive} lacks")
    return _zip_opener(images, archive)


def _zip_opener(images: zipfile.ZipFile, archive: Path) -> Opener:
    members = {Path(member).name: member for member in images.namelist()}
    lock = threading.Lock()

    def read(name: str) -> bytes:
        try:
            # One file position serves all threads; decoding, the long part, is not under the lock.
            with lock:
                return images.read(members[name])
        except (OSError, zipfile.BadZipFile, EOFError) as error:
            raise UserError(f"{archive}, member {name} is damaged ({error})", _remedy()) from error

    return read


def _require(names: Sequence[str], known: Container[str], what: str) -> None:
    """Refuse when a name is not in the collection `known`."""
    missing = [name for name in names if name not in known]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(f"{what} {missing[0]}{more}", _remedy())


def _search(folder: Path, name: str) -> Path | None:
    candidates = (folder / official / name for official in OFFICIAL_FOLDERS)
    return next((path for path in candidates if path.exists()), None)


def _find(folder: Path, name: str) -> Path:
    path = _search(folder, name)
    if path is None:
        raise UserError(f"{folder} lacks {name}", _remedy())
    return path


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}", _remedy()) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text file", _remedy()) from error


def _remedy() -> str:
    return (
        "CelebA has no address for automatic download: follow 'Align&Cropped Images' on "
        f"{PAGE} and put {IMAGES}.zip (or its folder), {ATTRIBUTES} and {PARTITION} into the raw "
        "folder."
    )


CELEBA = Source("celeba", CelebAConfig, read_celeba)
