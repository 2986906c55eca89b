"""Figures of a paper: the report's numbers and colours, the same bytes each time, any name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from labs.reporting_study import (
    ARMS,
    METRICS,
    make_history,
    make_scores,
    make_trials,
    make_verdicts,
)
from latentlab.reporting import comparison_table
from latentlab.reporting.figures.static import StaticFigure, static_figures
from latentlab.reporting.figures.template import PALETTE

NO_CURVES = pd.DataFrame(columns=["trial_id", "arm", "seed", "epoch", "step", "metric", "value"])


def drawn(
    scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    history: pd.DataFrame = NO_CURVES,
    curves: Sequence[str] = (),
) -> dict[str, StaticFigure]:
    metrics = [metric for metric in METRICS if metric.name in set(scores["metric"])]
    trials = make_trials()
    table = comparison_table(scores, metrics, ARMS[0], trials=trials)
    return static_figures(verdicts, table, trials, scores, history, ARMS, curves)


def kl() -> pd.DataFrame:
    scores = make_scores()
    return scores[scores["metric"] == "kl"]


def svg(figure: StaticFigure) -> str:
    """Its source, in which matplotlib names every line of text that it draws as a path."""
    return figure.files["svg"].decode()


def test_the_forest_has_every_claim_with_its_effect_and_boundary() -> None:
    verdicts = make_verdicts()
    forest = svg(drawn(kl(), verdicts)["forest"])
    for text in ("H1_less_collapse", "above 2", "3.12", "[2.61, 3.63]", "between -6 and 6"):
        assert f"<!-- {text} -->" in forest
    assert "<!-- not run -->" in forest
    assert forest.count("<!-- [") == verdicts["interval_low"].notna().sum()


def test_more_claims_than_a_page_holds_take_several_figures() -> None:
    verdicts = pd.concat([make_verdicts()] * 2)
    found = drawn(kl(), verdicts)
    assert [name for name in found if "forest" in name] == ["forest", "forest-2"]


def test_a_strip_has_points_means_and_counts_of_every_arm_in_its_colour() -> None:
    strip = svg(drawn(kl(), make_verdicts())["strip-kl-test"])
    for arm, colour in zip(ARMS, PALETTE, strict=False):
        assert f"<!-- {arm} -->" in strip
        assert colour.lower() in strip
    assert strip.count("<!-- n = 10 -->") == 4
    assert strip.count("<!-- n = 9 -->") == 2, "a trial diverged, and one is missing"
    assert "nats per example" in strip


def test_curves_are_drawn_of_the_metrics_that_are_named() -> None:
    history = make_history()
    found = drawn(kl(), make_verdicts(), history, ["loss"])
    assert [name for name in found if name.startswith("curve")] == ["curve-loss"]
    assert all(f"<!--  {arm} -->" in svg(found["curve-loss"]) for arm in ARMS)


@pytest.mark.filterwarnings("error")
def test_names_of_any_kind_keep_their_files_apart_and_are_drawn() -> None:
    names = ["a/b", "a:b", "$x$", "\u65e5"]
    parts = [kl().assign(metric=name) for name in names]
    scores = pd.concat(parts)
    table = pd.concat(
        comparison_table(part, [METRICS[0]], ARMS[0]).assign(metric=name)
        for part, name in zip([kl()] * 4, names, strict=True)
    )
    arms = ["_hidden", *ARMS[1:]]
    history = make_history().replace({"arm": {ARMS[0]: "_hidden"}})
    found = static_figures(
        make_verdicts(), table, make_trials(), scores, history, [*ARMS, arms[0]], ["loss"]
    )
    strips = {name: svg(one) for name, one in found.items() if name.startswith("strip")}
    assert len(strips) == 4
    assert len(set(strips.values())) == 4
    assert "(U+65E5) (test;" in "".join(strips.values())
    assert "<!-- $x$ (test;" in "".join(strips.values())
    assert "<!--  _hidden -->" in svg(found["curve-loss"])


def test_the_same_tables_give_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from reporting.test_static_figures import *\n"
        "found = drawn(kl(), make_verdicts())\n"
        "for name, one in found.items():\n"
        "    for kind, content in one.files.items():\n"
        "        Path(sys.argv[1], f'{name}.{kind}').write_bytes(content)"
    )
    tests = Path(__file__).parents[1]
    for salt in ("1", "2"):
        (tmp_path / salt).mkdir()
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / salt)],
            env={**os.environ, "PYTHONHASHSEED": salt, "SOURCE_DATE_EPOCH": f"{salt}000000000"},
            cwd=tests,
            check=True,
        )
    one, other = (
        {path.name: path.read_bytes() for path in (tmp_path / salt).iterdir()} for salt in "12"
    )
    assert one == other
    assert {"forest.pdf", "forest.svg", "strip-kl-test.pdf"} <= set(one)
