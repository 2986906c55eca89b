"""Text and tables as Markdown that says what it was given, whatever characters it holds."""

from __future__ import annotations

import re

import pandas as pd

from latentlab.reporting.formatting import as_text

# Intervals need their square brackets; a link needs "](", so only that is broken up.
_ESCAPES = (
    ("\\", "\\\\"),
    ("|", "\\|"),
    ("`", "\\`"),
    ("*", "\\*"),
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ("](", "]\\("),
)


def escape_markdown(value: object) -> str:
    """One line of Markdown that reads as the given text, without markup or raw HTML."""
    text = " ".join(as_text(value).split())
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    # Within a word, as in `derp_vae_5`, an underscore is only an underscore.
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)
    return text


def markdown_table(frame: pd.DataFrame) -> str:
    """A table of display text as a GitHub-flavoured Markdown table, without the index."""
    lines = [
        _line(list(frame.columns)),
        "| " + " | ".join("---" for _ in frame.columns) + " |",
        *(_line(list(row)) for row in frame.itertuples(index=False, name=None)),
    ]
    return "\n".join(lines)


def _line(cells: list[object]) -> str:
    return "| " + " | ".join(escape_markdown(cell) for cell in cells) + " |"
