"""Planted flaws are found at the right rows, sound tables are left alone, and the page is current.

More of both: benchmarks/audit_levels.py.
"""

from __future__ import annotations

import pandas as pd
import pytest

from labs.flawed_files import FLAWS
from labs.flawed_runs import Flawed, findings_of, fitting, sound
from labs.rules_page import PAGE, page, planted
from latentlab.runs.audit.registry import CHECKS
from latentlab.runs.audit.rules import RULES

Planted = dict[str, tuple[Flawed, pd.DataFrame]]


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Planted:
    return planted(tmp_path_factory.mktemp("flaws"))


@pytest.mark.parametrize("flaw", [flaw.__name__ for flaw in FLAWS])
def test_a_flaw_is_found_where_it_is_and_nothing_else_is_wrong(flaw: str, found: Planted) -> None:
    runs, findings = found[flaw]
    assert not fitting(runs, findings).empty
    wrong = set(findings.loc[findings["severity"] == "error", "rule"])
    assert wrong - {runs.rule} == set(runs.implied)


def test_every_rule_has_a_flaw_and_there_are_forty(found: Planted) -> None:
    assert {runs.rule for runs, _ in found.values()} == set(RULES)
    assert len(found) >= 40


def test_every_grave_finding_of_runs_has_a_remedy(found: Planted) -> None:
    asked = {check.rule for check in CHECKS}
    for runs, findings in found.values():
        own = fitting(runs, findings) if runs.rule in asked else findings[:0]
        assert (own.loc[own["severity"] != "note", "remedy"] != "").all()


def test_the_page_of_rules_is_current(found: Planted) -> None:
    assert PAGE.read_text() == page(found), "cd tests && python -m labs.rules_page"


@pytest.mark.parametrize("seed", range(8))
def test_sound_tables_have_no_error(seed: int, tmp_path) -> None:
    findings = findings_of(sound(seed), tmp_path)
    assert "error" not in set(findings["severity"])
