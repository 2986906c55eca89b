"""Verdicts on runs that exist: what is read as what, and that the source does not matter."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labs.trackers import WRITERS, table
from latentlab.core.errors import UserError
from latentlab.reporting import write_document
from latentlab.runs.judging.judged import JudgedRuns, judge_runs
from latentlab.runs.judging.settings import EvidenceSettings


def never(name: str) -> pd.DataFrame:
    raise AssertionError(f"the tracking store was asked for {name}")


def judged(runs: pd.DataFrame, folder: Path, **chosen: object) -> JudgedRuns:
    runs.to_csv(folder / "runs.csv", index=False)
    settings = EvidenceSettings.model_validate({"source": "runs.csv", **chosen})
    return judge_runs(settings, folder, never)


def refused(runs: pd.DataFrame, folder: Path, **chosen: object) -> str:
    with pytest.raises(UserError) as caught:
        judged(runs, folder, **chosen)
    return str(caught.value)


def test_without_a_word_each_arm_is_compared_with_the_baseline(tmp_path):
    found = judged(table(), tmp_path)
    rows = found.verdicts.set_index("hypothesis")
    assert list(rows.index) == ["wide", "deep"]
    assert set(rows["control"]) == {"baseline"}
    assert set(rows["status"]) == {"exploratory"}
    assert rows.loc["wide", "verdict"] == "supported"
    assert set(rows["test"]) == {"paired_t"}
    said = " ".join(found.said)
    assert "An arm is a value of model" in said
    assert "train_loss" in said
    page = write_document(tmp_path / "report", found.document).read_text()
    assert "evidence.arm" in page
    assert "exploratory" in page


def test_the_claims_that_are_proposed_can_be_declared(tmp_path):
    first = judged(table(), tmp_path)
    (tmp_path / "claims.yml").write_text(first.document.texts["claims.yml"])
    again = judged(table(), tmp_path, claims="claims.yml")
    pd.testing.assert_frame_equal(again.verdicts, first.verdicts)
    assert not again.document.texts


@pytest.mark.parametrize("tool", [name for name in WRITERS if name != "csv"])
def test_the_source_does_not_matter(tmp_path, tool):
    runs = table()
    from_csv = judged(runs, tmp_path).verdicts
    source = WRITERS[tool](runs, tmp_path)
    before = digests(tmp_path)
    other = judge_runs(EvidenceSettings(source=source), tmp_path, never).verdicts
    # What the tool calls the metric.
    named = ["metric", "split", "question", "finding"]
    pd.testing.assert_frame_equal(
        other.drop(columns=named), from_csv.drop(columns=named), check_exact=True
    )
    assert digests(tmp_path) == before


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_arms_of_other_seeds_or_of_none_are_not_paired(tmp_path):
    runs = table()
    runs.loc[runs["model"] == "deep", "seed"] += 100
    rows = judged(runs, tmp_path).verdicts.set_index("hypothesis")
    assert rows["test"].to_dict() == {"wide": "paired_t", "deep": "welch_t"}
    found = judged(runs.drop(columns="seed"), tmp_path)
    assert set(found.verdicts["test"]) == {"welch_t"}
    assert "compared unpaired" in " ".join(found.said)
    assert found.comparison["pairs"].max() == 0


def arms_on(baseline: list[int], wide: list[int]) -> pd.DataFrame:
    runs = table(8)
    own = {"baseline": baseline, "wide": wide}
    kept = [seed in own.get(arm, []) for arm, seed in zip(runs["model"], runs["seed"], strict=True)]
    return runs[kept]


@pytest.mark.parametrize("wide", [[0, 1, 2, 3, 4, 6], [0, 1, 2, 3, 4], [0, 1, 2, 3]])
def test_arms_that_share_most_seeds_are_paired_on_these(tmp_path, wide):
    found = judged(arms_on([0, 1, 2, 3, 4, 5], wide), tmp_path)
    (row,) = found.verdicts.to_dict("records")
    assert (row["test"], row["n"]) == ("paired_t", len(set(wide) - {6}))
    (said,) = [line for line in found.said if "are paired on" in line]
    left = [seed for seed in range(6) if seed not in wide]
    alone = f"baseline {', '.join(map(str, left))}"
    assert said.endswith(f"left out: {'wide 6; ' if 6 in wide else ''}{alone}.")
    assert said in write_document(tmp_path / "report", found.document).read_text()


@pytest.mark.parametrize("wide", [[0, 1, 2], [4, 5, 6, 7], [0, 1]])
def test_that_arms_are_not_paired_is_said_and_why(tmp_path, wide):
    baseline = [0, 1, 2, 3, 4, 5] if len(wide) > 2 else [0, 1, 2]
    found = judged(arms_on(baseline, wide), tmp_path)
    assert set(found.verdicts["test"]) == {"welch_t"}
    shared = len(set(baseline) & set(wide))
    words = f"wide and baseline are compared unpaired: they share {shared} of {len(baseline)} seeds"
    assert words in " ".join(found.said)
    assert words in write_document(tmp_path / "report", found.document).read_text()


def test_the_question_is_what_supported_and_refuted_answer(tmp_path):
    runs = table()[lambda rows: rows["model"] != "deep"]
    runs["model"] = runs["model"].map({"baseline": "narrow", "wide": "baseline"})
    (row,) = judged(runs, tmp_path).verdicts.to_dict("records")
    assert row["verdict"] == "refuted"
    assert row["question"] == "is narrow better than baseline on acc?"


def test_runs_without_a_finite_score_are_counted_everywhere(tmp_path):
    runs = table()
    runs.loc[(runs["model"] == "deep") & (runs["seed"] == 0), "test_acc"] = np.inf
    runs.loc[(runs["model"] == "deep") & (runs["seed"] == 1), "test_acc"] = np.nan
    found = judged(runs, tmp_path)
    assert "Left out for want of a finite test_acc: 2 runs (deep 2)." in found.said
    tables = {one.title: one.table for one in found.document.sections}
    rows = tables["What was run of each arm"].set_index("arm")
    assert rows["no finite test_acc"].to_dict() == {"baseline": "0", "wide": "0", "deep": "2"}
    assert rows["seeds to run"].to_dict() == {"baseline": "none", "wide": "none", "deep": "0, 1"}
    assert found.verdicts.set_index("hypothesis").loc["deep", "n"] == 4


def test_a_failed_run_that_was_run_again_does_not_count(tmp_path):
    runs = table().assign(state="finished")
    lost = runs[runs["seed"] == 0].assign(state="crashed", test_acc=np.nan)
    found = judged(pd.concat([lost, runs]), tmp_path)
    assert "run again: 3 runs that did not finish" in " ".join(found.said)
    pd.testing.assert_frame_equal(found.verdicts, judged(runs, tmp_path).verdicts)


def test_what_else_differs_between_arms_is_no_fair_comparison(tmp_path):
    runs = table()
    runs.loc[runs["model"] == "wide", "lr"] = 0.01
    rows = judged(runs, tmp_path, arm="model").verdicts.set_index("hypothesis")
    assert rows.loc["wide", "verdict"] == "invalid"
    assert "lr" in rows.loc["wide", "cause"]
    assert rows.loc["deep", "verdict"] != "invalid"


def test_ambiguity_stops_with_what_to_say(tmp_path):
    runs = table()
    rates = np.random.default_rng(0).choice([0.1, 0.2, 0.3, 0.4, 0.5], size=len(runs))
    told = refused(runs.assign(rate=rates), tmp_path)
    assert "model (3 values), rate" in told
    assert "evidence.arm=model" in told
    told = refused(runs.replace("baseline", "narrow"), tmp_path)
    assert "which arm is the control" in told
    assert "narrow, wide, deep" in told
    told = refused(runs.assign(test_loss=runs["train_loss"]), tmp_path)
    assert "2 scores, test_acc, test_loss" in told
    told = refused(runs.rename(columns={"test_acc": "outcome"}), tmp_path, metric="outcome")
    assert "evidence.better=higher" in told


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"metric": "test_ac"}, "Did you mean test_acc?"),
        ({"arm": "modl"}, "Did you mean model?"),
        ({"control": "basline"}, "Did you mean baseline?"),
        ({"arm": "lr"}, "there is one arm"),
        ({"study": "mine"}, "evidence.study cannot be used"),
        ({"claims": "none.yml"}, "none.yml"),
        ({"printed": "none.yml"}, "none.yml"),
        ({"seed": "sed"}, "sed"),
        ({"ratios": "seconds"}, "seconds is none of the metrics"),
    ],
)
def test_what_is_not_there_is_one_line(tmp_path, chosen, words):
    assert words in refused(table(), tmp_path, **chosen)


def test_what_a_report_prints_of_the_runs_is_audited_beside_them(tmp_path):
    (tmp_path / "report.yml").write_text(
        "title: a report\nstatements: [{says: predicts, who: a wider one, by: 5 %}]\n"
    )
    sections = judged(table(), tmp_path, printed="report.yml").document.sections
    (section,) = [one for one in sections if "printed" in one.title]
    assert section.sentences == ["a report: 0 errors, 1 warning, 0 notes."]
    assert list(section.table["rule"]) == ["D28"]


def test_names_of_arms_are_escaped(tmp_path):
    found = judged(table().replace("wide", "<script>alert(1)</script>"), tmp_path)
    page = write_document(tmp_path / "report", found.document).read_text()
    assert "<script>alert(1)" not in page


def test_what_to_run_next_is_told_by_claim(tmp_path):
    found = judged(table(), tmp_path)
    # The effect of `wide` is there; that of `deep` is far below the noise of six seeds.
    assert "wide" not in found.said[-1]
    assert found.said[-1].startswith("More seeds of each arm that open claims need")
    page = write_document(tmp_path / "report", found.document).read_text()
    assert "What to run next" in page
    more = found.verdicts.set_index("hypothesis").loc["deep", "seeds_needed"] - 6
    assert str(more) in found.said[-1]
    decided = judged(table()[lambda runs: runs["model"] != "deep"], tmp_path)
    assert "What to run next" not in [section.title for section in decided.document.sections]


def test_a_score_with_its_spread_is_named_as_the_cause(tmp_path):
    runs = table()[["model", "seed", "test_acc"]]
    for name in ("accuracy", "outcome"):
        told = refused(runs.assign(**{name: "81.2 ± 0.4"}).drop(columns="test_acc"), tmp_path)
        assert f"column {name}: '81.2 ± 0.4' in row 1 is no number. A row is a run with one" in told


def test_a_column_per_seed_is_told_with_what_to_do(tmp_path):
    runs = table()
    wide = runs.pivot(index="model", columns="seed", values="test_acc").add_prefix("seed_")
    told = refused(wide.reset_index(), tmp_path)
    assert "runs.csv has a column per seed: seed_0 to seed_5. Write a row per run" in told
    code = told[told.index("table.melt") :].removesuffix(".")
    rows = eval(code, {"table": wide.reset_index()})
    found = judged(rows, tmp_path)
    assert set(found.verdicts["test"]) == {"paired_t"}


def test_a_value_with_a_space_is_quoted_in_what_to_say(tmp_path):
    told = refused(table().replace("baseline", "big model"), tmp_path)
    assert "? The arms are big model" in told
    assert told.endswith("Say evidence.control='big model', for example.")
