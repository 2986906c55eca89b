"""What is said, and asked, before a long training begins."""

from __future__ import annotations

import sys

import pytest

from latentlab.core.errors import UserError
from latentlab.training.estimate import Estimate, ask

LONG = Estimate(60, 5 * 3600.0, 400_000_000)


def test_groups_add_up_in_time_and_not_in_memory() -> None:
    both = LONG + Estimate(40, 3600.0, 100_000_000)
    assert str(both) == ("100 trials to train: about 6 h and 0.4 GB of memory on this machine")


@pytest.mark.parametrize(
    ("estimate", "terminal", "answer", "begins"),
    [
        (LONG, True, "n", False),
        (LONG, True, "", True),
        (LONG, False, None, True),
        (Estimate(60, 60.0, 1), True, None, True),
    ],
)
def test_only_a_person_is_asked_and_only_before_hours(
    monkeypatch, estimate: Estimate, terminal: bool, answer: str | None, begins: bool
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)

    def said(question: str) -> str:
        assert answer is not None, "nobody is asked"
        return answer

    monkeypatch.setattr("builtins.input", said)
    if begins:
        ask(estimate)
    else:
        with pytest.raises(UserError, match="was not begun"):
            ask(estimate)
