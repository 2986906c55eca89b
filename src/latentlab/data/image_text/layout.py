"""Pictures and texts of the same classes, each a sample of its own: group 0 visual, group 1 text.

```
picture, channel by channel | tokens of the text | group
```
One sample is one such row of bytes, [1, 1, length]. A visual sample has no text (all tokens 0), a
text sample no picture (all pixels 0). So a data set of both is one array, and batches mix them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.data.prepared import Parts, Prepared, Schema, Split
from latentlab.data.splitting import carve_validation

GROUPS = ("visual", "text")
VISUAL, TEXT = range(2)

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 .,!?-'\""
"""Token k + 1 is character k."""
PAD = 0
"""The token behind a text's end, and of every character outside the alphabet."""
VOCABULARY = len(ALPHABET) + 1
"""Tokens, with the padding."""

_TOKENS = {character: token for token, character in enumerate(ALPHABET, 1)}
SCALE = 255.0


@dataclass(frozen=True)
class Record:
    """One object of a data set: up to two samples of the same class.

    Attributes:
        id: unique in the data set.
        label: name of its class.
        image: uint8 [channels, height, width]; None where it has none.
        text: with at least one character of the alphabet; None where it has none.
    """

    id: str
    label: str
    image: NDArray[np.uint8] | None
    text: str | None


def tidy(text: str, length: int) -> str | None:
    """The first `length` characters of a text in lower case and with single spaces.

    None where the alphabet has nothing of them: such a text cannot be told from padding.
    """
    kept = " ".join(text.lower().split())[:length]
    return kept if any(c in _TOKENS for c in kept if c != " ") else None


def encode(text: str, length: int) -> NDArray[np.uint8]:
    """The tokens of a tidy text, uint8 [length], padded behind its end."""
    tokens = np.full(length, PAD, dtype=np.uint8)
    known = [_TOKENS.get(character, PAD) for character in text]
    tokens[: len(known)] = known
    return tokens


def decode(tokens: NDArray[np.uint8]) -> str:
    """The text of tokens, [length], as far as its last known character; `#` for unknown ones."""
    end = 1 + int(np.flatnonzero(tokens)[-1]) if tokens.any() else 0
    return "".join("#" if token == PAD else ALPHABET[token - 1] for token in tokens[:end])


def group_numbers(features: NDArray[Any]) -> NDArray[np.int64]:
    """The group of each row, [n, 1, 1, length] to [n]."""
    return features[:, 0, 0, -1].astype(np.int64)


def pictures(features: NDArray[np.uint8], parts: Parts) -> NDArray[np.uint8]:
    """The pictures of rows, [n, 1, 1, length] to [n, channels, height, width]."""
    return features[:, 0, 0, : parts.pixels].reshape(-1, *parts.image)


def texts(features: NDArray[np.uint8], parts: Parts) -> list[str]:
    """The texts of rows, [n, 1, 1, length], as far as they were kept."""
    return [decode(tokens) for tokens in features[:, 0, 0, parts.pixels : -1]]


def pack(records: Sequence[Record], classes: Sequence[str], parts: Parts) -> Split:
    """A visual sample of each picture and a text sample of each text, object by object."""
    numbers = {name: number for number, name in enumerate(classes)}
    count = sum((one.image is not None) + (one.text is not None) for one in records)
    # Pages of zeros that nothing writes to, which most of a text sample is, take no memory.
    features = np.zeros((count, 1, 1, parts.length), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)
    place = 0
    for record in records:
        if record.image is not None:
            features[place, 0, 0, : parts.pixels] = record.image.ravel()
            labels[place] = numbers[record.label]
            place += 1
        if record.text is not None:
            features[place, 0, 0, parts.pixels : -1] = encode(record.text, parts.text)
            features[place, 0, 0, -1] = TEXT
            labels[place] = numbers[record.label]
            place += 1
    return Split(features, labels)


def prepared_samples(
    name: str,
    records: Mapping[str, Sequence[Record]],
    classes: Sequence[str],
    parts: Parts,
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
    strata: Sequence[tuple[object, ...]], fraction: float, seed: int
) -> dict[str, NDArray[np.intp]]:
    """Which objects are for training and which for test: both samples of one in the same split.

    Args:
        strata: of each object what it is stratified by.
        fraction: share of the test split, in (0, 1).
        seed: decides which objects it gets.

    Returns:
        Sorted positions of `train` and `test`. An object alone in its stratum is for training.

    Raises:
        UserError: all of them are.
    """
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(strata))}
    codes = np.array([kinds[kind] for kind in strata], dtype=np.int64)
    shared = np.flatnonzero(np.bincount(codes)[codes] > 1)
    if len(shared) == 0:
        raise UserError(
            "No class has two objects, of which one could be held out",
            "Use more objects, or say which are for training and which for test.",
        )
    rng = np.random.Generator(np.random.PCG64(seed))
    test = shared[carve_validation(codes[shared], fraction, rng)[1]]
    return {"train": np.setdiff1d(np.arange(len(codes)), test), "test": test}
