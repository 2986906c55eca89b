"""Times of plans, of trainings that end before they could be timed too."""

import pytest

from labs.trainer import CPU, trial
from latentlab.compute import ExecutionPlan
from latentlab.studies.derp_vae.method import METHOD, DerpVaeMethod
from latentlab.training.plan_timing import Probe, time_plan


class Diverges(DerpVaeMethod):
    def loss(self, model, batch, hyper, noise, state, clock):
        total, terms, state = super().loss(model, batch, hyper, noise, state, clock)
        return total * float("nan"), terms, state


@pytest.mark.parametrize("method", [METHOD, Diverges()])
def test_short_and_diverging_trainings_are_timed_too(digits, method):
    """Else a plan under which the first trials end at once would seem infinitely fast."""
    group = [trial(digits, s, training={"epochs": 1, "batch_size": 1000}) for s in range(2)]
    timing = time_plan(Probe(method, tuple(group), ExecutionPlan(2), 0.05), digits, CPU)
    assert 1e-5 < timing.step < 1
    assert timing.start > 0
