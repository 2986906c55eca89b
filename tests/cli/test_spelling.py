"""Mistakes in the words of the command that was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.project_copies import ProjectCopy
from latentlab.cli.spelling import as_options, in_options
from latentlab.core.errors import UserError

OPTIONS = {"metric", "table", "better", "arm", "control", "write_back"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Say evidence.table=long if a row is a value, evidence.table=wide if it is a run.",
            "Say --table long if a row is a value, --table wide if it is a run.",
        ),
        (
            "Say evidence.better=higher or evidence.better=lower.",
            "Say --better higher or --better lower.",
        ),
        ("evidence.arm='a b', or evidence.arm=a+b.", "--arm 'a b', or --arm a+b."),
        ("a.csv: evidence.control: there is no arm x", "a.csv: --control: there is no arm x"),
        ("Leave evidence.write_back out.", "Leave --write-back out."),
        ("evidence.ratios: seconds", "evidence.ratios: seconds"),
    ],
)
def test_keys_are_told_as_options(text: str, said: str) -> None:
    assert as_options(text, OPTIONS) == said


def test_what_has_no_key_stays() -> None:
    with pytest.raises(UserError, match=r"^A file is damaged. Mend it.$"), in_options(OPTIONS):
        raise UserError("A file is damaged", "Mend it.")


def test_judge_and_run_speak_their_own_language(bare_project: ProjectCopy, tmp_path: Path) -> None:
    path = bare_project.root / "runs.csv"
    path.write_text("model,seed,test_acc,test_auc\n" + "a,0,0.51,0.62\nb,1,0.23,0.44\n" * 1)
    done = bare_project.kedro("judge", "runs.csv")
    assert done.stderr.rstrip().endswith("Say --metric test_acc, for example.")
    done = bare_project.kedro(
        "run", "--pipelines", "evidence", "--params", "evidence.source=runs.csv"
    )
    assert done.stderr.rstrip().endswith("Say evidence.metric=test_acc, for example.")
