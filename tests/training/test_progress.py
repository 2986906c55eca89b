"""What a person is told while trials train."""

from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console

from latentlab.training import progress
from latentlab.training.loop import Progress
from latentlab.training.progress import ProgressDisplay


def test_without_a_terminal_a_line_tells_the_share_of_all_trials(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    trials = {"a": 7, "b": 2, "c": 1}
    with caplog.at_level(logging.INFO), ProgressDisplay(trials, Console(file=io.StringIO())) as it:
        it.report(Progress(cohort="a", first=0, steps=10, total=10, text="one"))
        it.report(Progress(cohort="b", first=0, steps=5, total=10, text="two"))
    assert caplog.messages == ["Training: 70 % of 10 trials", "Training: 80 % of 10 trials"]


def test_on_a_terminal_every_cohort_has_a_bar_with_its_speed() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with ProgressDisplay({"a": 6, "b": 6}, console) as shown:
        for done in (1, 10):
            text = "six trials: derp_vae_5"
            shown.report(Progress(cohort="a", first=0, steps=done, total=10, text=text))
    assert "six trials: derp_vae_5" in screen.getvalue()
    assert "trial-steps/s" in screen.getvalue()
