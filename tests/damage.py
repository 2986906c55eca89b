"""Damages every file of a finished lab, one at a time, and runs each stage alone and the whole.

    python tests/damage.py                     # every file: some 800 runs of a second or two
    python tests/damage.py --sample 100        # so many of them, by lot
    python tests/damage.py verdicts prepared   # files in whose path one of these words stands

What must come of it: one line and a status not 0, or the numbers of the undamaged lab; a verdict
may say that it is no longer confirmatory, where its registration or scores were touched. Of the
trials, which are stored alike, the first is damaged, and of a report its two pages. Runs share one
process, and MLflow is left out, which has no part in this.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from labs.project_copies import ProjectCopy, copy_project

STUDY = "derp_vae"
TABLES = {
    "data_preparation": [],
    "training": ["06_models/{}/history.parquet"],
    "evaluation": ["07_model_output/{}/scores.parquet"],
    "hypothesis_testing": ["08_reporting/{}/verdicts.csv"],
    "reporting": ["08_reporting/{}/comparison.csv", "08_reporting/{}/report/tables/verdicts.csv"],
}
"""What is compared after a stage."""
CLOCK = ("training_seconds_share", "step_seconds_alone", "little_overhead")
"""Metrics and claims that are times; a trial or timing that is made again has another."""

WORDS = ("verdict", "arm", "metric", "split", "hypothesis")
"""Columns of text that are compared."""

Damage = Callable[[bytes], bytes | None]


def truncated(content: bytes) -> bytes:
    """The first half."""
    return content[: len(content) // 2]


def emptied(_: bytes) -> bytes:
    """No bytes."""
    return b""


def bit_flipped(content: bytes) -> bytes:
    """One bit differs, in the last digit where there is one: what is read is another number."""
    flipped = bytearray(content)
    digits = [place for place, byte in enumerate(flipped) if chr(byte).isdigit()]
    place = digits[-1] if content.isascii() and digits else len(flipped) - 9
    if flipped:
        flipped[max(0, place)] ^= 1
    return bytes(flipped)


def removed(_: bytes) -> None:
    """No file."""


DAMAGES: tuple[Damage, ...] = (truncated, emptied, bit_flipped, removed)


def damaged(path: Path, damage: Damage) -> None:
    """Damage a file."""
    content = damage(path.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)


def files(project: ProjectCopy) -> list[Path]:
    """Files to be damaged, relative to the data."""
    data = project.root / "data" / "smoke"
    first = min((data / "06_models" / STUDY / "trials").iterdir()).name
    return [
        path.relative_to(data)
        for path in sorted(data.rglob("*"))
        if path.is_file()
        and path.name != ".lock"
        and ("trials" not in path.parts or first in path.parts)
        and ("report" not in path.parts or path.parent.name == "report")
    ]


def numbers(root: Path, stage: str) -> list[pd.DataFrame]:
    """What a stage found, without times."""
    tables = []
    for text in TABLES[stage]:
        path = root / "data" / "smoke" / text.format(STUDY)
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        for column in {"metric", "hypothesis"} & set(table.columns):
            table = table[~table[column].isin(CLOCK)]
        timed = [name for name in table.columns if name.startswith(CLOCK) or name == "why_open"]
        tables.append(table.drop(columns=timed).reset_index(drop=True))
    return tables


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two tables say the same; a trial that is trained again, alone, agrees to 1e-5."""
    if list(one.columns) != list(other.columns) or len(one) != len(other):
        return False
    for name in one.columns:
        if pd.api.types.is_numeric_dtype(one[name]):
            if not np.allclose(one[name], other[name], rtol=1e-2, atol=1e-3, equal_nan=True):
                return False
        elif name in WORDS and not one[name].equals(other[name]):
            return False
    return True


def outcome(lab: Path, folder: Path, path: Path, damage: Damage, stage: str) -> str:
    """Run a stage, or the `whole`, of a copy of a lab with one damaged file.

    Returns:
        `line: ` and the line, `same` as the undamaged lab, `status: ` and what verdicts are called
        with the same numbers, or what is wrong.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(lab, folder, ignore=shutil.ignore_patterns("mlflow.db", "mlartifacts"))
    damaged(folder / "data" / "smoke" / path, damage)
    lines = run(folder, STUDY if stage == "whole" else f"{STUDY}.{stage}")
    if lines:
        alone = len(lines) == 1 and lines[0].startswith("Error: ")
        return f"line: {lines[0]}" if alone else f"TRACEBACK: {lines[-1]}"
    for ran in TABLES if stage == "whole" else [stage]:
        for found, wanted in zip(numbers(folder, ran), numbers(lab, ran), strict=True):
            if not same(found, wanted):
                return f"WRONG: {ran}"
            if "status" in found and not found["status"].equals(wanted["status"]):
                return f"status: {', '.join(sorted(set(found['status'].astype(str))))}"
    return "same"


def run(folder: Path, pipeline: str) -> list[str]:
    """Run a pipeline in this process; what the edge says of a failure, else nothing."""
    from kedro.framework.startup import bootstrap_project

    from latentlab import settings
    from latentlab.cli import cli
    from latentlab.core.faults import explained
    from latentlab.pipelines.run_hook import RunHook

    settings.HOOKS = (RunHook(),)
    with contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
        bootstrap_project(folder)
        try:
            cli.main(["run", "--env", "smoke", "--pipelines", pipeline], standalone_mode=False)
        except Exception as error:
            told = explained(error)
            return [f"{type(error).__name__}: {error}"] * 2 if told is None else [f"Error: {told}"]
    return []


def main(arguments: list[str]) -> int:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, help="run so many, by lot, and not all")
    parser.add_argument("words", nargs="*", help="only files in whose path one of these stands")
    parser.add_argument("--lab", type=Path, help="a project in which the smoke run is finished")
    chosen = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    count: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as name:
        lab = ProjectCopy(chosen.lab) if chosen.lab else copy_project(Path(name) / "lab")
        if not chosen.lab:
            assert lab.kedro("run", "--env", "smoke").returncode == 0
        cases = [
            (path, damage, stage)
            for path in files(lab)
            if not chosen.words or any(word in str(path) for word in chosen.words)
            for damage in DAMAGES
            for stage in (*TABLES, "whole")
        ]
        random.Random(0).shuffle(cases)
        for path, damage, stage in cases[: chosen.sample]:
            found = outcome(lab.root, Path(name) / "copy", path, damage, stage)
            count[damage.__name__, found.partition(":")[0]] += 1
            sys.stdout.write(f"{path} {damage.__name__} {stage}: {found}\n")
            sys.stdout.flush()
    for (kind, found), times in sorted(count.items()):
        sys.stdout.write(f"{kind:12} {found:10} {times}\n")
    return int(any(found in ("WRONG", "TRACEBACK") for _, found in count))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
