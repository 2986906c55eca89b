"""CITATION.cff says what it must, and names the work behind every study."""

from __future__ import annotations

import re

import yaml

import latentlab
from labs.project_copies import CHECKOUT
from latentlab.studies.registry import STUDIES

CITATION = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text())


def test_what_the_format_asks_for_is_there() -> None:
    assert {"cff-version", "message", "title", "authors"} <= set(CITATION)
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["version"] == latentlab.__version__
    for reference in CITATION["references"]:
        assert {"type", "title", "authors"} <= set(reference)


def test_every_study_names_the_work_that_it_re_does() -> None:
    named = {word for one in CITATION["references"] for word in re.findall(r"\w+", one["notes"])}
    assert set(STUDIES) <= named
