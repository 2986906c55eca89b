"""What `docs/first_hour.md` lets a stranger write is accepted, and its names exist."""

from __future__ import annotations

import re
from pathlib import Path
from shutil import copytree

from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from labs.project_copies import CHECKOUT
from latentlab.cli import cli

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


def test_every_command_of_the_page_exists() -> None:
    for command in set(re.findall(r"latentlab (\w+)", PAGE)) - {"a"}:
        assert command in cli.commands, command
    makefile = (CHECKOUT / "Makefile").read_text()
    for target in re.findall(r"\bmake (\w+)$|`make (\w+)`", PAGE, re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), target
