"""LaTeX that says what it was given."""

from __future__ import annotations

import pandas as pd
import pytest

from latentlab.reporting.latex import escape_latex, latex_table


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("50 % & #1 $x", r"50 \% \& \#1 \$x"),
        ("a_b", r"a\_\allowbreak{}b"),
        ("--x", r"-{}-{}x"),
        ("\\end{x}", r"\textbackslash{}end\{x\}"),
        ("[0, 1]", r"{[}0, 1{]}"),
        ("a\nb", "a b"),
        ("M\u00fcller \u2264 \u03c3 \u01d5", r"Müller $\le$ (U+03C3) U"),
        (None, ""),
    ],
)
def test_every_character_is_printed_or_named(text: str | None, written: str) -> None:
    assert escape_latex(text) == written


def test_a_table_has_a_line_a_row() -> None:
    frame = pd.DataFrame({"arm_1": ["a&b", "c"], "%": ["[1", ""]})
    lines = latex_table(frame, "A_B", "tab:x", [0.5, 0.5]).splitlines()
    assert lines[-4:-1] == [r"\bottomrule\endfoot", r"a\&b & {[}1 \\", r"c &  \\"]
    assert lines[0].count(r"\raggedright") == 2
