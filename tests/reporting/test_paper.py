"""What a paper takes from a study: all numbers, whatever names hold, and it compiles."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from labs.reporting_study import METRICS, make_history, make_scores, make_trials, make_verdicts
from latentlab.reporting import comparison_table
from latentlab.reporting.paper import Paper
from latentlab.reporting.verdict_prose import REHEARSAL

NASTY = "50%_of #1 & {$x} ~^\\end"


@pytest.fixture(scope="module")
def paper() -> Paper:
    scores, trials, verdicts = make_scores(), make_trials(), make_verdicts()
    control = scores["arm"].iloc[0]
    for table in (scores, trials):
        table["arm"] = table["arm"].replace({control: NASTY})
    verdicts["question"] = f"Is \u03c3 \u2264 {NASTY}?"
    verdicts["control"] = NASTY
    verdicts = verdicts.assign(look=1.0, looks=2.0)
    tables = {
        "verdicts": verdicts,
        "comparison": comparison_table(scores, METRICS, NASTY, trials=trials),
        "trials": trials,
    }
    return Paper(
        title=NASTY,
        question=NASTY,
        dataset="digits_8",
        arms=list(scores["arm"].unique()),
        control=NASTY,
        shared="share data order",
        looks="Looks were declared.",
        tables=tables,
        scores=scores,
        history=make_history().query("epoch < 3"),
        curves=["loss"],
        commands={name: f"kedro run --pipelines toy.{name}" for name in tables},
        facts={"registered": "2026-01-01", "device": "cpu", "precision": "float32"},
        rehearsal=False,
    )


@pytest.fixture(scope="module")
def files(paper: Paper) -> dict[str, bytes]:
    return paper.files()


def test_every_number_of_the_tables_is_listed(paper: Paper, files: dict[str, bytes]) -> None:
    texts = {name: one.decode() for name, one in files.items() if not name.endswith("pdf")}
    numbers = pd.read_csv(io.StringIO(texts["numbers.csv"]))
    for name, table in paper.tables.items():
        stored = pd.read_csv(io.StringIO(texts[f"{name}.csv"]))
        whole = [column for column in table if table[column].dtype.kind in "if"]
        pd.testing.assert_frame_equal(stored[whole], table[whole], check_dtype=False, rtol=0)
        own = numbers[numbers["table"] == name]
        assert len(own) == table.select_dtypes("number").notna().sum().sum()
        assert set(own["command"]) == {f"kedro run --pipelines toy.{name}"}
    assert "beta_vae_2: 1 of 10 trials diverged (seed 104 at step 812)." in texts["deviations.md"]
    assert "Holm, family primary, alpha .05" in texts["methods.md"]
    assert REHEARSAL not in texts["methods.md"]
    assert "Looks were declared." in texts["methods.md"]
    assert "decided at look 1 of 2" in texts["methods.md"]


def test_the_document_has_every_figure(files: dict[str, bytes]) -> None:
    drawn = re.findall(r"figures/(.+?)\.pdf", files["main.tex"].decode())
    assert sorted(f"figures/{name}.{kind}" for name in drawn for kind in ("pdf", "svg")) == sorted(
        name for name in files if name.startswith("figures/")
    )
    assert {"forest", "strip-kl-test", "curve-loss"} <= set(drawn)


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="there is no latexmk on this machine")
def test_it_compiles(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    command = ["latexmk", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "main.pdf").stat().st_size > 10_000
