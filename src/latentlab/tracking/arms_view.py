"""How MLflow's pages compare arms: their means as metrics, and a view that groups the seeds.

A view that somebody saves there is a tag of the experiment: a name, and the state of the page,
packed. The pages list it under Views and open it by its key. They document neither; of a state that
they do not understand they say so, and show the runs as ever.
"""

from __future__ import annotations

import json
import math
import time
import zlib
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from latentlab.tracking.flatten import mlflow_key

TAG = "mlflow.sharedViewState."
"""What the names of the tags begin with; the key of a view follows."""

PAGE = 100
"""Runs that the pages load at once, and so group."""

CHARTS = 30
"""Most charts that a view has."""

_ALL = "tags.arm != ''"
_NUMBERS = {"mean": "mean", "low": "mean_low", "high": "mean_high", "n": "n"}


def summary_metrics(study: str, comparison: pd.DataFrame) -> dict[str, float]:
    """Return mean, ends of the interval and number of seeds per metric and arm, by a name.

    The pages head a group of charts with what stands before the slash: one number of all arms.

    Args:
        study: name of the study.
        comparison: one row per metric and arm; what is not finite is left out.
    """
    found: dict[str, float] = {}
    for (split, metric), rows in comparison.groupby(["split", "metric"], sort=False):
        for number, column in _NUMBERS.items():
            for arm, value in rows[["arm", column]].itertuples(index=False):
                if math.isfinite(value):
                    name = mlflow_key(f"{study}.{split}.{metric}.{number}/{arm}", found)
                    found[name] = float(value)
    return found


def arms_view(
    study: str, comparison: pd.DataFrame, claimed: Collection[str], runs: Sequence[str]
) -> str:
    """Return the value of the tag: the trials by arm, the claimed metrics first.

    Args:
        study: name of the study.
        comparison: one row per metric and arm.
        claimed: metrics that claims are about.
        runs: of the trials; all of the experiment where they are more than a page groups.
    """
    first: list[str] = []
    further: list[str] = []
    for split, metric in comparison[["split", "metric"]].drop_duplicates().to_numpy():
        (first if metric in claimed else further).append(mlflow_key(f"{split}.{metric}"))
    sections = {"Metrics of the claims": first, "Further metrics": further}
    charts = [_chart(key, section) for section, keys in sections.items() for key in keys]
    listed = ", ".join(f"'{run}'" for run in runs)
    state = {
        "searchFilter": f"attributes.run_id IN ({listed})" if len(runs) <= PAGE else _ALL,
        # By time the pages would add the runs around the trials, and their metrics.
        "orderByKey": "tags.`arm`",
        "orderByAsc": True,
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": "arm"}],
        },
        "groupsExpanded": {f"tag.arm.{arm}": False for arm in comparison["arm"].unique()[:PAGE]},
        "selectedColumns": [f"metrics.`{key}`" for key in first],
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": charts[:CHARTS],
        "isAccordionReordered": True,
        "compareRunSections": [_section(name) for name, keys in sections.items() if keys],
    }
    now = int(time.time() * 1000)
    saved = {"name": f"Arms of {study}", "createdAt": now, "updatedAt": now}
    return json.dumps(saved | {"state": _packed(state)})


def _chart(metric: str, section: str) -> dict[str, Any]:
    return {
        "uuid": metric,
        "type": "BAR",
        "metricKey": metric,
        "metricSectionId": section,
        "runsCountToCompare": PAGE,
        "deleted": False,
        "isGenerated": False,
    }


def _section(name: str) -> dict[str, Any]:
    return {
        "uuid": name,
        "name": name,
        "display": True,
        "isReordered": False,
        "deleted": False,
        "isGenerated": False,
    }


def _packed(state: Mapping[str, Any]) -> str:
    """As the pages pack a state, so that it fits a tag whatever the metrics are called."""
    return f"deflate;{b64encode(zlib.compress(json.dumps(state).encode())).decode()}"
