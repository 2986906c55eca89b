"""What is public is there, and costs nothing before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import latentlab.reporting


def test_every_public_name_is_found() -> None:
    for name in latentlab.reporting.__all__:
        assert getattr(latentlab.reporting, name).__name__ == name
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = latentlab.reporting.no_such_name


def test_formatting_a_number_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from latentlab.reporting.formatting import format_p\n"
        "print(sorted({'plotly', 'scipy', 'pandas', 'jinja2', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
