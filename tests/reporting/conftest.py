"""The synthetic study, made once, and a report of it, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.reporting_study import make_content
from latentlab.reporting import ReportContent, write_report


@pytest.fixture(scope="session")
def study_content() -> ReportContent:
    return make_content()


@pytest.fixture(scope="session")
def report_folder(study_content: ReportContent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("reports") / "derp_vae", study_content).parent
