"""The guide `docs/adding_a_study.md` is complete: its files, and nothing else, make a study run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
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


BATCHED = "\n## 7."
"""Begins the part that turns the plain method into a batched one."""


def blocks(text: str | None = None) -> list[Block]:
    found = BLOCK.finditer(PAGE.read_text() if text is None else text)
    return [Block(**match.groupdict()) for match in found]


def write(copy: ProjectCopy, part: str, replaces: bool = False) -> None:
    """Put the files of a part of the page into a project."""
    for block in blocks(part):
        file = copy.root / block.file
        if block.kind == "diff":
            file.write_text(changed(file.read_text(), block.text))
        else:
            assert file.exists() == replaces, block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)


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
    write(copy, PAGE.read_text().partition(BATCHED)[0])
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


def test_every_file_and_every_class_that_is_named_is_there() -> None:
    text, package = PAGE.read_text(), CHECKOUT / "src/latentlab"
    written = {Path(block.file).name for block in blocks()}
    for name in set(re.findall(r"`([\w/]+\.py)`", text)) - written:
        places = (CHECKOUT / name, CHECKOUT / "src" / name, package / name)
        assert NAME in name or any(place.is_file() for place in places), name
    placed = re.findall(r"`(\w+)(?:\([\w, ]*\))?`\s+\(`([\w/]+\.py)`\)", text)
    assert {"DivergedError", "ExampleMean", "Split", "LightningMethod"} <= dict(placed).keys()
    for name, file in placed:
        assert re.search(rf"^class {name}\b", (package / file).read_text(), re.MULTILINE), name


def require_house_rules(project: ProjectCopy) -> None:
    files = sorted({block.file for block in blocks() if block.file.endswith(".py")})
    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", *files],
            cwd=project.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


def verdicts_of(project: ProjectCopy) -> pd.DataFrame:
    """Keep the house rules, run the study, and return its verdicts."""
    require_house_rules(project)
    result = project.kedro("run", "--env", "smoke", "--pipelines", NAME)
    assert result.returncode == 0, result.stdout + result.stderr
    reporting = project.root / "data" / "smoke" / "08_reporting" / NAME
    assert (reporting / "report" / "index.html").is_file()
    verdicts = pd.read_csv(reporting / "verdicts.csv").set_index("hypothesis")
    assert list(verdicts.index) == ["robust_to_noise"]
    # In theory shrinking lowers this error by .16 at the optimum of both arms, and a plain one
    # that has not converged has more to lose.
    assert verdicts.loc["robust_to_noise", "verdict"] == "supported"
    assert verdicts.loc["robust_to_noise", "n"] == 8
    return verdicts


def test_study_of_the_guide_gives_one_verdict_plain_and_batched(project: ProjectCopy) -> None:
    plain = verdicts_of(project)
    write_batched = PAGE.read_text().partition(BATCHED)[2]
    write(project, write_batched, replaces=True)
    batched = verdicts_of(project)
    assert len({*plain["effect"], *batched["effect"]}) == 2, "both were trained"
    assert batched["effect"].item() == pytest.approx(plain["effect"].item(), rel=0.5)
