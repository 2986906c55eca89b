"""How often a study at its boundaries gives some verdict: at most alpha in each direction."""

import numpy as np
import pytest

from latentlab.evidence.decisions import decide, location_evidence
from latentlab.evidence.margins import Boundary
from latentlab.statistics.attainable import smallest_p

STUDIES = 20_000
AT_THE_BOUNDARY = [
    # claim, delta or margin, true effect
    ("superiority", 0.5, 0.5),
    ("superiority", 0.0, 0.0),
    ("non_inferiority", 0.5, -0.5),
    ("equivalence", 0.5, 0.5),
    ("equivalence", 0.5, -0.5),
    # A margin of several standard errors: one of the two tests decides alone.
    ("equivalence", 9.0, 9.0),
    ("equivalence", 9.0, -9.0),
    # Hardly any margin: both sides of it can refute.
    ("equivalence", 1e-9, 0.0),
]


def rates(comparison, boundary, effect, *, n, members, test="paired_t", studies=STUDIES):
    """Share of studies with any supported, any refuted, and the same per hypothesis, uncorrected.

    Arms share the noise of their seed, as paired seeds do.
    """
    rng = np.random.default_rng([n, members])
    shape = (studies * members, n)
    seed_effect = rng.normal(size=shape)
    control = 5.0 + seed_effect + rng.normal(size=shape)
    treatment = 5.0 + seed_effect + rng.normal(size=shape) + effect
    p = [
        side.reshape(studies, members)
        for side in location_evidence(comparison, test, treatment, control, boundary)
    ]
    found = []
    for correction in ("holm", "none"):
        verdict = decide(
            *p,
            alpha=0.05,
            correction=correction,
            attainable=np.full(members, smallest_p(test, n, n)),
            enough_seeds=np.full(members, True),
        ).verdict
        for value in ("supported", "refuted"):
            hits = verdict == value
            found.append(hits.any(axis=1).mean() if correction == "holm" else hits.mean())
    return found


@pytest.mark.parametrize("members", [1, 4])
@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize(("claim", "size", "effect"), AT_THE_BOUNDARY)
def test_a_claim_at_its_boundary(claim, size, effect, n, members):
    for share in rates(claim, Boundary(size), effect, n=n, members=members):
        assert share <= 0.055


@pytest.mark.parametrize("n", [5, 10])
def test_a_relative_margin_at_its_boundary(n):
    # The control's mean is 5 and its standard deviation 1.4: the margin is random.
    for share in rates("non_inferiority", Boundary(0.1, relative=True), -0.5, n=n, members=1):
        assert 0.045 <= share <= 0.055


@pytest.mark.parametrize("test", ["sign_flip", "wilcoxon", "welch_t", "mann_whitney"])
def test_other_tests_at_no_effect(test):
    for share in rates("superiority", Boundary(0.0), 0.0, n=6, members=1, test=test, studies=4_000):
        assert share <= 0.06


def test_alpha_is_spent_and_not_saved():
    # Null, n = 5, 4,000 draws: .05 within .01.
    supported, refuted, *_ = rates("superiority", Boundary(0.0), 0.0, n=5, members=1, studies=4_000)
    assert supported == pytest.approx(0.05, abs=0.01)
    assert refuted == pytest.approx(0.05, abs=0.01)


def test_without_correction_a_family_of_four_errs_three_times_as_often():
    rng = np.random.default_rng(0)
    control, treatment = rng.normal(size=(2, 40_000, 5))
    p = [
        side.reshape(10_000, 4)
        for side in location_evidence("superiority", "paired_t", treatment, control, Boundary(0.0))
    ]
    rule = {"alpha": 0.05, "attainable": np.zeros(4), "enough_seeds": np.full(4, True)}
    free = decide(*p, correction="none", **rule).verdict
    held = decide(*p, correction="holm", **rule).verdict
    assert (free == "refuted").any(axis=1).mean() == pytest.approx(1 - 0.95**4, abs=0.012)
    assert (held == "refuted").any(axis=1).mean() <= 0.055


def test_a_true_effect_is_found_as_often_as_the_plan_says():
    from latentlab.statistics.power import power

    supported, *_ = rates("superiority", Boundary(0.5), 2.0, n=8, members=1, studies=4_000)
    planned = power(1.5 / np.sqrt(2), 8, 0.05, paired=True)
    assert supported == pytest.approx(planned, abs=0.03)
