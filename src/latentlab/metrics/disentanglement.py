"""Whether single latent units follow single known factors.

Codes are numbers, one of each unit (as a rule posterior means); factors are whole numbers that are
known of each example, two or more of each factor. The scores agree only partly, and say nothing of
factors that are not among these (Locatello et al. 2019).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentlab.metrics.classification import confusion_table

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BINS = 20
"""Equal intervals that a unit's codes are counted in, as disentanglement_lib has it."""
TREES = 10
"""Of the forest that names a factor from the codes."""
LEAF = 0.01
"""Share of the examples in a leaf, at least: smaller leaves count what units say by chance.

With it, scores are near those by the boosted trees of disentanglement_lib, thirty times as fast.
"""
VOTES = 800
"""Votes that a score is fitted on, and as many that it is measured on."""
HELD = 64
"""Examples with one value of a factor, or pairs that share one, that a vote looks at."""
LEAST_VARIANCE = 0.05
"""Kim & Mnih 2018: units whose codes vary less do not vote."""


class Dci(NamedTuple):
    """Disentanglement, completeness and informativeness, each in 0..1."""

    disentanglement: float
    completeness: float
    informativeness: float


def mutual_information_gap(codes: Floats, factors: Integers) -> float:
    """Return MIG (Chen et al. 2018): the gap between a factor's two best units, mean over factors.

    In shares of the factor's entropy, with the mutual information of a unit's 20 equal bins.

    Args:
        codes: [examples, units], two units or more.
        factors: [examples, factors].
    """
    from sklearn.metrics import mutual_info_score

    edges = np.linspace(codes.min(0), codes.max(0), BINS + 1)[1:-1]
    binned = (codes[:, None] >= edges).sum(1)
    shared = [[mutual_info_score(unit, factor) for unit in binned.T] for factor in factors.T]
    entropies = [mutual_info_score(factor, factor) for factor in factors.T]
    return _mean_gap(np.array(shared) / np.array(entropies)[:, None])


def separated_predictability(
    codes: Floats, factors: Integers, classes: Collection[int] = ()
) -> float:
    """Return SAP (Kumar et al. 2018): the gap between a factor's two best units, mean over factors.

    Args:
        codes: [examples, units], two units or more.
        factors: [examples, factors].
        classes: columns of factors whose values have no order: a unit is then as good as the
            balanced accuracy of thresholds on it (a tree's), else as its squared correlation.
    """
    return _mean_gap(
        np.array(
            [
                _threshold_accuracies(codes, factor)
                if column in classes
                else _squared_correlations(codes, factor)
                for column, factor in enumerate(factors.T)
            ]
        )
    )


