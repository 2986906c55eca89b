"""A prepared data set on disk: plain .npy arrays that are memory-mapped, a card and a preview.

A study's own lies under its fingerprint, in `<root>/<first digits>`, and `<root>/latest.txt` names
it: another one never takes its place, so that whoever reads it goes on reading the same.

```
<folder>/card.json             the data card, with the schema
<folder>/preview.png           a labelled grid of examples
<folder>/<split>_features.npy  [n, channels, height, width]
<folder>/<split>_labels.npy    int64 [n]
<folder>/<split>_groups.npy    int64 [n], only of splits whose examples belong together
```
"""

from __future__ import annotations

import functools
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.core.files import (
    Stamp,
    atomic_folder,
    remove_partials,
    stamp,
    write_atomically,
)
from latentlab.core.validation import validate
from latentlab.data.card import GROUP_COUNT, data_card
from latentlab.data.prepared import Prepared, Schema, Split
from latentlab.data.preview import draw_preview

CARD, PREVIEW, LATEST = "card.json", "preview.png", "latest.txt"
DIGITS = 16
"""A folder is named by so many digits of its fingerprint."""


def save_prepared(prepared: Prepared, folder: Path | str) -> None:
    """Write a data set so that `folder` holds all of it or, after a failure, what it held before.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    folder = Path(folder)
    remove_partials(folder.parent)
    with atomic_folder(folder, marker=CARD) as partial:
        for name, split in prepared.splits.items():
            np.save(partial / f"{name}_features.npy", split.features, allow_pickle=False)
            np.save(partial / f"{name}_labels.npy", split.labels, allow_pickle=False)
            if split.groups is not None:
                np.save(partial / f"{name}_groups.npy", split.groups, allow_pickle=False)
        for path, content in _shown(prepared).items():
            (partial / path).write_bytes(content)


def save_latest(prepared: Prepared, root: Path) -> None:
    """Write a data set under its fingerprint, if it is not there already, and name it the latest.

    Others are removed, once the latest is safe.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    folder = root / prepared.fingerprint[:DIGITS]
    if not _holds(folder, prepared):
        shutil.rmtree(folder, ignore_errors=True)
        save_prepared(prepared, folder)
    write_atomically(root / LATEST, folder.name.encode())
    for path in root.iterdir():
        if path != folder and (path / CARD).is_file():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name in (CARD, PREVIEW) or path.suffix == ".npy":
            # Of the first edition, which had one folder for whatever was prepared last.
            path.unlink()


def latest_folder(root: Path) -> Path:
    """Return the folder of the data set that was prepared last.

    Raises:
        UserError: there is none, or the file that names it is damaged.
    """
    pointer = root / LATEST
    try:
        name = pointer.read_text(encoding="utf-8")
    except OSError as error:
        raise _damaged(pointer, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise _damaged(pointer, "names no folder") from error
    if not re.fullmatch(rf"[0-9a-f]{{{DIGITS}}}", name):
        raise _damaged(pointer, "names no folder")
    return root / name


def load_prepared(folder: Path | str) -> Prepared:
    """Open a saved data set; the arrays are memory-mapped and read-only.

    The content is read and compared with its fingerprint once a process, and again when a file of
    it changes.

    Args:
        folder: where `save_prepared` wrote.

    Raises:
        UserError: a missing folder or file; a card, array or size that does not fit the others;
            content that changed since it was prepared.
    """
    folder = Path(folder).resolve()
    return _load(folder, stamp(sorted(folder.glob("*"))))


@functools.lru_cache(maxsize=1)
def _load(folder: Path, _: Stamp) -> Prepared:
    card_path = folder / CARD
    try:
        card: dict[str, Any] = json.loads(card_path.read_text(encoding="utf-8"))
        where = f"Prepared data: {card_path} has a schema of another form"
        schema = validate(Schema, card["schema"], where, "Prepare the source again.")
        counts = {str(name): int(part["examples"]) for name, part in card["splits"].items()}
        grouped = [name for name, part in card["splits"].items() if GROUP_COUNT in part]
        origin, fingerprint = str(card["origin"]), str(card["fingerprint"])
        grouping = str(card.get("grouping", ""))
    except OSError as error:
        raise _damaged(card_path, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(card_path, "is not the card of a prepared data set") from error
    splits = {
        name: _load_split(folder, name, n, schema, name in grouped) for name, n in counts.items()
    }
    prepared = Prepared(schema, splits, origin, folder)
    if (prepared.fingerprint, prepared.grouping) != (fingerprint, grouping):
        raise _damaged(folder, "has changed since it was prepared (its fingerprint differs)")
    return prepared


def _holds(folder: Path, prepared: Prepared) -> bool:
    """Whether a folder has this very data set, whole."""
    try:
        same = load_prepared(folder).fingerprint == prepared.fingerprint
        return same and all(
            (folder / path).read_bytes() == content for path, content in _shown(prepared).items()
        )
    except (UserError, OSError):
        return False


def _shown(prepared: Prepared) -> dict[str, bytes]:
    """What is for people: card and preview, by file."""
    card = json.dumps(data_card(prepared), indent=2, ensure_ascii=False) + "\n"
    preview = io.BytesIO()
    draw_preview(prepared).save(preview, "PNG")
    return {CARD: card.encode(), PREVIEW: preview.getvalue()}


def _load_split(folder: Path, name: str, count: int, schema: Schema, grouped: bool) -> Split:
    features_path, labels_path = folder / f"{name}_features.npy", folder / f"{name}_labels.npy"
    features, labels = _map(features_path), _map(labels_path)
    if features.shape != (count, *schema.shape) or features.dtype != schema.dtype:
        raise _damaged(features_path, f"holds {features.dtype} {features.shape}, unlike its card")
    if labels.shape != (count,) or labels.dtype != np.int64:
        raise _damaged(labels_path, f"holds {labels.dtype} {labels.shape}, unlike its card")
    return Split(features, labels, _map(folder / f"{name}_groups.npy") if grouped else None)


def _map(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise _damaged(path, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise _damaged(path, "is truncated or no .npy array") from error
    return array


def _damaged(path: Path, what: str) -> UserError:
    return UserError(f"Prepared data: {path} {what}", "Prepare the source again.")
