"""Distances between samples and real examples: against closed forms, enumeration and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.metrics.sample_quality import frechet_distance, kernel_distance, precision_recall


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def standard(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Numbers whose mean is exactly 0 and whose covariance is exactly I."""
    found = rng.normal(size=shape)
    found -= found.mean(0)
    return found @ np.linalg.inv(np.linalg.cholesky(np.cov(found.T))).T


def test_frechet_equals_the_distance_of_gaussians(rng: np.random.Generator) -> None:
    one, other = standard(rng, (300, 3)), standard(rng, (200, 3))
    deviations = np.array([0.5, 2.0, 3.0])
    # Variances along the same axes: the distance is that of means and of deviations.
    assert frechet_distance(one + 2, other * deviations) == pytest.approx(
        3 * 2**2 + ((1 - deviations) ** 2).sum()
    )
    root = rng.normal(size=(3, 3))
    values = np.linalg.eigvalsh(root @ root.T)
    assert frechet_distance(one, other @ root.T) == pytest.approx(
        ((1 - np.sqrt(values)) ** 2).sum()
    )


def test_frechet_of_the_same_is_nothing_with_more_features_than_examples(
    rng: np.random.Generator,
) -> None:
    features = rng.normal(size=(5, 20))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)


def test_kernel_distance_equals_enumeration(rng: np.random.Generator) -> None:
    real, generated = rng.normal(size=(6, 2)), rng.normal(size=(4, 2))

    def kernel(one: np.ndarray, other: np.ndarray) -> float:
        return float((one @ other / 2 + 1) ** 3)

    def mean(pairs: list[float]) -> float:
        return sum(pairs) / len(pairs)

    within = [
        mean([kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
        for x in (real, generated)
    ]
    between = mean([kernel(a, b) for a in real for b in generated])
    assert kernel_distance(real, generated) == pytest.approx(sum(within) - 2 * between)


def test_kernel_distance_is_unbiased(rng: np.random.Generator) -> None:
    same = [kernel_distance(*rng.normal(size=(2, 20, 3))) for _ in range(2000)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(2000)
    # With one feature (x y + 1)^3 compares the first three moments.
    apart = [
        kernel_distance(rng.normal(size=(20, 1)), rng.normal(size=(20, 1)) + 1) for _ in range(2000)
    ]
    # Their gaps are 1, 1 and 4, with weights 3, 3 and 1.
    assert np.mean(apart) == pytest.approx(3 + 3 + 16, abs=4 * np.std(apart) / np.sqrt(2000))


def test_precision_and_recall_equal_enumeration(rng: np.random.Generator) -> None:
    real, generated = rng.normal(size=(40, 2)), rng.normal(size=(30, 2)) * 0.5 + 0.7

    def inside(point: np.ndarray, centres: np.ndarray) -> bool:
        for centre in centres:
            radius = sorted(np.linalg.norm(centres - centre, axis=1))[3]
            if np.linalg.norm(point - centre) <= radius:
                return True
        return False

    found = precision_recall(real, generated, 3)
    assert found.precision == np.mean([inside(point, real) for point in generated])
    assert found.recall.values.tolist() == [inside(point, generated) for point in real]
    assert found.recall == pytest.approx(found.recall.values.mean())
    assert 0 < found.recall < found.precision


def test_a_model_that_repeats_one_example_has_precision_alone(rng: np.random.Generator) -> None:
    real = rng.normal(size=(100, 2))
    found = precision_recall(real, real[[7] * 50])
    assert (found.precision, found.recall) == (1, 0.01)
