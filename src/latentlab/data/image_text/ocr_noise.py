"""Words as a poor scanner would read them."""

from __future__ import annotations

from bisect import bisect

import numpy as np

LOOK_ALIKES = {
    **{"e": "co", "f": "t", "g": "9qy", "h": "bn", "i": "1lj!", "n": "mhr", "o": "0ce", "r": "nv"},
    **{"s": "5z", "t": "fl", "u": "vn", "v": "uy", "w": "vu", "x": "ky", "z": "2s"},
    **{"E": "f83", "F": "ep", "G": "6c", "H": "nk", "I": "1lt!", "N": "hm", "O": "0qd", "R": "kpb"},
    **{"S": "58", "T": "17i", "U": "vo", "V": "yu", "W": "vm", "X": "ky", "Z": "27"},
}
"""What a letter is taken for; a capital for other characters than a small letter."""
SPECKS = ".,-'"
"""What dirt on the paper is taken for."""
_SUBSTITUTE, _DELETE, _INSERT, _SWAP = range(4)
_BOUNDS = (0.4, 0.8, 0.9)
"""Of a uniform number that decides between the four."""


def add_ocr_noise(word: str, rate: float, rng: np.random.Generator) -> str:
    """A word with errors, in lower case.

    Each letter is a capital with probability `rate / 2`, and with probability `rate` one of four
    things happens to it: it is taken for a look-alike or is lost (.4 each), has a speck behind it
    or changes places with the letter that follows (.1 each).

    Args:
        word: small letters that `LOOK_ALIKES` knows.
        rate: probability of an error per letter, in [0, 1].
        rng: draws the errors.

    Returns:
        At most twice as many characters as `word`, and at least one.
    """
    read: list[str] = []
    waiting = ""
    for small in word:
        letter = small.upper() if rng.random() < rate / 2 else small
        fate = rng.random()
        event = bisect(_BOUNDS, fate / rate) if fate < rate else None
        if event == _SWAP and not waiting:
            waiting = letter
            continue
        if event == _SUBSTITUTE:
            read.append(_one_of(LOOK_ALIKES[letter], rng))
        elif event == _INSERT:
            read += [letter, _one_of(SPECKS, rng)]
        elif event != _DELETE:
            read.append(letter)
        if waiting:
            read.append(waiting)
            waiting = ""
    read.append(waiting)
    return "".join(read).lower() or word[0]


def _one_of(characters: str, rng: np.random.Generator) -> str:
    return characters[rng.integers(len(characters))]
