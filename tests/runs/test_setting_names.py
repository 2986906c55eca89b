"""Mistakes are told in the words of the command that was given."""

from __future__ import annotations

from pathlib import Path

from labs.project_copies import ProjectCopy
from latentlab.runs.setting_names import in_options, setting


def test_a_setting_is_called_as_the_command_has_it() -> None:
    assert setting("better", "higher") == "evidence.better=higher"
    with in_options({"better", "write_back", "arm"}):
        assert setting("better", "higher") == "--better higher"
        assert setting("arm", "a b") == "--arm 'a b'"
        assert setting("write_back") == "--write-back"
        # No option of this command, and a block that has none.
        assert setting("ratios") == "evidence.ratios"
        assert setting("better", "higher", "analysis") == "analysis.better=higher"
    assert setting("arm") == "evidence.arm"


def test_judge_and_run_speak_their_own_language(bare_project: ProjectCopy, tmp_path: Path) -> None:
    path = bare_project.root / "runs.csv"
    path.write_text("model,seed,test_acc,test_auc\n" + "a,0,0.51,0.62\nb,1,0.23,0.44\n" * 1)
    done = bare_project.kedro("judge", "runs.csv")
    assert done.stderr.rstrip().endswith("Say --metric test_acc, for example.")
    done = bare_project.kedro(
        "run", "--pipelines", "evidence", "--params", "evidence.source=runs.csv"
    )
    assert done.stderr.rstrip().endswith("Say evidence.metric=test_acc, for example.")
