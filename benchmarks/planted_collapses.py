"""Ten planted collapses and ten healthy models: does the examination tell which is which, and why?

    python benchmarks/planted_collapses.py [SEEDS]

Every model has all ten settings off the value to which the levers bring them, by a little that does
no harm. A plant sets one of them to where it collapses the model. The examination pulls all ten
levers and has to name that one, and no other. Last, how often a cause is named where each of three
levers wakes exactly as many units as its claim says must be exceeded.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from labs.planted_vae import STUDY, declaration
from latentlab.compute.config import ComputeConfig
from latentlab.data import load_prepared, prepare, save_prepared
from latentlab.experiment.examination.causes import CONFIGURED, claims, judged, supported
from latentlab.experiment.examination.cohort import Setting
from latentlab.experiment.examination.examine import examine
from latentlab.experiment.examination.levers import to
from latentlab.training.store import TrialStore

PLANTS = {
    "kl_weight": {"objective": {"kl_weight": 24.0}},
    "likelihood_scale": {"objective": {"likelihood_scale": 0.04}},
    # A rate that is harmless with a warm-up: lowering it mends the model too.
    "kl_warmup": {"training": {"learning_rate": 0.035}},
    "shortcut": {"model": {"shortcut": 1.0}},
    "blind_decoder": {"model": {"decoder_gain": 0.0}},
    "encoder_shift": {"model": {"encoder_shift": -30.0}},
    "input_scale": {"model": {"input_scale": 0.001}},
    "learning_rate": {"training": {"learning_rate": 0.2}},
    "weight_decay": {"training": {"weight_decay": 50.0}},
    "log_variance_floor": {"model": {"log_variance_floor": 4.0}},
}
ALSO_TRUE = {"kl_warmup": {"learning_rate"}}
HEALTHY = {
    "as it stands": {},
    "4 units": {"model": {"latent_dim": 4}},
    "2 units": {"model": {"latent_dim": 2}},
    "32 units, far more than the data call for": {"model": {"latent_dim": 32}},
    "half the KL": {"objective": {"kl_weight": 0.6}},
    "twice the KL": {"objective": {"kl_weight": 2.4}},
    "a third of the rate": {"training": {"learning_rate": 0.001}},
    "with a warm-up": {"objective": {"kl_warmup_epochs": 10.0}},
    "a wide encoder": {"model": {"hidden": 128}},
    "half of the epochs": {"training": {"epochs": 15, "validate_every": 15}},
}


def main(seeds: int) -> None:
    """Examine all of them with so many seeds each, and print what was found."""
    logging.disable(logging.INFO)
    compute = ComputeConfig(engine="inline", threads=1, compile=False, cohort=64)
    named = healthy = 0
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "prepared"
        save_prepared(prepare("digits", {}, Path(folder)), data)
        prepared, store = load_prepared(data), TrialStore(Path(folder) / "store")

        def found(arm: dict) -> tuple[str, list[str], list[int]]:
            own = declaration(arm, seeds)
            setting = Setting(STUDY, own, compute, prepared, store)
            result = examine(setting, "planted", own.configs["planted"], own.seeds.numbers())
            return result.answer, list(result.causes), list(result.seeds["on"])

        for plant, arm in PLANTS.items():
            answer, causes, on = found(arm)
            named += {plant} <= set(causes) <= {plant} | ALSO_TRUE.get(plant, set())
            print(f"{plant:<20} {answer:<14} {', '.join(causes) or '-':<40} on {on}", flush=True)
        for name, arm in HEALTHY.items():
            answer, _, on = found(arm)
            healthy += answer == "not collapsed"
            print(f"{name:<42} {answer:<14} on {on}", flush=True)
    print(f"planted cause named, and no other: {named} of {len(PLANTS)}")
    print(f"not collapsed: {healthy} of {len(HEALTHY)}")
    print(f"a cause named at the boundary: {false_names(1000):.3f} of 1000 studies (level .05)")


def false_names(studies: int) -> float:
    """Return the share of studies in which a cause is named though none exceeds its claim.

    Each of three levers wakes two units in the mean, where more than two are claimed.
    """
    rng = np.random.default_rng(0)
    causes = ("one", "two", "three")
    asked = claims("toy", {cause: to(f"objective.{cause}", 1.0) for cause in causes}, 2.0, 5)
    said = {CONFIGURED: 0.0} | dict.fromkeys(causes, 1.0)
    named = 0
    for _ in range(studies):
        table = pd.DataFrame(
            [
                (f"{arm} {seed}", arm, seed, {"objective": {c: float(c == arm) for c in causes}})
                for arm in said
                for seed in range(5)
            ],
            columns=["trial_id", "arm", "seed", "config"],
        ).assign(status="finished", started_at="2026-01-01T00:00:00+00:00")
        woken = 2.0 * (table["arm"] != CONFIGURED) + rng.normal(size=len(table))
        scores = table.assign(split="test", metric="units_on", value=woken)
        named += bool(supported(judged(asked, scores, table), said))
    return named / studies


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
