"""What `docs/first_hour.md` lets a stranger write is accepted, and its names exist."""

from __future__ import annotations

import re
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from omegaconf import OmegaConf

from labs.project_copies import CHECKOUT, copy_project
from latentlab.cli import cli
from latentlab.scaffold.command import new

PAGE = (CHECKOUT / "docs" / "first_hour.md").read_text()
FILES = ("conf/local/parameters.yml", "conf/local/derp_vae/hypotheses.yml")


def test_the_arm_and_the_claim_of_the_page_are_accepted(tmp_path: Path) -> None:
    copytree(CHECKOUT / "conf", tmp_path / "conf", ignore=lambda *_: ["local"])
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for name, block in zip(FILES, blocks, strict=True):
        assert name in PAGE
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(block)
    bootstrap_project(CHECKOUT)
    with KedroSession.create(project_path=CHECKOUT, conf_source=str(tmp_path / "conf")) as session:
        study = session.load_context().params["derp_vae"]
    assert "beta_vae_4" in study.configs
    assert "strong_beta_costs_accuracy" in str(study.applicable)


def test_every_file_of_the_page_is_there_or_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy_project(tmp_path / "project", with_store=False).root
    monkeypatch.chdir(root)
    done = CliRunner().invoke(new, ["study", "my_study", "--program"], catch_exceptions=False)
    assert done.output.count("my_study/") + done.output.count("test_my_study") == 4
    assert "wider_is_better" in (root / "conf/base/my_study/hypotheses.yml").read_text()
    reports = {f"data/08_reporting/{study}/report/index.html" for study in ("derp_vae", "my_study")}
    named = set(re.findall(r"`((?:conf|data|programs|tests)/[\w./]+\.\w+)`", PAGE))
    assert reports <= named
    for name in named - reports - set(FILES) - {"conf/base/mine/parameters.yml"}:
        assert (root / name).is_file(), name


def test_the_seeds_that_confirm_are_accepted() -> None:
    (said,) = re.findall(r"^kedro run --params '(.*)'$", PAGE, re.MULTILINE)
    again = re.search(r"^latentlab verify derp_vae --params (.*)$", PAGE, re.MULTILINE)
    assert again is not None
    assert said.startswith(again[1])
    bootstrap_project(CHECKOUT)
    given = OmegaConf.to_container(OmegaConf.from_dotlist(said.split(",")))
    with KedroSession.create(project_path=CHECKOUT, runtime_params=given) as session:
        study = session.load_context().params["derp_vae"]
    assert list(study.seeds.numbers()) == list(range(10, 20))
    assert study.amendment


def test_every_command_of_the_page_exists() -> None:
    for command in set(re.findall(r"latentlab (\w+)", PAGE)) - {"a"}:
        assert command in cli.commands, command
    makefile = (CHECKOUT / "Makefile").read_text()
    for target in re.findall(r"\bmake (\w+)$|`make (\w+)`", PAGE, re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), target
