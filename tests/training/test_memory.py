"""How many trials at once: what one takes is counted in a real step."""

import os

import numpy as np
import pytest

from labs.trainer import CPU, trial
from latentlab.core.errors import UserError
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training import memory
from latentlab.training.cohort import BYTES_PER_WEIGHT
from latentlab.training.memory import bytes_per_trial, trials_in_memory

HIDDEN = 512


def taken(digits, batch, hidden=HIDDEN):
    one = trial(digits, model={"hidden": hidden}, training={"batch_size": batch})
    return bytes_per_trial(METHOD, one, digits, CPU)


def test_what_a_step_keeps_is_linear_in_the_batch(digits):
    small, middle, large = (taken(digits, batch) for batch in (100, 200, 300))
    assert large - middle == pytest.approx(middle - small, rel=1e-3)
    # At the least the encoder's and the decoder's hidden layer, as float32.
    assert middle - small >= 100 * (HIDDEN + HIDDEN // 2) * 4


def test_every_weight_counts(digits):
    wide, narrow = (taken(digits, 8, hidden) for hidden in (HIDDEN, HIDDEN // 2))
    more = sum(
        sign * parameter.numel()
        for sign, hidden in ((1, HIDDEN), (-1, HIDDEN // 2))
        for parameter in _model(digits, hidden).parameters()
    )
    # Reverse passes read most of the weights: they are stored once more, as one matrix.
    assert BYTES_PER_WEIGHT * more <= wide - narrow <= (BYTES_PER_WEIGHT + 8) * more


def _model(digits, hidden):
    one = trial(digits, model={"hidden": hidden})
    return METHOD.build(one.config, digits.spec, np.random.default_rng(0))


def test_half_of_the_memory_is_for_trials(digits, monkeypatch):
    everything = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for taken_by_one, trials in ((everything // 20, 10), (everything, 1)):
        monkeypatch.setattr(memory, "bytes_per_trial", lambda *of_a_trial, it=taken_by_one: it)
        assert trials_in_memory(METHOD, trial(digits), digits, CPU) == trials


def test_a_trial_that_the_memory_does_not_hold_is_refused(digits, monkeypatch):
    monkeypatch.setattr(memory, "bytes_per_trial", lambda *of_a_trial: 10**15)
    with pytest.raises(UserError, match=r"arm standard takes 1,000,000\.0 GB"):
        trials_in_memory(METHOD, trial(digits), digits, CPU)
