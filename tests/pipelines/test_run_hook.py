"""A run holds its studies from its start, and its inputs are whole and belong together."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from damage import bit_flipped, damaged, emptied, main, truncated
from labs.project_copies import ProjectCopy
from labs.warm_processes import CONTEXT
from latentlab.pipelines.outputs import Outputs, RunSettings
from latentlab.training.store import TrialStore

STUDY = "derp_vae"
OTHER_DATA = ("--params", f"{STUDY}.datasets.digits.source.subset=600")


@pytest.fixture
def finished(smoke_project: ProjectCopy, tmp_path: Path) -> ProjectCopy:
    """A copy in which a study is finished, to be changed."""
    shutil.copytree(smoke_project.root, tmp_path / "project")
    return ProjectCopy(tmp_path / "project")


def at(project: ProjectCopy, path: str) -> Path:
    layer, _, rest = path.partition("/")
    return project.root / "data" / "smoke" / layer / STUDY / rest


def told(project: ProjectCopy, *arguments: str) -> str:
    done = project.kedro("run", "--env", "smoke", *arguments)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    return line


def stage(project: ProjectCopy, name: str, *arguments: str) -> None:
    done = project.kedro("run", "--env", "smoke", "--pipelines", f"{STUDY}.{name}", *arguments)
    assert done.returncode == 0, done.stderr


def contents(project: ProjectCopy, folder: str = "") -> dict[str, bytes]:
    files = [p for p in (project.root / folder).rglob("*") if p.is_file() and p.name != ".lock"]
    return {str(path): path.read_bytes() for path in files}


def test_a_second_run_is_refused_before_anything_is_changed(finished: ProjectCopy) -> None:
    before = contents(finished)
    with TrialStore(at(finished, "06_models")).locked():
        assert "Another run is training" in told(finished, *OTHER_DATA)
        assert "Another run is training" in told(finished, "--pipelines", "all")
    assert contents(finished) == before


def test_stages_alone_on_other_data_are_refused(finished: ProjectCopy) -> None:
    stage(finished, "data_preparation", *OTHER_DATA)
    before = contents(finished, "data")
    for name in ("evaluation", "hypothesis_testing", "reporting"):
        line = told(finished, "--pipelines", f"{STUDY}.{name}")
        assert "another" in line or "other data" in line
        assert f"{STUDY}.training and" in line, line
    assert contents(finished, "data") == before
    # The remedy, stage by stage.
    stage(finished, "training", *OTHER_DATA)
    assert "pictures.npz was made from another" in told(
        finished, "--pipelines", f"{STUDY}.reporting"
    )
    for name in ("evaluation", "hypothesis_testing", "reporting"):
        stage(finished, name, *OTHER_DATA)


def test_verdicts_stand_before_the_line_that_ends_the_run(finished: ProjectCopy) -> None:
    # What a full disk or a limit of memory does too, once the claims are judged.
    figures = at(finished, "08_reporting/figures")
    shutil.rmtree(figures)
    figures.write_text("in the way")
    stages = f"{STUDY}.hypothesis_testing,{STUDY}.reporting"
    done = finished.kedro("run", "--env", "smoke", "--pipelines", stages)
    assert done.returncode != 0
    assert "accuracy_kept: DERP with 5 probes costs less" in done.stdout
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "figures" in line


def test_what_is_trained_again_without_a_change_makes_nothing_stale(finished: ProjectCopy) -> None:
    stage(finished, "training")
    stage(finished, "hypothesis_testing")


def test_only_missing_outputs_makes_damaged_ones_anew(finished: ProjectCopy) -> None:
    damages = {
        "07_model_output/scores.parquet": bit_flipped,
        "08_reporting/verdicts.csv": truncated,
        "08_reporting/figures/curves.json": emptied,
        "08_reporting/report/report.md": bit_flipped,
    }
    paths = [at(finished, path) for path in damages]
    before = [path.read_bytes() for path in paths]
    for path, damage in zip(paths, damages.values(), strict=True):
        damaged(path, damage)
    remains = [
        at(finished, "06_models/.trials.parquet.ab12.partial"),
        at(finished, "05_model_input/.prepared.cd34.partial/card.json"),
        at(finished, "08_reporting/.report.ef56.partial/report.md"),
    ]
    for path in remains:
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    done = finished.kedro("run", "--env", "smoke", "--pipelines", STUDY, "--only-missing-outputs")
    assert done.returncode == 0, done.stderr
    assert [path.read_bytes() for path in paths[:3]] == before[:3]
    assert paths[3].exists()
    assert "verdicts.csv is damaged: set aside as" in done.stdout
    # Remains of runs that were killed are swept.
    assert not list((finished.root / "data").rglob("*.partial"))


def damage_some(lab: Path, output: Path) -> None:
    with output.open("w") as file, contextlib.redirect_stdout(file):
        sys.exit(main(["--lab", str(lab), "--sample", "6"]))


def test_damaged_files_are_one_line_or_made_anew(
    smoke_project: ProjectCopy, tmp_path: Path
) -> None:
    """In small; `python tests/damage.py` takes every file."""
    process = CONTEXT.Process(target=damage_some, args=(smoke_project.root, tmp_path / "output"))
    process.start()
    process.join(600)
    told = (tmp_path / "output").read_text()
    assert process.exitcode == 0, told
    assert told.count(": same\n") + told.count(": line: ") == 6


def test_a_record_tells_damage_and_mixtures(tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    outputs = Outputs(tmp_path)
    for name, inputs in (("trials", []), ("scores", ["trials", "unknown"])):
        pd.DataFrame({"a": [1]}).to_csv(tmp_path / name)
        outputs.record(name, [tmp_path / name], tmp_path, "", inputs)
    outputs = Outputs(tmp_path)
    assert outputs.mixed(["trials", "scores", "never"]) == []
    assert outputs.damaged("scores", tmp_path) == []
    assert outputs.damaged("never", tmp_path) == []
    (tmp_path / "trials").write_text("others")
    assert outputs.damaged("trials", tmp_path) == [tmp_path / "trials"]
    outputs.record("trials", [tmp_path / "trials"], tmp_path, "", [])
    assert outputs.mixed(["trials", "scores"]) == [("scores", "trials")]
    assert outputs.mixed(["scores"]) == []
    (tmp_path / "scores").unlink()
    assert outputs.damaged("scores", tmp_path) == []
    path.write_text("{")
    assert Outputs(tmp_path).mixed(["trials", "scores"]) == []


def test_a_record_knows_the_settings_of_what_is_still_there(tmp_path: Path) -> None:
    (tmp_path / "trials").touch()
    few, many = (
        RunSettings(env="smoke", params={}, declared={"toy.seeds.count": count, "toy.dataset": "d"})
        for count in (3, 10)
    )
    assert few.differing(many) == ["toy.seeds.count"]
    for settings in (few, many):
        Outputs(tmp_path, settings).record("trials", [tmp_path / "trials"], tmp_path, "", [])
        made = Outputs(tmp_path).made("trials")
        assert made is not None
        assert made[0] == settings
    assert len(json.loads((tmp_path / "settings.json").read_text())) == 1
    assert Outputs(tmp_path).made("scores") is None
    # As an earlier version left it.
    (tmp_path / "settings.json").unlink()
    assert Outputs(tmp_path).made("trials") is None
