"""What a report says of where it comes from."""

import subprocess
from importlib.metadata import version

from latentlab.core.provenance import command, commit_of, git_state, provenance


def git(folder, *arguments):
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_commit_and_whether_tracked_files_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state() == "unknown"
    git(tmp_path, "init")
    (tmp_path / "file").write_text("old")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "untracked").write_text("x")
    assert commit_of(git_state()) == git_state() == commit
    (tmp_path / "file").write_text("new")
    assert git_state() == f"{commit} (with uncommitted changes)"
    assert commit_of(git_state()) == commit


def test_without_git_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state() == "unknown"
    assert commit_of(git_state()) is None


def test_the_command_can_be_pasted_and_names_no_folder(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/some/where/bin/kedro", "run", "--params", "a=b c"])
    assert command() == "kedro run --params 'a=b c'"
    assert provenance()["command"] == command()


def test_versions_are_those_installed():
    versions = dict(part.split() for part in provenance()["packages"].split(", "))
    assert versions["numpy"] == version("numpy")
    assert {"latentlab", "torch", "statsmodels"} <= set(versions)
