"""Honest runs raise no alarm, in small: `tests/honest_runs.py` does all of them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from honest_runs import ALL, SMALL, fault_of
from labs.project_copies import ProjectCopy
from latentlab import settings


@pytest.mark.parametrize("name", SMALL)
def test_an_honest_run_is_no_departure(
    name: str, smoke_project: ProjectCopy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "HOOKS", settings.HOOKS)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        assert fault_of(ALL[name], smoke_project, tmp_path / "project") is None
    finally:
        root.handlers[:], root.level = before[0], before[1]
