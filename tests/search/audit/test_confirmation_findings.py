"""What is said of a winner and the default on fresh seeds."""

import numpy as np
import pandas as pd
import pytest

from labs.sweep_tables import MIXED, random_rows, sweep_table
from latentlab.search.audit.confirmation import confirmation_findings


def sweep(seeds):
    runs = [{"configuration": 0, "seed": seed, "state": "complete", "score": 1.0} for seed in seeds]
    rows = random_rows(MIXED, 1, 0)
    return sweep_table(MIXED, rows, [1.0], replicates=pd.DataFrame(runs))


def by_seed(winner_lost, default_lost, first=2000):
    table = pd.DataFrame({"seed": range(first, first + 10), "winner": 0.8, "default": 0.7})
    table.loc[: winner_lost - 1, "winner"] = np.nan
    table.loc[: default_lost - 1, "default"] = np.nan
    return table


@pytest.mark.parametrize(
    ("winner", "default", "severity"), [(6, 0, "error"), (1, 1, "warning"), (0, 2, "warning")]
)
def test_losses_on_fresh_seeds(winner, default, severity):
    (found,) = confirmation_findings(sweep([1, 2]), by_seed(winner, default))
    assert (found.rule, found.severity) == ("D27", severity)
    assert f"lost {winner} of 10 times" in found.text
    if winner == 6:
        assert "Fisher's exact p .011" in found.text


def test_a_clean_confirmation_has_no_finding_and_shared_seeds_are_named():
    assert confirmation_findings(sweep([1, 2]), by_seed(0, 0)) == []
    (found,) = confirmation_findings(sweep([2000, 2001, 5]), by_seed(0, 0))
    assert (found.rule, found.severity, found.rows) == ("D20", "error", "seed 2000, 2001")
