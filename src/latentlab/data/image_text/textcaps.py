"""TextCaps: photographs with writing in them, five captions each, and what they show.

O. Sidorov, R. Hu, M. Rohrbach, A. Singh (2020), TextCaps: a dataset for image captioning with
reading comprehension. ECCV. The authors' page has the files.

```
TextCaps_0.1_train.json, TextCaps_0.1_val.json   {"data": [one entry for each caption]}
train_images/<image_id>.jpg                      of both: photographs of Open Images
TextVQA_Rosetta_OCR_v0.2_{train,val}.json        {"data": [...]}: recognised words, if wanted
```
An entry has `image_id`, `caption_id`, `caption_str` (or all captions as `reference_strs`),
`image_classes`, and may have `ocr_tokens`. The label of an image is the first of its classes. The
published test images have no labels, so `val` is the test split.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.data.image_text.files import (
    ImageTextFilesConfig,
    Item,
    read_objects,
    read_utf8,
)
from latentlab.data.prepared import Prepared
from latentlab.data.source import Source

PAGE = "https://textvqa.org/textcaps/"
FILES = {"train": "TextCaps_0.1_train.json", "test": "TextCaps_0.1_val.json"}
WORDS = {
    "train": "TextVQA_Rosetta_OCR_v0.2_train.json",
    "test": "TextVQA_Rosetta_OCR_v0.2_val.json",
}
IMAGES = "train_images"
REMEDY = (
    f"Follow {PAGE} and put {FILES['train']}, {FILES['test']} and the folder {IMAGES} into the raw "
    "folder."
)


class TextCapsConfig(ImageTextFilesConfig):
    """Settings of TextCaps. Its files cannot be downloaded without a person."""

    text: Literal["caption", "ocr"] = Field(
        default="caption",
        description="text of an image: its first caption, or the words recognised in it",
    )
    classes: int | None = Field(
        default=10,
        ge=2,
        le=10_000,
        description="the most frequent classes of train; none: all of them",
    )


def read_textcaps(config: TextCapsConfig, folder: Path) -> Prepared:
    """Read both JSON files and decode the photographs of the chosen classes.

    Raises:
        UserError: a missing file, one of another form or not UTF-8, a caption or image twice, one
            class only, or a split that lacks a group.
    """
    if not (folder / IMAGES).is_dir():
        raise UserError(f"{folder} lacks the folder {IMAGES}", REMEDY)
    found = {split: _items(folder, split, config.text) for split in FILES}
    counts = Counter(item.label for item in found["train"] if item.label)
    # Of equally frequent classes those of the lower names, whatever the order of the file.
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    classes = ranked[: config.classes]
    chosen = {
        split: [item for item in items if item.label in classes or not item.label]
        for split, items in found.items()
    }
    others = {split: len(found[split]) - len(chosen[split]) for split in FILES}
    origin = (
        f"TextCaps 0.1 (Sidorov et al. 2020), official train and val as test, text {config.text}, "
        f"the {len(classes)} most frequent of {len(ranked)} classes of train; of other classes "
        f"{others['train']} images of train and {others['test']} of test"
    )
    return read_objects(
        "textcaps", chosen, classes, folder / IMAGES, folder / ".decoded", config, origin
    )


def _items(folder: Path, split: str, text: str) -> list[Item]:
    """One item for each image, from the first of its entries."""
    path = folder / FILES[split]
    first: dict[str, dict[str, Any]] = {}
    captions: set[Any] = set()
    for number, entry in enumerate(_data(path)):
        image, caption = str(entry["image_id"]), entry.get("caption_id")
        if caption in captions or (caption is None and image in first):
            what = f"image {image}" if caption is None else f"caption {caption}"
            raise UserError(f"{path}, entry {number}: {what} is there twice", REMEDY)
        captions |= {caption} - {None}
        first.setdefault(image, entry)
    words = _words(folder, split, first) if text == "ocr" else {}
    items = []
    for image, entry in first.items():
        labels = entry.get("image_classes") or [""]
        written = words.get(image, "") if text == "ocr" else _caption(entry)
        items.append(Item(image, str(labels[0]).strip(), f"{image}.jpg", written))
    return items


def _caption(entry: dict[str, Any]) -> str:
    """The first caption; some copies have all of them under either name."""
    given = entry.get("caption_str") or entry.get("reference_strs") or ""
    return str(given if isinstance(given, str) else given[0])


def _words(folder: Path, split: str, entries: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The recognised words of each image, from its own entry or from the file of words."""
    own = {image: entry["ocr_tokens"] for image, entry in entries.items() if "ocr_tokens" in entry}
    if not own:
        own = {
            str(entry["image_id"]): entry.get("ocr_tokens") or []
            for entry in _data(folder / WORDS[split])
        }
    return {image: " ".join(map(str, tokens)) for image, tokens in own.items()}


def _data(path: Path) -> list[dict[str, Any]]:
    content = read_utf8(path, REMEDY)
    try:
        entries = json.loads(content)["data"]
        wrong = next(
            (n for n, e in enumerate(entries) if not isinstance(e, dict) or "image_id" not in e),
            None,
        )
    except (ValueError, KeyError, TypeError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path} is not of TextCaps' form: {said}", REMEDY) from error
    if wrong is not None:
        raise UserError(f"{path}, entry {wrong}: no image_id", REMEDY)
    return list(entries)


TEXTCAPS = Source("textcaps", TextCapsConfig, read_textcaps)
