"""A study's last run as a paper tells of it: from its tables, nothing is computed anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from latentlab.evidence.stopping import Stopping
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.figures import curve_metrics
from latentlab.experiment.programs.declaration import PROBLEM, ProgramDeclaration
from latentlab.experiment.report import reproduction
from latentlab.experiment.study import Study
from latentlab.reporting.formatting import plural
from latentlab.reporting.paper import Paper

_SPENDING = {"obrien_fleming": "O'Brien and Fleming's", "pocock": "Pocock's"}


def paper(
    study: Study,
    declaration: Declaration,
    tables: Mapping[str, pd.DataFrame],
    scores: pd.DataFrame,
    history: pd.DataFrame,
    registered: Mapping[str, Any],
    run: str,
    commands: Mapping[str, str],
    rehearsal: bool,
) -> Paper:
    """Return what is to be exported.

    Args:
        study: whose run it was.
        declaration: with which it ran.
        tables: verdicts, comparison and trials, as the run left them.
        scores: of its trials.
        history: of its trainings.
        registered: which entry of the registration holds.
        run: when and with which settings it was.
        commands: what makes each table anew, by its name.
        rehearsal: whether the run only tried the pipeline.
    """
    facts = reproduction(tables["trials"], registered)
    # The run may have had others: these are of the process that exports.
    now = {"command": "exported by"}
    now |= {name: f"{name}, when exported" for name in ("git", "packages", "python")}
    asked, dataset = study.question, declaration.dataset
    if isinstance(declaration, ProgramDeclaration):
        asked, dataset = declaration.question, "" if dataset == PROBLEM else dataset
    return Paper(
        title=study.title,
        question=asked,
        dataset=dataset,
        arms=list(declaration.configs),
        control=declaration.control(study.control),
        shared=declaration.shared_by_arms,
        looks=looks_said(declaration.hypotheses.stopping, tables["trials"]["seed"].nunique()),
        tables=tables,
        scores=scores,
        history=history,
        curves=curve_metrics(study, history),
        commands=commands,
        facts={"run": run, **{now.get(name, name): fact for name, fact in facts.items()}},
        rehearsal=rehearsal,
    )


def looks_said(stopping: Stopping | None, seeds: int) -> str:
    """Say which looks were declared, how they share alpha, and at which the study stopped."""
    if stopping is None:
        return ""
    count = len(stopping.looks)
    futility = "there was no stop for futility"
    if stopping.futility != "none":
        futility = (
            "a claim was not waited for whose chance of an answer by the last look, as the trend "
            f"stood, was below {stopping.futility:g}"
        )
    ended = f"{plural(seeds, 'seed')} are there, which is none of the looks"
    if seeds in stopping.looks:
        why = "the last" if seeds == stopping.looks[-1] else "since no claim waited for more"
        at = stopping.looks.index(seeds) + 1
        ended = f"the study stopped at look {at} of {count}, with {plural(seeds, 'seed')}, {why}"
    return (
        f"It was tested group-sequentially, at {count} looks that were declared before: at "
        f"{', '.join(map(str, stopping.looks))} seeds. The looks spend alpha by Lan and DeMets' "
        f"function of {_SPENDING[stopping.spending]} kind ({stopping.spending}); {futility}. "
        f"{ended[0].upper()}{ended[1:]}."
    )
