"""What is wrong with a study of programs is told before anything runs, in one line."""

import subprocess

import pytest

from labs.programs import ToyStudy, block, declared
from latentlab.core.errors import UserError
from latentlab.core.provenance import code_state
from latentlab.experiment.programs.source import find_program
from latentlab.studies.declared import declared_programs


def refused(root, arms=None, **changes):
    with pytest.raises(UserError) as error:
        declared(block(root, arms or {"a": {}}, **changes))
    told = str(error.value)
    assert "\n" not in told
    return told


@pytest.mark.parametrize(
    ("program", "what"),
    [
        ({"scores": "../scores.json"}, "program.scores: '../scores.json' leaves the folder"),
        ({"history": "/tmp/h.jsonl"}, "leaves the folder"),
        ({"scores": "scores.pkl"}, "cannot be read"),
        ({"timeout": "soon"}, "'soon' is no duration"),
        ({"retries": -1}, "program.retries"),
        ({"command": []}, "program.command"),
        ({"comand": ["a"]}, "program.comand: there is no such key. Did you mean command?"),
        ({"command": ["a", "${arg}", "{seed}"]}, "there is no macro ${arg}. Did you mean args?"),
        ({"command": ["a", "x${args}", "{seed}"]}, "must stand alone"),
        ({"epochs": "epoch"}, "program.epochs: there is no setting 'epoch'"),
    ],
)
def test_the_program_block(tmp_path, program, what):
    assert what in refused(tmp_path, program=program)


def test_placeholders_and_settings_are_checked_against_each_other_all_at_once(tmp_path):
    command = ["run", "{seed}", "{training.rate}", "{how}"]
    told = refused(tmp_path, {"a": {}, "b": {"hov": 1}}, program={"command": command})
    assert "arms.a: the program needs {training.rate}, which is not set" in told
    assert "Did you mean training.lr?" in told
    assert "training.lr: nothing in program.command" in told
    assert "arms.b.hov: nothing in program.command" in told


def test_seeds_that_nothing_takes(tmp_path):
    command = ["run", "{training.lr}", "{how}"]
    assert "nothing takes {seed}" in refused(tmp_path, program={"command": command})
    declared(block(tmp_path, {"a": {}}, program={"command": command}, seeds={"count": 1}))


def test_a_problem_brings_settings_and_arms(tmp_path):
    problems = {"one": {"training": {"lr": 0.3}}, "two": {"arms": {"b": {"how": "crashes"}}}}

    def of(dataset):
        content = block(tmp_path, {"a": {}}, dataset=dataset, datasets=problems, training={})
        return {arm: config.settings() for arm, config in declared(content).configs.items()}

    assert of("one") == {"a": {"how": "well", "training.lr": 0.3}}
    with pytest.raises(UserError, match=r"arms\.a: the program needs \{training\.lr\}"):
        of("two")


def test_metrics(tmp_path):
    told = refused(tmp_path, metrics={"acc": {"better": "more", "range": [1, 0]}})
    assert "metrics.acc.better" in told
    assert "does not rise" in told


def test_what_is_not_there(tmp_path):
    content = declared(
        block(
            tmp_path,
            {"a": {}},
            program={
                "command": ["pyton", "trian.py", "{seed}", "{how}", "{training.lr}"],
                "inputs": ["data.npz"],
            },
        )
    )
    with pytest.raises(UserError) as error:
        find_program("p", content.program, tmp_path, "toy.program")
    told = str(error.value)
    assert "toy.program.command: there is no program pyton" in told
    assert "there is no trian.py in" in told
    assert "toy.program.inputs[0]: there is no" in told
    with pytest.raises(UserError, match=r"toy\.program\.directory"):
        find_program("p", content.program, tmp_path / "none", "toy.program")


def test_code_under_git_is_told_by_its_commit_and_what_is_changed(tmp_path):
    toy = ToyStudy(tmp_path, {"a": {}})
    assert set(toy.source.code) == {"train.py"}
    folder = tmp_path / "repo"

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    clean = ToyStudy(tmp_path, {"a": {}}).source
    assert set(clean.code) == {"commit"}
    with (folder / "train.py").open("a") as file:
        file.write("# changed\n")
    assert set(code_state(folder)) == {"commit", "changes"}
    # What no commit of this folder touches is not its code.
    (folder / "inner").mkdir()
    assert code_state(folder / "inner") is None


def test_studies_are_found_in_conf(tmp_path, monkeypatch):
    for place, text in {
        "base/one": "one: {program: {command: [a]}, arms: {}}",
        "base/two": "two: {program: {command: [a], history: h.csv}}",
        "base/three": "three: {dataset: digits}",
        "base/four": "four: [",
        "local/five": "five: {program: {}}",
        "base/derp_vae": "derp_vae: {program: {}}",
    }.items():
        folder = tmp_path / "conf" / place
        folder.mkdir(parents=True)
        (folder / "parameters.yml").write_text(text)
    (tmp_path / "below").mkdir()
    found = declared_programs(tmp_path / "below", ["derp_vae"])
    assert list(found) == ["five", "one", "two"]
    assert "curves" in found["two"].figures
    assert "curves" not in found["one"].figures
    for asked in (["--conf-source", "conf"], [f"--conf-source={tmp_path / 'conf'}"]):
        monkeypatch.setattr("sys.argv", ["kedro", "run", *asked])
        assert list(declared_programs(tmp_path, ["derp_vae"])) == ["five", "one", "two"]
    monkeypatch.setattr("sys.argv", ["kedro", "run", "--conf-source", "elsewhere"])
    assert not declared_programs(tmp_path, ["derp_vae"])
