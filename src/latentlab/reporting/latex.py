"""Text and tables as LaTeX that says what it was given, whatever characters it holds."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pandas as pd

from latentlab.reporting.formatting import as_text

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    # Names are long: a line may break where their words end.
    "_": r"\_\allowbreak{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    # Two of them would become a dash, and an option of a command another one.
    "-": r"-{}",
    # At the beginning of a row it would be an argument of the row before.
    "[": r"{[}",
    "]": r"{]}",
    "\N{MINUS SIGN}": r"$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\le$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
    "\N{NOT EQUAL TO}": r"$\ne$",
    "\N{EN DASH}": r"\textendash{}",
    "\N{EM DASH}": r"\textemdash{}",
}


def escape_latex(value: object) -> str:
    r"""Write one line of LaTeX that reads as the given text, for pdfLaTeX with T1 fonts.

    A letter that these fonts lack is written without its accents, another character by its code.

    Example:
        >>> escape_latex("50 % of a_b")
        '50 \\% of a\\_\\allowbreak{}b'
    """
    return "".join(map(_escaped, " ".join(as_text(value).split())))


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isascii():
        return character if character.isprintable() else ""
    if character.isalpha() and ord(character) < 0x180:
        return character
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(map(_escaped, plain)) or f"(U+{ord(character):04X})"


def latex_table(frame: pd.DataFrame, caption: str, label: str, shares: Sequence[float]) -> str:
    """Write a table of display text with booktabs, over as many pages as it needs.

    Args:
        frame: texts, at least one column.
        caption: of the table.
        label: what the text refers to it by.
        shares: of the width of the text, one a column; at most 1 together.
    """
    # Columns are as wide as their share less the space on both sides of a cell.
    columns = "".join(
        rf">{{\raggedright\arraybackslash}}p{{\dimexpr {share:.4f}\linewidth-2\tabcolsep}}"
        for share in shares
    )
    head = rf"\toprule {_line(list(frame.columns))} \midrule"
    return "\n".join(
        [
            rf"\begin{{longtable}}{{{columns}}}",
            rf"\caption{{{escape_latex(caption)}}}\label{{{label}}}\\",
            rf"{head}\endfirsthead",
            rf"{head}\endhead",
            r"\bottomrule\endfoot",
            *(_line(list(row)) for row in frame.itertuples(index=False, name=None)),
            r"\end{longtable}",
            "",
        ]
    )


def latex_list(sentences: Sequence[str]) -> str:
    """Write sentences as a list, of which there is at least one."""
    items = "\n".join(rf"\item {escape_latex(one)}" for one in sentences)
    return f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}\n"


def _line(cells: Sequence[object]) -> str:
    return " & ".join(escape_latex(cell) for cell in cells) + r" \\"
