"""A model written by hand as a plain method ends where the batched one does."""

import runpy

import numpy as np
import pytest
from scipy.stats import ttest_ind

from labs.project_copies import CHECKOUT
from labs.trainer import INLINE, METHOD, load, train_trials, write_digits
from latentlab.training.store import TrialStore

BENCHMARK = runpy.run_path(str(CHECKOUT / "benchmarks" / "plain_methods.py"))


@pytest.mark.parametrize("term", ["reconstruction", "kl", "classification"])
def test_terms_agree_within_what_seeds_give(both, term):
    batched, plain = (np.array(h[f"validation_{term}"]) for h in both)
    assert ttest_ind(batched[:, -1], plain[:, -1], equal_var=False).pvalue > 0.01
    # Epoch by epoch, within four standard errors.
    error = np.sqrt((batched.var(0, ddof=1) + plain.var(0, ddof=1)) / len(batched))
    assert (np.abs(batched.mean(0) - plain.mean(0)) < 4 * error).all()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Histories by score, [seeds, epochs], of the batched and of the plain form."""
    folder = tmp_path_factory.mktemp("agreement")
    prepared = write_digits(folder / "prepared")
    data, chosen = load(prepared), BENCHMARK["config"](epochs=6, hidden=64)
    found = []
    for method in (METHOD, BENCHMARK["PlainDerpVae"]()):
        store = TrialStore(folder / method.name)
        trials = BENCHMARK["planned"](method, 8, chosen, data.fingerprint)
        train_trials(method, trials, prepared, store, INLINE)
        histories = [store.history(trial.id) for trial in trials]
        found.append({name: [h[name] for h in histories] for name in histories[0]})
    return found
