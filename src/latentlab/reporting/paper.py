"""What a paper takes from a study: tables and figures, how they came about, where numbers are from.

```
verdicts, comparison, trials    .tex, .md and .csv; .csv has all columns with all digits
figures/                        .pdf and .svg: claims, trials of each metric, learning curves
methods, deviations, checklist  .tex and .md
numbers.csv                     every number of the tables, with the command that makes it anew
main.tex                        all of it as a document, by pdfLaTeX
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from latentlab.reporting.deviations import deviations
from latentlab.reporting.figures.static import StaticFigure, static_figures
from latentlab.reporting.formatting import as_text, format_number, plural
from latentlab.reporting.latex import escape_latex, latex_list, latex_table
from latentlab.reporting.markdown import escape_markdown, markdown_table
from latentlab.reporting.tables import printed_comparison
from latentlab.reporting.verdict_cells import (
    correction_text,
    look_text,
    verdict_rows,
    verdict_table,
)
from latentlab.reporting.verdict_prose import REHEARSAL, status_sentence

_KEYS = {
    "verdicts": ["hypothesis"],
    "comparison": ["metric", "split", "arm"],
    "trials": ["arm", "seed"],
}
_CAPTIONS = {
    "verdicts": "Verdicts: effects are positive where better, intervals are not adjusted.",
    "comparison": "Means of each arm and paired differences from the control, each with an "
    "interval that is not adjusted for their number.",
    "trials": "Trials.",
}
_WIDTHS = {"hypothesis": 2.0, "comparison": 2.5, "metric": 2.0, "mean": 1.6, "difference": 1.6}
_OF_TRIALS = ("arm", "seed", "status", "epochs", "steps", "seconds", "device", "precision")
_SECTIONS = {
    "methods": "Methods",
    "deviations": "What did not go as planned",
    "checklist": "To reproduce it",
}

_MAIN = r"""% Needs the packages of texlive-latex-recommended: latexmk -pdf main.tex
\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\usepackage{array,booktabs,caption,graphicx,longtable}
\begin{document}
"""


@dataclass(frozen=True)
class Paper:
    """A study as a paper tells of it.

    Args:
        title: of the study.
        question: that it asks.
        dataset: name of the data; empty where there is none.
        arms: in their order.
        control: the arm that others are compared with.
        shared: what arms of a seed share, as a clause ("share ..").
        looks: the declared looks and where they ended, in sentences; empty without.
        tables: verdicts, comparison and trials, as a run left them.
        scores: trial_id, arm, seed, split, metric, value.
        history: trial_id, arm, seed, epoch, step, metric, value.
        curves: metrics of the history that are drawn.
        commands: what makes each of these anew, by its name.
        facts: what was run and where, as text by name.
        rehearsal: whether the run only tried the pipeline.
    """

    title: str
    question: str
    dataset: str
    arms: Sequence[str]
    control: str
    shared: str
    looks: str
    tables: Mapping[str, pd.DataFrame]
    scores: pd.DataFrame
    history: pd.DataFrame
    curves: Sequence[str]
    commands: Mapping[str, str]
    facts: Mapping[str, str]
    rehearsal: bool

    def files(self) -> dict[str, bytes]:
        """Return the content of each file by its path."""
        figures = static_figures(
            self.tables["verdicts"],
            self.tables["comparison"],
            self.tables["trials"],
            self.scores,
            self.history,
            self.arms,
            self.curves,
        )
        drawn = {
            f"figures/{name}.{kind}": content
            for name, figure in figures.items()
            for kind, content in figure.files.items()
        }
        written = {**self._texts(), "main.tex": self._main(figures)}
        return {name: text.encode() for name, text in written.items()} | drawn

    def _texts(self) -> dict[str, str]:
        files = {}
        for name, table in self.tables.items():
            shown = _DISPLAY[name](table)
            widths = [_WIDTHS.get(column, 1.0) for column in shown.columns]
            shares = [width / sum(widths) for width in widths]
            files[f"{name}.csv"] = table.to_csv(index=False)
            files[f"{name}.md"] = f"{markdown_table(shown)}\n"
            files[f"{name}.tex"] = latex_table(shown, _CAPTIONS[name], f"tab:{name}", shares)
        missed = deviations(self.tables["trials"], self.tables["verdicts"])
        said = {
            "deviations": missed or ["Nothing was recorded."],
            "checklist": [f"{name}: {fact}" for name, fact in self.facts.items()]
            + [f"{name}: {command}" for name, command in self.commands.items()],
        }
        for name, sentences in said.items():
            files[f"{name}.tex"] = latex_list(sentences)
            files[f"{name}.md"] = "".join(f"- {escape_markdown(one)}\n" for one in sentences)
        methods = " ".join(self._methods())
        files["methods.tex"] = f"{escape_latex(methods)}\n"
        files["methods.md"] = f"{escape_markdown(methods)}\n"
        files["numbers.csv"] = self._numbers().to_csv(index=False)
        return files

    def _methods(self) -> Iterator[str]:
        """Yield the sentences of the paragraph on methods."""
        trials, verdicts = self.tables["trials"], self.tables["verdicts"]
        if self.rehearsal:
            yield REHEARSAL
        seeds = sorted(trials["seed"].unique())
        ran = f"{plural(len(seeds), 'seed')} each, {seeds[0]} to {seeds[-1]}"
        on = f"On {self.dataset} we" if self.dataset else "We"
        yield (
            f"{on} compared {plural(len(self.arms), 'arm')} "
            f"({', '.join(self.arms)}; the control is {self.control}) with {ran}: "
            f"{plural(trials['trial_id'].nunique(), 'trial')}. Arms of a seed {self.shared}."
        )
        yield (
            f"The {plural(len(verdicts), 'claim')}, with boundaries, tests and corrections, "
            f"{'was' if len(verdicts) == 1 else 'were'} registered on {self.facts['registered']}."
        )
        if self.looks:
            yield self.looks
        rows = verdict_rows(verdicts)
        if fell := [
            f"{as_text(row.get('hypothesis'))} {at}" for row in rows if (at := look_text(row))
        ]:
            yield f"By claim: {'; '.join(fell)}."
        for correction in dict.fromkeys(filter(None, map(correction_text, rows))):
            own = [row for row in rows if correction_text(row) == correction]
            tests = dict.fromkeys(as_text(row.get("test")).replace("_", " ") for row in own)
            yield (
                f"{correction}: {plural(len(own), 'claim')}, decided by "
                f"{', '.join(filter(None, tests)) or 'no test'}."
            )
        yield status_sentence(verdicts)
        yield f"Trials ran on {self.facts['device']} in {self.facts['precision']}."

    def _numbers(self) -> pd.DataFrame:
        """Return every number of the tables: columns table, row, column, value, command."""
        rows = [
            (name, " / ".join(str(row[key]) for key in _KEYS[name]), column, row[column])
            for name, table in self.tables.items()
            for row in table.to_dict("records")
            for column in table.columns
            if is_numeric_dtype(table[column]) and not is_bool_dtype(table[column])
            if pd.notna(row[column])
        ]
        numbers = pd.DataFrame(rows, columns=["table", "row", "column", "value"], dtype=object)
        return numbers.assign(command=numbers["table"].map(self.commands))

    def _main(self, figures: Mapping[str, StaticFigure]) -> str:
        title = escape_latex(self.title)
        parts = [
            rf"\section*{{{title}}}",
            escape_latex(self.question),
            *(
                rf"\subsection*{{{heading}}} \input{{{name}.tex}}"
                for name, heading in _SECTIONS.items()
            ),
            r"\footnotesize",
            *(rf"\input{{{name}.tex}}" for name in self.tables),
            r"\clearpage\raggedright\setlength{\lineskip}{4mm}",
            # One paragraph: they fill its lines.
            "\n".join(_figure(name, figure.caption) for name, figure in figures.items()),
            r"\end{document}",
        ]
        return _MAIN + "\n\n".join(parts) + "\n"


def _figure(name: str, caption: str) -> str:
    """Return a figure of a column's width, which stands beside others where there is room."""
    return (
        r"\begin{minipage}[t]{85mm}\vspace{0pt}"
        rf"\includegraphics[width=\linewidth,height=.75\textheight,keepaspectratio]{{figures/{name}.pdf}}"
        rf"\captionof{{figure}}{{{escape_latex(caption)}}}\label{{fig:{name}}}"
        r"\end{minipage}\hspace{2mm}"
    )


def _verdicts(table: pd.DataFrame) -> pd.DataFrame:
    return verdict_table(table).drop(
        columns=["correction", "seeds needed", "effect size", "other tests (unadjusted p)"]
    )


def _trials(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[[column for column in _OF_TRIALS if column in table]].copy()
    if "seconds" in shown:
        shown["seconds"] = [format_number(float(seconds)) for seconds in shown["seconds"]]
    return shown


_DISPLAY = {"verdicts": _verdicts, "comparison": printed_comparison, "trials": _trials}
