"""One corrected family of all gates: Westfall and Young's step-down maximum.

There is one gate for each parameter. The sweep is one study among studies of noise; what is rare
among them is rare by chance under this sampler, in this space, with this many configurations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentlab.core.arrays import Array

_TAIL = 0.9
"""Quantile of the evidence above which its tail is taken to be exponential."""


@dataclass(frozen=True)
class Family:
    """P-values of all gates.

    Attributes:
        p: share of all studies, the sweep among them, with at least the sweep's evidence, [gates].
        corrected: step-down p-values of the family, [gates].
        surprise: the sweep's evidence on the scale that all gates share, [gates].
        largest: surprise of the strongest gate of each study, the sweep first, [1 + studies].
    """

    p: Array
    corrected: Array
    surprise: Array
    largest: Array

    def needed(self, alpha: float) -> float:
        """The surprise that opens the strongest gate; infinite where there are too few studies."""
        studies = len(self.largest)
        above = int(np.floor(alpha * studies + 1e-9)) - 1
        if above < 0:
            return float("inf")
        # With the sweep itself, at most `alpha` of all studies may be as strong.
        return float(np.sort(self.largest[1:])[::-1][above]) if above < studies - 1 else 0.0


def corrected_family(evidence: Array) -> Family:
    """Compare the sweep with studies of noise, all gates together.

    Evidence of different gates is brought to one scale: minus the logarithm of its share among the
    studies, continued above the 90th percentile by an exponential tail. The corrected p-value
    of the strongest gate is the share of studies whose strongest gate is at least as strong; that
    of the next one leaves the first out, and so on (Westfall & Young 1993). All studies, the sweep
    among them, set the scale; where no parameter matters they can be exchanged, so that the chance
    of any corrected p of at most alpha is at most alpha, for any number of studies.

    Args:
        evidence: larger is stronger; the sweep first, then the studies of noise,
            [1 + studies, gates].
    """
    surprise = np.stack([_surprise(column) for column in evidence.T], axis=1)
    observed = surprise[0]
    order = np.argsort(-observed, kind="stable")
    # Largest surprise among the gates from each place of the order on.
    largest = np.maximum.accumulate(surprise[:, order[::-1]], axis=1)[:, ::-1]
    stepped = np.maximum.accumulate((largest >= observed[order]).mean(axis=0))
    corrected = np.empty_like(stepped)
    corrected[order] = stepped
    return Family((evidence >= evidence[0]).mean(axis=0), corrected, observed, largest[:, 0])


def _surprise(evidence: Array) -> Array:
    """Minus the logarithm of the share of studies with at least this evidence, [studies]."""
    ascending = np.sort(evidence)
    share = 1 - np.searchsorted(ascending, evidence, side="left") / len(evidence)
    start = float(np.quantile(evidence, _TAIL, method="higher"))
    beyond = evidence[evidence > start] - start
    if len(beyond) == 0:
        return np.asarray(-np.log(share))
    # The median of an exponential tail gives its scale, and one far study does not move it. A
    # textbook p-value of independent rows has scale 1; a shorter tail is not believed.
    scale = max(float(np.median(beyond)) / np.log(2), 1.0)
    at_start = (evidence >= start).mean()
    return np.where(
        evidence > start, -np.log(at_start) + (evidence - start) / scale, -np.log(share)
    )
