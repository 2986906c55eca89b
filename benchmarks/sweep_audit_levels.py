"""How often the audit warns of clean sweeps, by rule.

    python benchmarks/sweep_audit_levels.py [--sweeps 200] [--tables 500]

Sweeps are asked for by the engine (random, quasi-random) in a space like that of a classifier, or
drawn with repeats from a few choices; their scores are a formula with noise. By turns: nothing
matters, or one setting does; noise is normal, skewed, or has heavy tails; scores are exact or
rounded to two or three decimals, so that replicates tie; three seeds are known, or single runs;
one configuration in twenty fails, whatever it is. Printed are the sweeps with a finding of each
severity, by rule. Then tables of true replicates, three of each of 20 configurations, in which some
value is called a copy.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd

from latentlab.core.arrays import Array
from latentlab.runs.audit.near_replicates import agreement
from latentlab.search.analysis import analyse
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.screening import NullDistribution
from latentlab.search.settings import SweepSettings
from latentlab.search.simulated_sweep import simulated_sweep
from latentlab.search.space import Configuration
from latentlab.search.table import SweepTable

PARAMETERS = {
    "encoder": {"type": "categorical", "choices": ["cnn", "context"]},
    "depth": {"type": "int", "low": 2, "high": 6, "when": {"encoder": "cnn"}},
    "learning_rate": {"type": "float", "low": 5e-5, "high": 1e-2, "log": True},
    "width": {"type": "float", "low": 0.5, "high": 3.0},
    "use_scheduler": {"type": "categorical", "choices": [False, True]},
}
CHOICES = {
    "encoder": {"type": "categorical", "choices": ["cnn", "context"]},
    "batch": {"type": "categorical", "choices": [16, 32, 64], "ordered": True},
    "use_scheduler": {"type": "categorical", "choices": [False, True]},
}
QUICK = AnalysisSettings(bootstraps=20, null_draws=200, fanova_rows=10, resamples=999)
DECIMALS = (1, 2, 3, 4, 5, 6, 12)
SPREAD = 0.02
"""Standard deviation of the noise; scores lie around .8."""


def clean_sweep(number: int) -> SweepTable:
    """A sweep in which nothing is wrong; `number` decides of which kind."""
    rng = np.random.default_rng([7, number])
    repeated = number % 4 == 3
    settings = SweepSettings.model_validate(
        {
            "method": "quasi_random" if number % 4 == 1 else "random",
            "configurations": int(rng.integers(12, 40)),
            "parameters": CHOICES if repeated else PARAMETERS,
        }
    )
    strength = float(number % 3)

    def truth(configuration: Configuration) -> float:
        return strength * (configuration["use_scheduler"] is True)

    table = simulated_sweep(settings, truth, number)
    n = len(table.outcomes)
    means = np.array([truth(row) for row in table.parameters.to_dict("records")])
    runs = 0.8 + SPREAD * (means[:, None] + _noise(number // 4 % 3, (n, 3), rng))
    decimals = (12, 3, 2)[number // 12 % 3]
    runs = np.round(runs, decimals)
    state = np.where(rng.uniform(size=n) < 0.05, "failed", "complete")
    seeds = not repeated and number % 2 == 0
    score = np.where(state == "complete", runs.mean(axis=1) if seeds else runs[:, 0], np.nan)
    replicates = table.replicates
    if seeds:
        replicates = pd.DataFrame(
            {
                "configuration": np.repeat(np.arange(n), 3),
                "seed": np.tile([1, 2, 3], n),
                "state": np.repeat(state, 3),
                "score": np.where(state == "complete", runs.T, np.nan).T.ravel(),
            }
        )
    outcomes = table.outcomes.assign(state=state, score=score)
    return replace(table, outcomes=outcomes, replicates=replicates)


def copied(seed: int, kind: int, decimals: int) -> bool:
    """Whether any of 60 true replicates is called a copy; noise of .0003 to .03 beside a spread."""
    rng = np.random.default_rng([seed, kind, decimals])
    groups = np.repeat(np.arange(20), 3)
    noise = 10 ** rng.uniform(-3.5, -1.5) * _noise(kind, (60, 1), rng)
    values = 0.1 * rng.normal(size=20)[groups][:, None] + noise
    return bool(agreement(np.round(values, decimals), groups).copies.any())


def _noise(kind: int, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    if kind == 0:
        return rng.normal(size=shape)
    if kind == 1:
        return rng.exponential(size=shape) - 1
    return rng.standard_t(3, size=shape)


def main() -> None:
    """Audit clean sweeps and count."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sweeps", type=int, default=200)
    options.add_argument("--tables", type=int, default=500)
    sizes = options.parse_args()
    sweeps = sizes.sweeps
    counts: Counter[tuple[str, str]] = Counter()
    wrong = 0
    for number in range(sweeps):
        found = analyse(clean_sweep(number), QUICK, NullDistribution(permutations=999)).findings
        counts.update({(one.severity, f"{one.rule} {one.name}") for one in found})
        wrong += any(one.severity == "error" for one in found)
    print(f"{sweeps} clean sweeps; with a finding of level error: {wrong}")
    for (severity, rule), count in sorted(counts.items()):
        print(f"{severity:8} {rule:28} {count}")
    for kind, name in enumerate(("normal", "exponential", "t with 3 degrees of freedom")):
        shares = [
            sum(copied(seed, kind, decimals) for seed in range(sizes.tables)) / sizes.tables
            for decimals in DECIMALS
        ]
        print(f"true replicates called copies, {name}, by decimals {DECIMALS}: {shares}")


if __name__ == "__main__":
    main()
