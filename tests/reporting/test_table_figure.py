"""A table as a figure: room for its words, and height for its lines."""

from __future__ import annotations

import pandas as pd

from latentlab.reporting.figures import table_figure


def test_numbers_and_missing_values_are_text() -> None:
    figure = table_figure(pd.DataFrame({"a": [0.123456, float("nan")], "b": [None, "x"]}))
    assert list(figure.data[0].cells.values) == [["0.1235", "-"], ["-", "x"]]


def test_texts_that_need_lines_make_it_higher() -> None:
    short = pd.DataFrame({name: ["word"] * 3 for name in "abcdef"})
    long = short.assign(f="many words that do not fit into a line " * 10)
    assert table_figure(long).layout.height > 2 * table_figure(short).layout.height
    assert table_figure(short.head(0)).layout.height < table_figure(short).layout.height


def test_a_column_has_room_for_its_longest_word() -> None:
    name = "worst_group_accuracy"
    table = pd.DataFrame({"metric": [name], **{f"c{i}": ["some words here"] for i in range(9)}})
    widths = table_figure(table).data[0].columnwidth
    # In characters of the page, of which there are about 126.
    assert widths[0] * 126 / sum(widths) >= len(name) - 1
    assert widths[0] > widths[1]
