"""The guide `docs/adding_a_study.md` is complete: its files, and nothing else, make a study run."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple

import pandas as pd
import pytest

from labs.project_copies import CHECKOUT, ProjectCopy, copy_project

PAGE = CHECKOUT / "docs" / "adding_a_study.md"
NAME = "linear_autoencoder"
BLOCK = re.compile(
    r"^\*\*`(?P<file>[^`]+)`\*\*\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """One file of the guide: its whole text, or the lines that change."""

    file: str
    kind: str
    text: str


def blocks() -> list[Block]:
    return [Block(**match.groupdict()) for match in BLOCK.finditer(PAGE.read_text())]


def changed(text: str, diff: str) -> str:
    """A text with the parts of a diff applied; `...` stands between parts."""
    for part in diff.split("...\n"):
        lines = part.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(old) == 1, f"the guide shows lines that are not there:\n{old}"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A copy of the project with the guide's files in it."""
    copy = copy_project(tmp_path_factory.mktemp("guide") / "project", with_source=True)
    for block in blocks():
        file = copy.root / block.file
        if block.kind == "diff":
            file.write_text(changed(file.read_text(), block.text))
        else:
            assert not file.exists(), f"{block.file} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
    return copy


def test_only_two_folders_and_the_registry_are_touched() -> None:
    registry = "src/latentlab/studies/registry.py"
    own = (f"src/latentlab/studies/{NAME}/", f"conf/base/{NAME}/")
    elsewhere = {block.file for block in blocks() if not block.file.startswith(own)}
    assert elsewhere == {registry}
    assert [block.kind for block in blocks() if block.file == registry] == ["diff"]


def test_every_code_block_is_a_file_or_a_command() -> None:
    kinds = re.findall(r"^```(\w+)$", PAGE.read_text(), re.MULTILINE)
    assert len([kind for kind in kinds if kind != "console"]) == len(blocks())


def test_code_of_the_guide_keeps_the_house_rules(project: ProjectCopy) -> None:
    files = [block.file for block in blocks() if block.file.endswith(".py")]
    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", *files],
            cwd=project.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_study_of_the_guide_gives_a_verdict(project: ProjectCopy) -> None:
    result = project.kedro("run", "--env", "smoke", "--pipelines", NAME)
    assert result.returncode == 0, result.stdout + result.stderr
    reporting = project.root / "data" / "smoke" / "08_reporting" / NAME
    verdicts = pd.read_csv(reporting / "verdicts.csv").set_index("hypothesis")
    assert list(verdicts.index) == ["robust_to_noise"]
    # In theory shrinking lowers this error by .16 at the optimum of both arms, and a plain one
    # that has not converged has more to lose.
    assert verdicts.loc["robust_to_noise", "verdict"] == "supported"
    assert verdicts.loc["robust_to_noise", "n"] == 8
    assert (reporting / "report" / "index.html").is_file()
