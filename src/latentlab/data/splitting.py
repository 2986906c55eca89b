"""Stratified parts of a data set: a validation split, and small subsets for smoke runs.

Both keep the classes' proportions by the method of largest remainders: sizes depend on the class
counts alone, never on a random number, so every seed gets parts of equal size.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.data.prepared import Split


def stratified_split(
    labels: NDArray[np.int64], fraction: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose a stratified part of a split that is held out, such as the validation split.

    Args:
        labels: class numbers, [n].
        fraction: share of examples that are held out, in (0, 1).
        rng: decides which examples are chosen; the sizes do not depend on it.

    Returns:
        Sorted positions of the part that stays and of the one held out. Together they are 0..n-1,
        and both hold every class; the latter has `round(fraction * n)` examples, or the nearest
        number that leaves every class one example in both parts.

    Raises:
        UserError: a fraction outside (0, 1), or a class with fewer than two examples.
    """
    if not 0 < fraction < 1:
        raise UserError(
            f"A validation fraction of {fraction} leaves no examples in one of the two parts",
            "Set a fraction between 0 and 1.",
        )
    classes, counts = np.unique(labels, return_counts=True)
    if len(counts) == 0 or counts.min() < 2:
        what = "no examples" if len(counts) == 0 else f"one example of class {classes[counts < 2]}"
        raise UserError(
            f"The training split has {what}, which cannot be in two parts",
            "Use more examples: a larger `subset`, or none.",
        )
    n, k = len(labels), len(classes)
    total = min(max(round(fraction * n), k), n - k)
    sizes = apportion(counts, total, counts - 1)
    chosen = np.zeros(n, dtype=bool)
    for label, size in zip(classes, sizes, strict=True):
        chosen[rng.permutation(np.flatnonzero(labels == label))[:size]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def stratified_subset(labels: NDArray[np.int64], examples: int) -> NDArray[np.intp]:
    """Choose a stratified subset without randomness.

    Within each class the chosen examples are evenly spaced over the data set's own order, because
    that order may carry meaning (the first half of MNIST's test split is the cleaner half).

    Args:
        labels: class numbers, [n].
        examples: size of the subset; n or more takes all.

    Returns:
        Sorted positions, [min(examples, n)]; every class is among them.

    Raises:
        UserError: fewer examples than classes.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if examples >= len(labels):
        return np.arange(len(labels))
    if examples < len(classes):
        raise UserError(
            f"A subset of {examples} examples cannot hold all {len(classes)} classes",
            f"Set `subset` to at least {len(classes)}, better several times that.",
        )
    chosen = []
    for label, size in zip(classes, apportion(counts, examples, counts), strict=True):
        members = np.flatnonzero(labels == label)
        chosen.append(members[(2 * np.arange(size) + 1) * len(members) // (2 * size)])
    return np.sort(np.concatenate(chosen))


def subset_positions(
    labels: Mapping[str, NDArray[np.int64]], examples: int | None
) -> dict[str, NDArray[np.intp]]:
    """Positions of a subset: `examples` for training, the other splits in proportion.

    Args:
        labels: class numbers per split, among them `train`.
        examples: size of the training subset; None takes everything.

    Returns:
        Sorted positions per split.
    """
    if examples is None:
        return {name: np.arange(len(values)) for name, values in labels.items()}
    share = min(1.0, examples / max(1, len(labels["train"])))
    sizes = {
        name: max(round(share * len(values)), len(np.unique(values)))
        for name, values in labels.items()
    }
    # A training subset smaller than the number of classes is a mistake, not something to round up.
    sizes["train"] = examples
    return {name: stratified_subset(values, sizes[name]) for name, values in labels.items()}


def subset(splits: Mapping[str, Split], examples: int | None) -> dict[str, Split]:
    """Splits reduced to `subset_positions`; unchanged, without a copy, when `examples` is None."""
    if examples is None:
        return dict(splits)
    positions = subset_positions({name: s.labels for name, s in splits.items()}, examples)
    return {name: split.take(positions[name]) for name, split in splits.items()}


def apportion(counts: NDArray[np.intp], total: int, most: NDArray[np.intp]) -> NDArray[np.intp]:
    """Divide `total` among classes in proportion to `counts`, by largest remainders.

    Args:
        counts: examples per class, [k], all positive.
        total: examples to hand out, between k and the sum of `most`.
        most: upper bounds per class, [k], at least 1; the lower bound is 1.

    Returns:
        Whole numbers that sum to `total`, [k]. Ties go to the lower class number.
    """
    n = int(counts.sum())
    # In units of 1/n everything is a whole number, so no rounding differs between platforms.
    quota = counts.astype(np.int64) * total
    share = np.clip(quota // n, 1, most)
    while share.sum() != total:
        step = 1 if share.sum() < total else -1
        allowed = share < most if step > 0 else share > 1
        need = np.where(allowed, step * (quota - share * n), np.iinfo(np.int64).min)
        share[np.argmax(need)] += step
    return share