def dci(codes: Floats, factors: Integers, rng: np.random.Generator) -> Dci:
    """Return how units share factors (Eastwood & Williams 2018), by a forest for each factor.

    Args:
        codes: [examples, units], two units or more.
        factors: [examples, factors], two factors or more.
        rng: splits the examples in halves, to fit and to measure, and grows the trees.

    Returns:
        Disentanglement and completeness are 0 where no unit is of any importance: a unit's weight
        in the mean is then 0 / 0, and disentanglement_lib takes equal importances.
    """
    from sklearn.ensemble import RandomForestClassifier

    order = rng.permutation(len(codes))
    fitted, measured = order[: len(order) // 2], order[len(order) // 2 :]
    importances, accuracies = [], []
    for factor in factors.T:
        # All units at each split: a unit that carries nothing then gets nothing.
        forest = RandomForestClassifier(
            TREES,
            max_features=None,
            min_samples_leaf=LEAF,
            random_state=int(rng.integers(2**31)),
        ).fit(codes[fitted], factor[fitted])
        importances.append(forest.feature_importances_)
        accuracies.append(forest.score(codes[measured], factor[measured]))
    importance, accuracy = np.array(importances).T, float(np.mean(accuracies))
    if not importance.any():
        return Dci(0.0, 0.0, accuracy)
    return Dci(
        float(np.average(_concentration(importance), weights=importance.sum(1))),
        float(_concentration(importance.T).mean()),
        accuracy,
    )


def factor_vae_score(codes: Floats, factors: Integers, rng: np.random.Generator) -> float:
    """Return how often the unit that varies least tells which factor is held (Kim & Mnih 2018).

    Args:
        codes: [examples, units].
        factors: [examples, factors].
        rng: draws the votes.

    Returns:
        Share of votes; 0 where no unit is active, as disentanglement_lib has it.
    """
    variance = codes.var(0)
    active = np.flatnonzero(variance >= LEAST_VARIANCE)
    if not len(active):
        return 0.0
    scaled = codes[:, active] / np.sqrt(variance[active])

    def votes() -> tuple[Integers, Integers]:
        held = rng.integers(factors.shape[1], size=VOTES)
        return scaled[_alike(factors, held, HELD, rng)].var(1).argmin(1), held

    unit, held = votes()
    named = confusion_table(unit, held, max(len(active), factors.shape[1])).argmax(1)
    unit, held = votes()
    return float((named[unit] == held).mean())


def beta_vae_score(codes: Floats, factors: Integers, rng: np.random.Generator) -> float:
    """Return how often mean differences of pairs tell the factor they share (Higgins et al. 2017).

    Args:
        codes: [examples, units].
        factors: [examples, factors].
        rng: draws the pairs.
    """
    from sklearn.linear_model import LogisticRegression

    def votes() -> tuple[Floats, Integers]:
        held = rng.integers(factors.shape[1], size=VOTES)
        pairs = codes[_alike(factors, held.repeat(HELD), 2, rng)]
        return np.abs(pairs[:, 0] - pairs[:, 1]).reshape(VOTES, HELD, -1).mean(1), held

    classifier = LogisticRegression(max_iter=1000).fit(*votes())
    return float(classifier.score(*votes()))


def _mean_gap(scores: Floats) -> float:
    """Return the mean over rows of the largest less the second largest."""
    ordered = np.sort(scores, axis=1)
    return float((ordered[:, -1] - ordered[:, -2]).mean())


def _squared_correlations(codes: Floats, factor: Integers) -> Floats:
    """Return those of each unit with a factor, 0 where a unit is constant, [units]."""
    centred, aim = codes - codes.mean(0), factor - factor.mean()
    spread = (centred**2).sum(0) * (aim**2).sum()
    return np.divide((aim @ centred) ** 2, spread, out=np.zeros_like(spread), where=spread > 0)


def _threshold_accuracies(codes: Floats, factor: Integers) -> Floats:
    """Return how well as many intervals of each unit as there are values name them, [units]."""
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_leaf_nodes=len(np.unique(factor)), class_weight="balanced", random_state=0
    )
    units = [unit[:, None] for unit in codes.T]
    return np.array(
        [balanced_accuracy_score(factor, tree.fit(unit, factor).predict(unit)) for unit in units]
    )


def _concentration(importance: Floats) -> Floats:
    """Return 1 less the entropy of each row's shares, over its greatest; 0 for a row of zeros."""
    from scipy.stats import entropy

    totals = importance.sum(1, keepdims=True)
    shares = np.divide(
        importance, totals, out=np.full_like(importance, 1 / importance.shape[1]), where=totals > 0
    )
    return 1 - entropy(shares, axis=1) / np.log(importance.shape[1])


def _alike(factors: Integers, held: Integers, size: int, rng: np.random.Generator) -> Integers:
    """Return `size` examples with one value of the held factor for each of `held`, [held, size].

    The value is that of an example that is drawn, so that frequent values are held more often.
    """
    found = np.empty((len(held), size), dtype=np.int64)
    for factor in np.unique(held):
        rows = held == factor
        order = np.argsort(factors[:, factor], kind="stable")
        values = factors[order, factor]
        value = rng.choice(values, rows.sum())
        first, last = np.searchsorted(values, value), np.searchsorted(values, value, side="right")
        found[rows] = order[rng.integers(first[:, None], last[:, None], (len(value), size))]
    return found
