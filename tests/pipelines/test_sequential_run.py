"""A study with declared looks, as a user runs it: it stops by itself, and is taken up by itself."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from labs.project_copies import ProjectCopy, copy_project
from labs.warm_processes import start_kedro

STUDY = "derp_vae"
LOOKS = {"design": "group_sequential", "looks": [3, 5, 7], "spending": "pocock"}
ARMS = ("beta_vae_0.1", "beta_vae_0.5", "beta_vae_2.0", "derp_vae_3")
DECIDED_AT_ONCE = ("H2_reported", "H3_reported", "more_information")
STAYS_OPEN = "more_normal"


def declare(project: ProjectCopy, asked: tuple[str, ...], **changes: Any) -> None:
    """Declare looks, two arms and some of the claims in the project's own settings."""
    base = yaml.safe_load((project.root / "conf/base/derp_vae/hypotheses.yml").read_text())
    claims = base[STUDY]["hypotheses"]["hypotheses"]
    block = {
        "seeds": {"count": 7},
        "arms": dict.fromkeys(ARMS),
        "datasets": {"digits": {"not_applicable": {c: "later" for c in claims if c not in asked}}},
        "hypotheses": {"stopping": LOOKS},
    }
    (project.root / "conf/local/parameters.yml").write_text(
        yaml.safe_dump({STUDY: block | changes})
    )


def run(project: ProjectCopy) -> str:
    done = project.kedro("run", "--env", "smoke", "--pipelines", STUDY)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def trained(project: ProjectCopy) -> int:
    return len(list((project.root / "data/smoke/06_models" / STUDY / "trials").glob("*/")))


def verdicts(project: ProjectCopy) -> pd.DataFrame:
    path = project.root / "data/smoke/08_reporting" / STUDY / "verdicts.csv"
    table = pd.read_csv(path).set_index("hypothesis")
    return table[table["verdict"] != "not_run"]


def test_a_study_stops_where_its_claims_are_decided(project: ProjectCopy) -> None:
    declare(project, DECIDED_AT_ONCE)
    told = run(project)
    assert "Look 1 of 3, at 3 seeds: 3 of 9 claims are decided; no claim waits for more" in told
    assert trained(project) == 2 * 3
    table = verdicts(project)
    assert set(table.index) == set(DECIDED_AT_ONCE)
    assert set(table["look"]) == {1}
    assert set(table["n"]) == {3}
    assert set(table["seeds_saved"]) == {4}
    assert set(table["status"]) == {"confirmatory"}
    assert told.count("3 seeds; decided at look 1 of 3") == 3
    report = (project.root / "data/smoke/08_reporting" / STUDY / "report/report.md").read_text()
    assert "Looks were declared at 3, 5, 7 seeds; after 3 no claim waited for more, so 8" in report
    assert "Decided at look 1 of 3, stage-wise p" in report
    assert "tend to be overestimated" in report


@pytest.mark.slow
def test_a_run_that_is_killed_comes_to_the_same_verdicts(tmp_path: Path) -> None:
    clean, killed = (copy_project(tmp_path / name) for name in ("clean", "killed"))
    for project in (clean, killed):
        declare(project, (*DECIDED_AT_ONCE, STAYS_OPEN))
    told = run(clean)
    assert (
        f"Look 2 of 3, at 5 seeds: 3 of 9 claims are decided; more seeds for {STAYS_OPEN}" in told
    )
    assert "Look 3 of 3, at 7 seeds: 3 of 9 claims are decided; the last look" in told
    assert trained(clean) == 2 * 7
    for words in ("Look 1 of 3", "Look 2 of 3"):
        kill_at(killed, words, tmp_path / "output.txt")
        assert 2 * 3 <= trained(killed) < 2 * 7
    again = run(killed)
    assert "0 of 6 trials are known" not in again
    assert trained(killed) == 2 * 7
    expected, found = verdicts(clean), verdicts(killed)
    assert expected["look"].to_dict() == dict.fromkeys(DECIDED_AT_ONCE, 1) | {STAYS_OPEN: 3}
    pd.testing.assert_frame_equal(expected, found)


def kill_at(project: ProjectCopy, words: str, log: Path) -> None:
    """Kill a run with all its processes as soon as it says these words."""
    log.write_text("")
    process = start_kedro(
        ("run", "--env", "smoke", "--pipelines", STUDY), project.root, project.environment, log
    )
    end = time.monotonic() + 300
    while words not in " ".join(log.read_text().split()):
        assert process.is_alive(), log.read_text()
        assert time.monotonic() < end
        time.sleep(0.01)
    assert process.pid is not None
    os.killpg(process.pid, signal.SIGKILL)
    process.join()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"seeds": {"count": 9}},
            "stopping.looks: the last look is at 7 seeds, and the study has 9. Write seeds: "
            "{count: 7}, or end the looks with 9",
        ),
        (
            {"hypotheses": {"stopping": LOOKS | {"looks": [2, 7]}}},
            "H1_reported: min_seeds: 3 are more than the 2 of the first look",
        ),
    ],
)
def test_looks_that_do_not_fit_are_one_line_before_anything_runs(
    bare_project: ProjectCopy, changes: dict[str, Any], line: str
) -> None:
    declare(bare_project, ("H1_reported", *DECIDED_AT_ONCE), **changes)
    done = bare_project.kedro("run", "--env", "smoke", "--pipelines", STUDY)
    assert done.returncode != 0
    errors = [text for text in done.stderr.splitlines() if text.startswith("Error: ")]
    assert len(errors) == 1, done.stdout + done.stderr
    assert line in errors[0]
    assert not (bare_project.root / "data/smoke").exists()
