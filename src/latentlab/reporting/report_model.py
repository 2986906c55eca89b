"""What a report says, apart from how it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import pandas as pd
import plotly.graph_objects as go
from PIL import Image

from latentlab.metrics.metric import Metric

Figure: TypeAlias = go.Figure | Image.Image


@dataclass(frozen=True)
class ReportContent:
    """Everything a report shows, in the order in which it shows it.

    Args:
        title: name of the study, for people.
        question: what the study asks, one sentence.
        verdicts: the table of verdicts.
        comparison: result of `comparison_table`.
        pooled: the table of pooled verdicts; empty where there is one problem.
        summary: sentences above everything else.
        figures: title to (figure, caption); plotly figures or pictures, in order.
        deviations: what did not go as planned; result of `deviations`.
        metrics: definitions of the metrics that appear.
        reproduce: what was run and where (command, versions, git state, digests, device, plan,
            data fingerprint), as text by name.
        data_card: facts about the data, by name.
        preview: a picture of some examples.
    """

    title: str
    question: str
    verdicts: pd.DataFrame
    comparison: pd.DataFrame
    pooled: pd.DataFrame = field(default_factory=pd.DataFrame)
    summary: Sequence[str] = ()
    figures: Mapping[str, tuple[Figure, str]] = field(default_factory=dict)
    deviations: Sequence[str] = ()
    metrics: Sequence[Metric] = ()
    reproduce: Mapping[str, str] = field(default_factory=dict)
    data_card: Mapping[str, object] = field(default_factory=dict)
    preview: Image.Image | None = None
