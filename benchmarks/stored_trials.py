"""How the store grows: what 1,000, 10,000 and 100,000 stored trials cost whoever looks for them.

    python benchmarks/stored_trials.py [--trials 1000 10000 100000]

Trials of the digits study with a small model, written by the store's own code as `known_trials.py`
does, without MLflow; beyond 1,000 with records of their own, and hard links to the other files of
one of these. Printed are CPU seconds of this process for each thing that a run in which
nothing is left to train does with all of them, a yardstick beside them, and files and sizes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from known_trials import STUDY, loaded, new_project, write_trials, yardstick

WRITTEN = 1000
"""Trials that are written whole."""


def of_many(project: Path, seeds: int) -> tuple[Any, Any, Any]:
    """As `loaded`, of more seeds than a declaration may have."""
    declaration, prepared, store = loaded(project, 1)
    many = declaration.seeds.model_copy(update={"count": seeds})
    return declaration.model_copy(update={"seeds": many}), prepared, store


def link_trials(project: Path, seeds: int) -> None:
    """Add what is planned and not stored."""
    from latentlab.experiment.planning import plan_trials
    from latentlab.studies.registry import STUDIES
    from latentlab.training.trial_files import DIGESTS, RECORD

    declaration, prepared, store = of_many(project, seeds)
    trials = plan_trials(STUDIES[STUDY], declaration, prepared, "float32")
    stored = set(os.listdir(store.trials))
    by_arm: dict[str, list[Path]] = {}
    for trial in (trial for trial in trials if trial.id in stored):
        by_arm.setdefault(trial.arm, []).append(store.folder(trial.id))
    for trial in (trial for trial in trials if trial.id not in stored):
        like = by_arm[trial.arm][trial.seed % len(by_arm[trial.arm])]
        folder = store.folder(trial.id)
        folder.mkdir()
        for name in set(os.listdir(like)) - {RECORD, DIGESTS}:
            os.link(like / name, folder / name)
        record, digests = (json.loads((like / name).read_bytes()) for name in (RECORD, DIGESTS))
        content = json.dumps(record | {"id": trial.id, "seed": trial.seed}, indent=1).encode()
        (folder / RECORD).write_bytes(content)
        digests[RECORD] = hashlib.sha256(content).hexdigest()
        (folder / DIGESTS).write_text(json.dumps(digests, indent=1))


def measured(count: int) -> None:
    """Print a block of figures."""
    import torch

    from latentlab.experiment.planning import history_table, plan_trials, trial_table
    from latentlab.experiment.scoring import altered_trials, score_trials
    from latentlab.pipelines.run_hook import _content
    from latentlab.studies.registry import STUDIES

    study, spent = STUDIES[STUDY], dict[str, float]()

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        result = work()
        spent[name] = time.process_time() - began
        return result

    with new_project() as project:
        whole = min(count, WRITTEN) // 6
        timed("write, of each", lambda: write_trials(project, whole, tracked=False))
        spent["write, of each"] /= 6 * whole
        link_trials(project, count // 6)
        declaration, prepared, store = of_many(project, count // 6)
        timed("list the folder", lambda: os.listdir(store.trials))

        def hold() -> None:
            with store.locked():
                pass

        timed("hold", hold)
        with store.locked():
            timed("hold, once more within", hold)
        planned = timed("plan", lambda: plan_trials(study, declaration, prepared, "float32"))
        ids = timed("name", lambda: [trial.id for trial in planned])
        timed("know, at first", lambda: [store.knows(i) for i in ids])
        timed("know, again", lambda: [store.knows(i) for i in ids])
        trials = timed("table of trials", lambda: trial_table(planned, store, frozenset()))
        timed("what tells it from others", lambda: _content(trials))
        timed("table of histories", lambda: history_table(planned, store))
        device = torch.device("cpu")
        scores = timed("scores", lambda: score_trials(study, trials, prepared, store, device))
        timed("whether scores were altered", lambda: altered_trials(scores, store))
        files = [path for path in store.root.rglob("*") if path.is_file()]
        folders = {path.parent for path in files} | {store.trials}
        rows = {
            "trials": len(planned),
            **{f"{name}, CPU s": seconds for name, seconds in spent.items()},
            "yardstick, CPU s": yardstick(),
            "files": len(files),
            "entries of one folder, at most": max(len(os.listdir(one)) for one in folders),
            "MiB": sum(path.stat().st_size for path in files) / 2**20,
            "MiB on the disk": sum(path.stat().st_blocks for path in files) / 2**11,
            "largest memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        for name, value in rows.items():
            print(f"{name:>50} {value:12.4f}")
        print(flush=True)


def main() -> None:
    """Print a block for each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 10_000, 100_000])
    for count in parser.parse_args().trials:
        measured(count)


if __name__ == "__main__":
    main()
