"""Pooled verdicts in the report and in the terminal."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from labs.reporting_study import ARMS, METRICS, make_scores, make_verdicts
from latentlab.reporting import (
    Document,
    comparison_table,
    print_verdicts,
    study_document,
    write_document,
)
from latentlab.reporting.pooled import pooled_facts
from latentlab.reporting.verdict_prose import pooled_sentence

PROBLEMS = {
    "digits": {"n": 10, "effect": 3.0, "low": 2.5, "high": 3.5},
    "mnist": {"n": 9, "effect": 3.24, "low": 2.9, "high": 3.58},
}


def make_pooled() -> pd.DataFrame:
    """The verdicts as if they were pooled; those that were not judged have no problems."""
    verdicts = make_verdicts()
    was_judged = ~verdicts["verdict"].isin(["invalid", "not_run"])
    return verdicts.assign(
        problems=was_judged.map({True: json.dumps(PROBLEMS), False: None}),
        heterogeneity_q=was_judged.map({True: 7.1, False: None}),
        heterogeneity_p=was_judged.map({True: 0.008, False: None}),
        i_squared=was_judged.map({True: 0.86, False: None}),
        problems_differ=was_judged.map({True: True, False: None}),
        left_out="celeba: it was run with other arms or seeds",
    )


def report(pooled: pd.DataFrame) -> Document:
    return study_document(
        title="study",
        question="Does it help?",
        verdicts=make_verdicts(),
        comparison=comparison_table(make_scores(), METRICS, ARMS[0]),
        pooled=pooled,
    )


def test_each_problem_has_its_own_number_of_seeds() -> None:
    rows = make_pooled().set_index("hypothesis", drop=False)
    shown = pooled_facts(rows.loc["H1_less_collapse"].to_dict())
    assert shown == {"n of each problem": "digits 10, mnist 9"}
    assert pooled_facts(rows.loc["H9_celeba"].to_dict()) == {}


def test_the_sentence_ends_with_what_the_problems_say() -> None:
    rows = make_pooled().set_index("hypothesis", drop=False)
    sentence = pooled_sentence(rows.loc["H1_less_collapse"].to_dict())
    assert sentence.endswith(
        "The problems differ (Q = 7.1, p = 0.008, I² = 86 %): the pooled effect averages unlike "
        "problems."
    )
    assert "By problem: digits 3.00" in sentence
    assert "problem" not in pooled_sentence(rows.loc["H9_celeba"].to_dict())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"problems_differ": False, "heterogeneity_p": 0.4, "i_squared": 0.0},
            "No difference between the problems is shown (Q = 7.1, p = 0.4, I² = 0 %).",
        ),
        (
            {"problems_differ": None, "heterogeneity_p": math.nan},
            "Whether the problems differ cannot be said: one shows no variation.",
        ),
    ],
)
def test_the_sentence_says_whether_problems_differ(
    changes: dict[str, object], expected: str
) -> None:
    rows = make_pooled().set_index("hypothesis", drop=False)
    row = rows.loc["H1_less_collapse"].to_dict()
    assert pooled_sentence({**row, **changes}).endswith(expected)


def test_the_report_has_a_section_where_there_is_more_than_one_problem(tmp_path: Path) -> None:
    pages = write_document(tmp_path / "two", report(make_pooled())).parent
    for name, heading in (("index.html", "<h2>"), ("report.md", "## ")):
        text = (pages / name).read_text()
        titles = ("Verdicts", "Over all problems run so far", "Comparison of the arms")
        before, start, end = (text.index(f"{heading}{title}") for title in titles)
        assert before < start < end
        section = text[start:end]
        assert "Pooled over digits, mnist. Left out: celeba: it was run with" in section
        assert "mnist 3.24 [2.90, 3.58]" in section
    assert len(pd.read_csv(pages / "tables/pooled_verdicts.csv")) == len(make_pooled())
    alone = write_document(tmp_path / "one", report(make_pooled().head(0))).parent
    for name in ("index.html", "report.md"):
        assert "Over all problems" not in (alone / name).read_text()
    assert not (alone / "tables/pooled_verdicts.csv").exists()


def test_the_terminal_has_a_line_for_each(tmp_path: Path) -> None:
    output = io.StringIO()
    console = Console(file=output, width=80)
    print_verdicts(make_verdicts(), {"report": "here"}, console, make_pooled())
    lines = output.getvalue().splitlines()
    start = lines.index("Pooled over digits, mnist:")
    shown = len(make_verdicts()) + 1
    assert start == shown
    assert lines[start + 1 : -1] == lines[1:shown]
    assert lines[-1] == "report  here"
