"""Wrong inputs end in one line, in small: `tests/wrong_inputs.py` runs all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.project_copies import ProjectCopy
from wrong_inputs import ALL, SMALL, fault_of


@pytest.mark.parametrize("name", SMALL)
def test_a_wrong_input_is_one_line(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    one = ALL[name]
    finished = request.getfixturevalue("smoke_project") if one.finished else ProjectCopy(tmp_path)
    assert fault_of(one, tmp_path / "project", finished) is None
