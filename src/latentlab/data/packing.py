"""A prepared data set on disk: plain .npy arrays that are memory-mapped, a card and a preview.

```
<folder>/card.json             the data card, with the schema
<folder>/preview.png           a labelled grid of examples
<folder>/<split>_features.npy  [n, channels, height, width]
<folder>/<split>_labels.npy    int64 [n]
```
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_folder, remove_partials
from latentlab.core.validation import validate
from latentlab.data.card import data_card
from latentlab.data.prepared import Prepared, Schema, Split
from latentlab.data.preview import draw_preview

CARD, PREVIEW = "card.json", "preview.png"


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
        card = json.dumps(data_card(prepared), indent=2, ensure_ascii=False)
        (partial / CARD).write_text(card + "\n", encoding="utf-8")
        draw_preview(prepared).save(partial / PREVIEW)


def load_prepared(folder: Path | str, verify: bool = False) -> Prepared:
    """Open a saved data set; the arrays are memory-mapped and read-only.

    Args:
        folder: where `save_prepared` wrote.
        verify: also read everything and compare its fingerprint with the card's.

    Raises:
        UserError: a missing folder or file; a card, array or size that does not fit the others.
    """
    folder = Path(folder)
    card_path = folder / CARD
    try:
        card: dict[str, Any] = json.loads(card_path.read_text(encoding="utf-8"))
        where = f"Prepared data: {card_path} has a schema of another form"
        schema = validate(Schema, card["schema"], where, "Prepare the source again.")
        counts = {str(name): int(part["examples"]) for name, part in card["splits"].items()}
        origin, fingerprint = str(card["origin"]), str(card["fingerprint"])
    except OSError as error:
        raise _damaged(card_path, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(card_path, "is not the card of a prepared data set") from error
    splits = {name: _load_split(folder, name, n, schema) for name, n in counts.items()}
    prepared = Prepared(schema, splits, origin, folder.resolve())
    if verify and prepared.fingerprint != fingerprint:
        raise _damaged(folder, "has changed since it was prepared (its fingerprint differs)")
    return prepared


def _load_split(folder: Path, name: str, count: int, schema: Schema) -> Split:
    features_path, labels_path = folder / f"{name}_features.npy", folder / f"{name}_labels.npy"
    features, labels = _map(features_path), _map(labels_path)
    if features.shape != (count, *schema.shape) or features.dtype != schema.dtype:
        raise _damaged(features_path, f"holds {features.dtype} {features.shape}, unlike its card")
    if labels.shape != (count,) or labels.dtype != np.int64:
        raise _damaged(labels_path, f"holds {labels.dtype} {labels.shape}, unlike its card")
    return Split(features, labels)


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
