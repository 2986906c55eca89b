"""A study's last run as a paper tells of it: from its tables, nothing is computed anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from latentlab.experiment.declaration import Declaration
from latentlab.experiment.figures import curve_metrics
from latentlab.experiment.programs.declaration import PROBLEM, ProgramDeclaration
from latentlab.experiment.report import reproduction
from latentlab.experiment.study import Study
from latentlab.reporting.paper import Paper


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
        tables=tables,
        scores=scores,
        history=history,
        curves=curve_metrics(study, history),
        commands=commands,
        facts={"run": run, **{now.get(name, name): fact for name, fact in facts.items()}},
        rehearsal=rehearsal,
    )
