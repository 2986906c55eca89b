"""Planted flaws are found at the right rows, sound tables are left alone, and the page is current.

More of both: benchmarks/audit_levels.py.
"""

from __future__ import annotations

import pandas as pd
import pytest

from labs.flawed_runs import FLAWS, Flawed, findings_of, sound
from labs.rules_page import PAGE, found_by_name, page
from latentlab.runs.audit.registry import CHECKS
from latentlab.runs.audit.rules import RULES

Found = dict[str, tuple[Flawed, pd.DataFrame]]


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Found:
    return found_by_name(tmp_path_factory.mktemp("flaws"))


def test_every_flaw_is_found_where_it_is(found: Found) -> None:
    assert len(found) == len(FLAWS)
    assert [name for name, (_, findings) in found.items() if findings.empty] == []


def test_every_rule_has_a_flaw(found: Found) -> None:
    asked = {check.rule for check in CHECKS}
    assert {runs.rule for runs, _ in found.values()} == asked
    assert asked <= set(RULES)


def test_every_grave_finding_has_a_remedy(found: Found) -> None:
    for _, findings in found.values():
        grave = findings[findings["severity"] != "note"]
        assert (grave["remedy"] != "").all()


def test_the_page_of_rules_is_current(found: Found) -> None:
    assert PAGE.read_text() == page(found), "cd tests && python -m labs.rules_page"


@pytest.mark.parametrize("seed", range(8))
def test_sound_tables_have_no_error(seed: int, tmp_path) -> None:
    findings = findings_of(sound(seed), tmp_path)
    assert "error" not in set(findings["severity"])
