"""The times that are measured for every study."""

from __future__ import annotations

from latentlab.metrics.metric import Metric

SHARE = Metric(
    "training_seconds_share",
    "none",
    "seconds",
    "the trial's share of the training time of its cohort; not comparable between arms",
    0,
    scale="log",
)
TIMES: tuple[Metric, ...] = (
    Metric(
        "step_seconds_alone",
        "lower",
        "seconds",
        "time of one training step of one trial alone, measured interleaved with the other arms on "
        "the same machine",
        0,
        scale="log",
    ),
    SHARE,
)
