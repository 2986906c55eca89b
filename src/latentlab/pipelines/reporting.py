"""Stage 5: the comparison table, the figures and the report."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines.binding import bound

STAGE = "reporting"


def compare(
    study: Study, declaration: Declaration, scores: pd.DataFrame, trials: pd.DataFrame
) -> pd.DataFrame:
    """Means, intervals and paired differences."""
    from latentlab.experiment.report import compare as compare_arms

    return compare_arms(study, declaration, scores, trials)


def draw(
    study: Study,
    declaration: Declaration,
    verdicts: pd.DataFrame,
    history: pd.DataFrame,
    scores: pd.DataFrame,
    arrays: dict[str, Any] | None = None,
) -> tuple[Any, ...]:
    """The figures that the study names, in its order; programs leave no arrays."""
    from latentlab.experiment.figures import draw_figures

    shown = arrays or {}
    return tuple(draw_figures(study, declaration, verdicts, history, scores, shown).values())


def report(
    study: Study,
    declaration: Declaration,
    made_from: Any,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    comparison: pd.DataFrame,
    registered: dict[str, Any],
    pooled: pd.DataFrame,
    store: Any,
    rehearsal: bool,
    *rest: Any,
) -> Any:
    """Build the report; its dataset writes it. `rest` are figures and, of models, a champion."""
    from latentlab.experiment.report import build_report

    count = len(study.figures)
    named = dict(zip(study.figures, rest[:count], strict=True))
    champion = rest[count] if len(rest) > count else {}
    return build_report(
        study,
        declaration,
        made_from,
        trials,
        scores,
        verdicts,
        comparison,
        champion,
        registered,
        pooled,
        store,
        named,
        rehearsal,
    )


def create_pipeline(study: Study) -> Pipeline:
    """The stage for one study."""
    s = study.name
    namespace = f"{s}.{STAGE}"
    figures = [f"{s}.figure_{name}" for name in study.figures]
    pictures = [] if study.runs_programs else [f"{s}.pictures"]
    champion = [] if study.runs_programs else [f"{s}.champion"]
    return Pipeline(
        [
            Node(
                bound(compare, study),
                [f"params:{s}", f"{s}.scores", f"{s}.trials"],
                f"{s}.comparison",
                name=f"{s}.compare",
                namespace=namespace,
            ),
            Node(
                bound(draw, study),
                [f"params:{s}", f"{s}.verdicts", f"{s}.history", f"{s}.scores", *pictures],
                figures,
                name=f"{s}.draw_figures",
                namespace=namespace,
            ),
            Node(
                bound(report, study),
                [
                    f"params:{s}",
                    study.made_from,
                    *(
                        f"{s}.{name}"
                        for name in (
                            "trials",
                            "scores",
                            "verdicts",
                            "comparison",
                            "registered",
                            "pooled_verdicts",
                            "store",
                        )
                    ),
                    "params:rehearsal",
                    *figures,
                    *champion,
                ],
                f"{s}.report",
                name=f"{s}.write_report",
                namespace=namespace,
            ),
        ]
    )
