"""How many dimensions survive on data whose dimension is known, by pruning policy.

    python benchmarks/least_volume_recovery.py [--seeds 10] [--kinds rank_4 torus ..]

Settings are those of `low_rank` and `manifolds` in conf/base/least_volume/parameters.yml, one set
for all. Printed per policy: the dimensions left in every seed, in how many seeds it is the smallest
Euclidean embedding dimension (the rank of linear data), and the mean validation error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml

from latentlab.data import prepare
from latentlab.data.synthetic.manifolds import embedding_dimension
from latentlab.studies.least_volume import STUDY
from latentlab.studies.least_volume.method import METHOD
from latentlab.training.cohort import Cohort
from latentlab.training.data import StudyData
from latentlab.training.trial import Trial

CONF = Path(__file__).parents[1] / "conf/base/least_volume"
RANKS = (2, 4, 6)
MANIFOLDS = ("circle", "sphere", "torus", "flat_torus", "moebius_band", "klein_bottle")
CPU = torch.device("cpu")


def problems() -> Iterator[tuple[str, str, dict[str, Any], int]]:
    """Name, data set, settings of its source, and the dimension to be found."""
    for rank in RANKS:
        yield f"rank_{rank}", "low_rank", {"rank": rank}, rank
    for kind in MANIFOLDS:
        yield kind, "manifolds", {"kind": kind}, embedding_dimension(kind)


def declared() -> dict[str, Any]:
    """The study's block in conf/base."""
    block: dict[str, Any] = {}
    for name in ("parameters.yml", "hypotheses.yml"):
        block |= yaml.safe_load((CONF / name).read_text())[STUDY.name]
    return block


def main() -> None:
    """Train every policy on every problem, and print what is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", help="of the problems, by name; none: all")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    for name, dataset, source, dimension in problems():
        if arguments.kinds and name not in arguments.kinds:
            continue
        configs = STUDY.declaration.model_validate(declared() | {"dataset": dataset}).configs
        prepared = prepare(dataset, source, Path("data/01_raw") / dataset)
        data = StudyData.of(prepared, CPU)
        print(f"{name}: {dimension} dimensions")
        trials = [
            Trial(STUDY.name, arm, seed, config, prepared.fingerprint, "float32", METHOD.version)
            for arm, config in configs.items()
            for seed in seeds
        ]
        cohort = Cohort(METHOD, trials, data, CPU)
        while not cohort.finished:
            cohort.advance()
        error = cohort.state.history[:, -1, cohort.scores.index("validation_reconstruction")]
        left = cohort.state.method_state["active"].sum(1).int()
        for arm in configs:
            places = [place for place, trial in enumerate(trials) if trial.arm == arm]
            counts = left[places].tolist()
            print(
                f"  {arm:<14} right in {counts.count(dimension):>2} of {len(counts)}; left "
                f"{' '.join(f'{count:2d}' for count in counts)}; error {error[places].mean():.2e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
