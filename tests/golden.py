"""The golden record: what every study and sweep gives in `smoke`, to be compared across changes.

    python tests/golden.py record golden.json        # every study and sweep, some two minutes
    python tests/golden.py record golden.json derp_vae derp_vae_sweep
    python tests/golden.py compare before.json after.json
    python tests/golden.py keep golden.json          # what the suite compares with

A record holds trial ids, digests of weights, scores, verdicts, comparisons and asked
configurations, without what the clock decides. On one machine two records of the same code are
equal to the byte; across machines `portable` leaves what must agree there: ids and configurations.
"""

from __future__ import annotations

import argparse
import difflib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from labs.project_copies import CHECKOUT, ProjectCopy, copy_project
from latentlab.studies.registry import STUDIES

CLOCK = ("training_seconds_share", "step_seconds_alone")
"""Metrics that are times."""
KEPT = Path(__file__).with_name("project") / "golden.json"
"""What the suite compares with, in small."""


def pipelines() -> list[str]:
    """Every study and every sweep."""
    return [
        name
        for study in STUDIES.values()
        for name in (study.name, *([] if study.advises else [f"{study.name}_sweep"]))
    ]


def record(project: ProjectCopy, pipeline: str) -> dict[str, Any]:
    """Run a pipeline in `smoke` and say what it gave."""
    done = project.kedro("run", "--env", "smoke", "--pipelines", pipeline)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return recorded(project, pipeline)


def recorded(project: ProjectCopy, pipeline: str) -> dict[str, Any]:
    """What a pipeline gave that has run in `smoke`."""
    study = pipeline.removesuffix("_sweep")
    data = project.root / "data" / "smoke"
    if pipeline == study:
        found = _trials(data, study, "trials", "scores")
        for table in ("verdicts", "comparison"):
            found[table] = _lines(pd.read_csv(data / "08_reporting" / study / f"{table}.csv"))
        return found
    journal = data / "06_models" / study / "sweeps" / "default.journal"
    storage = JournalStorage(JournalFileBackend(str(journal)))
    sweep = optuna.load_study(study_name=f"{study}/default", storage=storage)
    found = _trials(data, study, "sweep_trials", "sweep_scores")
    confirmed = _trials(data, study, "confirmation_trials", "confirmation_scores")
    found["asked"] = [json.dumps(trial.params, sort_keys=True) for trial in sweep.trials]
    found |= {f"confirmation_{name}": lines for name, lines in confirmed.items()}
    reports = data / "08_reporting" / study
    found["tests"] = _lines(pd.read_csv(reports / "sweep_tests.csv"))
    for path in sorted((reports / "sweeps").glob("*.yml")):
        found[f"next_{path.stem}"] = path.read_text().splitlines()
    return found


def portable(found: dict[str, Any]) -> dict[str, Any]:
    """What another machine must give too: trial ids by arm and seed, and asked configurations."""
    ids = [line.rpartition(" ")[0] for line in found["trials"]]
    return {"trials": ids, **({"asked": found["asked"]} if "asked" in found else {})}


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The differences of two records, as lines of a diff; empty where they are equal."""
    return [
        line.rstrip()
        for pipeline in sorted({*before, *after})
        for part in sorted({*before.get(pipeline, {}), *after.get(pipeline, {})})
        for line in difflib.unified_diff(
            before.get(pipeline, {}).get(part, []),
            after.get(pipeline, {}).get(part, []),
            f"before/{pipeline}/{part}",
            f"after/{pipeline}/{part}",
            n=0,
        )
    ]


def _trials(data: Path, study: str, trials: str, scores: str) -> dict[str, list[str]]:
    rows = pd.read_parquet(data / "06_models" / study / f"{trials}.parquet")
    measured = pd.read_parquet(data / "07_model_output" / study / f"{scores}.parquet")
    return {
        "trials": [
            f"{row.arm} {row.seed} {row.trial_id} {row.weights_digest}" for row in rows.itertuples()
        ],
        "scores": _lines(measured.sort_values(["trial_id", "arm", "seed", "split", "metric"])),
    }


def _lines(table: pd.DataFrame) -> list[str]:
    """Rows as text, numbers to the last digit, without those that the clock decides."""
    if "metric" in table:
        table = table[~table["metric"].isin(CLOCK)]
    timed = [name for name in table.columns if name in CLOCK]
    return table.drop(columns=timed).to_csv(index=False).splitlines()


def main(arguments: list[str]) -> int:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(required=True, dest="action")
    recording = actions.add_parser("record")
    recording.add_argument("file", type=Path)
    recording.add_argument("pipelines", nargs="*", default=pipelines())
    keeping = actions.add_parser("keep")
    keeping.add_argument("file", type=Path)
    comparing = actions.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.action == "record":
        with tempfile.TemporaryDirectory() as folder:
            project = copy_project(Path(folder) / "project")
            # Sets of designs that come with the project.
            shutil.copytree(CHECKOUT / "data" / "01_raw", project.root / "data" / "01_raw")
            found = {name: record(project, name) for name in chosen.pipelines}
        chosen.file.write_text(json.dumps(found, indent=1))
        return 0
    if chosen.action == "keep":
        kept = {
            name: portable(found) for name, found in json.loads(chosen.file.read_text()).items()
        }
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        return 0
    before, after = (json.loads(path.read_text()) for path in (chosen.before, chosen.after))
    differences = compare(before, after)
    sys.stdout.write("\n".join(differences) + "\n" if differences else "equal\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
