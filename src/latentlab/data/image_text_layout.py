"""The row that holds a picture or a text: group 0 visual, group 1 text.

```
picture, channel by channel | tokens of the text | group
```
One sample is one such row of bytes, [1, 1, length]. A visual sample has no text (all tokens 0), a
text sample no picture (all pixels 0). So a data set of both is one array, and batches mix them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

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


class ImageTextLayout(BaseModel):
    """What an example consists of that is a picture or a text, in one row of numbers.

    The row holds the picture's numbers, the text's tokens, and the number of its group.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: tuple[int, int, int] = Field(
        description="channels, height, width of a picture; of features: their number, 1, 1"
    )
    text: int = Field(ge=1, description="tokens of a text")

    @property
    def pixels(self) -> int:
        """Numbers of a picture."""
        return math.prod(self.image)

    @property
    def length(self) -> int:
        """Numbers of a row."""
        return self.pixels + self.text + 1


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


def pictures(features: NDArray[np.uint8], parts: ImageTextLayout) -> NDArray[np.uint8]:
    """The pictures of rows, [n, 1, 1, length] to [n, channels, height, width]."""
    return features[:, 0, 0, : parts.pixels].reshape(-1, *parts.image)


def texts(features: NDArray[np.uint8], parts: ImageTextLayout) -> list[str]:
    """The texts of rows, [n, 1, 1, length], as far as they were kept."""
    return [decode(tokens) for tokens in features[:, 0, 0, parts.pixels : -1]]
