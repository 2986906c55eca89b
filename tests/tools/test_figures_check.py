"""Figures that pages print are the code's, and the check sees one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import figures_check
from figures_check import Printed


def test_every_printed_figure_is_that_of_the_code() -> None:
    figures = list(figures_check.figures())
    assert len(figures) > 10
    assert figures_check.wrong_figures(iter(figures)) == []
    assert figures_check.undated_pages() == []


def test_a_wrong_figure_and_a_missing_line_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures_check, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("| size | 3 |\n")
    wrong = [
        Printed(page, "| size |", lambda: "| 4 |"),
        Printed(page, "| size |", lambda: "| 3 |"),
        Printed(page, "| width |", lambda: "| 4 |"),
    ]
    assert figures_check.wrong_figures(iter(wrong)) == [
        "page.md: '| size | 3 |' should have '| 4 |'",
        "page.md: no line begins with '| width |'",
    ]
