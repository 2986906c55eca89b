"""Exact copies among examples: kept on one side of a split made here, counted wherever they are.

An example of the test split that is also trained on is scored from memory. Where the split is made
here, copies stay together; where it is given, by a publisher or by a generator that draws each
example anew, the data card says how many there are.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latentlab.data.prepared import Prepared, Split
from latentlab.data.splitting import stratified_split

logger = logging.getLogger(__name__)

ORDER = ("train", "validation", "test")
"""Splits by how early a study sees them."""


def leaders_of(contents: Iterable[Hashable]) -> NDArray[np.intp]:
    """For each of n contents the position of the first that equals it, [n]."""
    first: dict[Hashable, int] = {}
    found = [first.setdefault(content, place) for place, content in enumerate(contents)]
    return np.array(found, dtype=np.intp)


def linked_leaders(keys: Sequence[Iterable[Hashable]]) -> NDArray[np.intp]:
    """For each of n objects the position of the first that it is linked to, [n].

    Two objects are linked if they share a key, or if both are linked to a third.
    """
    parent = list(range(len(keys)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    first: dict[Hashable, int] = {}
    for place, own in enumerate(keys):
        for key in own:
            one, other = sorted((root(place), root(first.setdefault(key, place))))
            parent[other] = one
    return np.array([root(place) for place in range(len(keys))], dtype=np.intp)


def digests(split: Split) -> list[bytes]:
    """A digest of each example's features, [n]."""
    return [
        hashlib.blake2b(example, digest_size=16).digest()
        for chunk in split.chunks()
        for example in chunk
    ]


def hold_out(
    features: NDArray[np.generic], labels: NDArray[np.int64], fraction: float, seed: int
) -> dict[str, Split]:
    """Training and test split, stratified by the labels; copies of an example stay together.

    Args:
        features: all examples, [n, channels, height, width].
        labels: int64 [n]; copies go where the label of the first of them leads.
        fraction: share of the test split, in (0, 1), of the examples that differ.
        seed: decides which examples it gets.
    """
    everything = Split(features, labels)
    leaders = leaders_of(digests(everything))
    own = np.flatnonzero(leaders == np.arange(len(leaders)))
    rng = np.random.Generator(np.random.PCG64(seed))
    chosen = own[stratified_split(labels[own], fraction, rng)[1]]
    held_out = np.isin(leaders, chosen)
    return {
        "train": everything.take(np.flatnonzero(~held_out)),
        "test": everything.take(np.flatnonzero(held_out)),
    }


def contents(splits: Mapping[str, Split]) -> dict[str, list[bytes]]:
    """The digests of each split's examples, splits in the order in which a study sees them."""
    return {name: digests(splits[name]) for name in ORDER if name in splits}


def across(found: Mapping[str, Sequence[bytes]]) -> list[str]:
    """For each two splits with contents in common a phrase that says how many; often none."""
    phrases = []
    for place, (later, own) in enumerate(found.items()):
        for earlier, others in list(found.items())[:place]:
            known = set(others)
            count = sum(content in known for content in own)
            if count:
                phrases.append(f"{count} of {len(own)} {later} examples are in {earlier}")
    return phrases


def within(found: Mapping[str, Sequence[bytes]]) -> list[str]:
    """For each split that repeats contents of its own a phrase that says how many."""
    extra = {name: len(own) - len(set(own)) for name, own in found.items()}
    return [f"{n} {name} examples repeat others of {name}" for name, n in extra.items() if n]


def with_copies_counted(prepared: Prepared) -> Prepared:
    """The data set, with a note in its origin on examples that are there more than once."""
    found = contents(prepared.splits)
    phrases = across(found) + within(found)
    if not phrases:
        return prepared
    logger.info("%s: %s", prepared.schema.name, ", ".join(phrases))
    return replace(prepared, origin=f"{prepared.origin}; {', '.join(phrases)}")
