"""Which scores know the values that they are means of."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from latentlab.metrics.example_mean import ExampleMean
from latentlab.metrics.metric import Metric


def assert_means_know_their_values(scores: Mapping[str, float], metrics: Sequence[Metric]) -> None:
    """Those that are declared, no others, and they are means of them."""
    known = {name: score for name, score in scores.items() if isinstance(score, ExampleMean)}
    assert set(known) == {m.name for m in metrics if m.per_example and m.name in scores}
    for name, score in known.items():
        assert np.nanmean(score.values, dtype=float) == pytest.approx(float(score), rel=1e-5), name
