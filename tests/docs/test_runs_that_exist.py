"""The commands of `docs/runs_that_exist.md` do what the page says, on runs as tools leave them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from click import Command
from click.testing import CliRunner

from labs.project_copies import CHECKOUT
from labs.trackers import WRITERS, table
from latentlab.cli import audit, judge, register
from latentlab.runs.judging.judged import JudgedRuns, judge_runs
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.search.auditing import audit_source

PAGE = CHECKOUT / "docs/runs_that_exist.md"
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCK.findall(PAGE.read_text()) for line in block.splitlines()]
CLAIMS = [line for line in COMMANDS if "claims" in line]
AUDITING = [line for line in COMMANDS if line.startswith("latentlab audit ")]
JUDGING = [line for line in COMMANDS if line.startswith("latentlab judge ") and line not in CLAIMS]


def experiment(source: str, picks: object = None) -> pd.DataFrame:
    """An experiment `mine`, as tracking reads it."""
    assert source == "mine"
    runs = table()
    parameters = runs[["model", "seed", "lr"]].astype(str).add_prefix("params.")
    metrics = runs[["test_acc", "train_loss"]].add_prefix("metrics.")
    times = pd.Series(pd.Timestamp("2026-01-01", tz="UTC"), index=runs.index)
    frame = parameters.join(metrics).assign(status="FINISHED", start_time=times, end_time=times)
    return frame.assign(run_id=[f"r{k}" for k in range(len(frame))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs")
    for write in WRITERS.values():
        write(table(), path)
    return path


def run(command: str, folder: Path) -> JudgedRuns:
    """What `latentlab judge` hands to the pipeline, judged."""
    return judge_runs(settings(judge, command), folder, experiment)


def settings(command: Command, line: str) -> EvidenceSettings:
    """What a command hands to its pipeline."""
    said = command.make_context(command.name, shlex.split(line)[2:]).params
    del said["in_json"]  # how it prints
    return EvidenceSettings(**{name: value for name, value in said.items() if value is not None})


@pytest.mark.parametrize("command", JUDGING)
def test_each_walk_gives_the_verdicts(folder: Path, command: str) -> None:
    found = run(command, folder).verdicts.set_index("hypothesis")
    assert found["verdict"].to_dict() == {"wide": "supported", "deep": "inconclusive"}


@pytest.mark.parametrize("command", AUDITING)
def test_each_audit_finds_what_the_page_says(folder: Path, command: str) -> None:
    found = audit_source(settings(audit, command), folder, experiment)
    assert found.said[0].startswith("18 runs of runs, 2 scores: ")


def test_every_command_of_the_page_is_tried() -> None:
    rest = {line for line in COMMANDS if line not in {*CLAIMS, *AUDITING, *JUDGING}}
    # The pipeline of the same name, which the commands run.
    assert rest == {"kedro run --pipelines audit --params evidence.source=runs.csv"}


def test_claims_are_registered_and_confirmed_by_fresh_runs(folder: Path) -> None:
    proposed = run("latentlab judge runs.csv", folder).document.texts["claims.yml"]
    claims = folder / "claims.yml"
    claims.write_text(proposed.replace("status: exploratory", "status: confirmatory"))
    registering, judging = CLAIMS
    done = CliRunner().invoke(register, [str(folder / shlex.split(registering)[2])])
    assert "2 claims registered in" in done.output
    assert (folder / "claims.registration.yml").is_file()
    fresh = table().assign(started_at=str(pd.Timestamp.now("UTC")))
    fresh.to_csv(folder / "fresh.csv", index=False)
    assert set(run(judging, folder).verdicts["status"]) == {"confirmatory"}
