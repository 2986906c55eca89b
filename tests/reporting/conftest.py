"""The synthetic study, made once, and a report of it, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.reporting_study import make_document
from latentlab.reporting import Document, write_document


@pytest.fixture(scope="session")
def study_report() -> Document:
    return make_document()


@pytest.fixture(scope="session")
def report_folder(study_report: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_document(tmp_path_factory.mktemp("reports") / "derp_vae", study_report).parent
