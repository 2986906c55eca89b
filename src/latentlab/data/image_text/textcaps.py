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
from typing import Literal

from pydantic import BaseModel, Field

from latentlab.core.errors import UserError
from latentlab.core.validation import validate
from latentlab.data.image_text.files import (
    ImageTextFilesConfig,
    Item,
    read_objects,
)
from latentlab.data.io.text import read_utf8
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


class _Entry(BaseModel):
    """A caption, or an image with its words; other keys are not read."""

    image_id: str | int
    caption_id: str | int | None = None
    caption_str: str | list[str] | None = None
    reference_strs: str | list[str] | None = None
    image_classes: list[str] | None = None
    ocr_tokens: list[str] | None = None

    @property
    def image(self) -> str:
        """The image, as files and other entries name it."""
        return str(self.image_id)

    @property
    def label(self) -> str:
        """The first of its classes; empty where it has none."""
        return self.image_classes[0].strip() if self.image_classes else ""

    @property
    def caption(self) -> str:
        """The first caption; some copies have all of them under either name."""
        given = self.caption_str or self.reference_strs or ""
        return given if isinstance(given, str) else given[0]


class _File(BaseModel):
    data: list[_Entry]


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
        f"Files of TextCaps 0.1 (Sidorov et al. 2020), train and val as test, text {config.text}, "
        f"the {len(classes)} most frequent of {len(ranked)} classes of train; of other classes "
        f"{others['train']} images of train and {others['test']} of test"
    )
    return read_objects(
        "textcaps", chosen, classes, folder / IMAGES, folder / ".decoded", config, origin
    )


def _items(folder: Path, split: str, text: str) -> list[Item]:
    """One item for each image, from the first of its entries."""
    path = folder / FILES[split]
    first: dict[str, _Entry] = {}
    captions: set[str | int] = set()
    for number, entry in enumerate(_entries(path)):
        image, caption = entry.image, entry.caption_id
        if caption in captions or (caption is None and image in first):
            what = f"image {image}" if caption is None else f"caption {caption}"
            raise UserError(f"{path}, entry {number}: {what} is there twice", REMEDY)
        if caption is not None:
            captions.add(caption)
        label = first.setdefault(image, entry).label
        if entry.label != label:
            labels = f"two labels, '{label}' and '{entry.label}'"
            raise UserError(f"{path}, entry {number}: image {image} has {labels}", REMEDY)
    words = _words(folder, split, first) if text == "ocr" else {}
    return [
        Item(
            image,
            entry.label,
            f"{image}.jpg",
            words.get(image, "") if text == "ocr" else entry.caption,
        )
        for image, entry in first.items()
    ]


def _words(folder: Path, split: str, entries: dict[str, _Entry]) -> dict[str, str]:
    """The recognised words of each image, from its own entry or from the file of words."""
    own = {image: e.ocr_tokens for image, e in entries.items() if e.ocr_tokens is not None}
    if not own:
        own = {entry.image: entry.ocr_tokens or [] for entry in _entries(folder / WORDS[split])}
    return {image: " ".join(tokens) for image, tokens in own.items()}


def _entries(path: Path) -> list[_Entry]:
    try:
        content = json.loads(read_utf8(path, REMEDY))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not of TextCaps' form: {error}", REMEDY) from error
    return validate(_File, content, f"{path} is not of TextCaps' form", REMEDY).data


TEXTCAPS = Source("textcaps", TextCapsConfig, read_textcaps)
