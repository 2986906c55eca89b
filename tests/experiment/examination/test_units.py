"""What is measured of one model: against scikit-learn and by cases that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from latentlab.experiment.examination.units import (
    effective_dimensions,
    expected_units,
    units_of,
)


@pytest.mark.parametrize("examples", [20, 200])
def test_effective_dimensions_follow_from_principal_components(examples: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples, 50)) * rng.exponential(size=50)
    variances = PCA().fit(x).explained_variance_
    expected = variances.sum() ** 2 / np.square(variances).sum()
    found = effective_dimensions(torch.from_numpy(x).unflatten(1, (2, 5, 5)))
    assert found == pytest.approx(expected)


def test_directions_that_vary_alike_are_counted() -> None:
    corners = torch.cat([torch.eye(3), -torch.eye(3)])
    assert effective_dimensions(torch.nn.functional.pad(corners, (0, 7))) == pytest.approx(3)


def test_the_data_call_for_no_more_units_than_there_are() -> None:
    assert [expected_units(latent, 13.2) for latent in (2, 64)] == [2, 13.2]


class OneUnitOn:
    """Its first unit says where x is, its second nothing, whatever the chunk."""

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = torch.stack([x.flatten(1).sum(1), torch.full((len(x),), 3.0)], dim=1)
        return mean, torch.zeros_like(mean)


def test_a_unit_is_on_where_its_mean_varies() -> None:
    x = torch.randn(5000, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    found = units_of(OneUnitOn(), x)
    assert found.on.tolist() == [True, False]
    assert found.graded == pytest.approx(1, abs=0.01)
    assert found.kl[1] == pytest.approx(4.5)
    assert found.information[1] == 0
