"""The study's metrics: names, directions, ranges and definitions. `evaluation` computes them."""

from __future__ import annotations

from latentlab.metrics.metric import Metric

REPORT = "report 002"
SAGAWA = "Sagawa et al. 2020"

GROUP_WEIGHT = "group_weight_visual"
"""A metric, and a term of the history."""


def group_accuracy(group: str) -> str:
    """Name of the metric that is a group's accuracy."""
    return f"{group}_accuracy"


def group_cross_entropy(group: str) -> str:
    """Name of the metric that is a group's cross-entropy."""
    return f"{group}_cross_entropy"


METRICS: tuple[Metric, ...] = (
    Metric(
        "worst_group_accuracy",
        "higher",
        "share",
        "the smaller of both groups' accuracies; measured only where the split has both, as all "
        "that follows by group",
        0,
        1,
        SAGAWA,
    ),
    Metric(
        "accuracy",
        "higher",
        "share",
        "samples of both groups whose class is named right",
        0,
        1,
        REPORT,
        per_example=True,
    ),
    Metric(
        group_accuracy("visual"),
        "higher",
        "share",
        "pictures whose class is named right",
        0,
        1,
        REPORT,
        per_example=True,
    ),
    Metric(
        group_accuracy("text"),
        "higher",
        "share",
        "texts whose class is named right",
        0,
        1,
        REPORT,
        per_example=True,
    ),
    Metric(
        "balanced_group_accuracy",
        "higher",
        "share",
        "mean of both groups' accuracies",
        0,
        1,
        REPORT,
    ),
    Metric(
        "macro_precision",
        "higher",
        "share",
        "of the samples named as a class those that are of it, averaged over the classes that "
        "occur; 0 for one that is never named",
        0,
        1,
        REPORT,
    ),
    Metric(
        "macro_recall",
        "higher",
        "share",
        "of the samples of a class those that are named right, averaged over the classes that "
        "occur",
        0,
        1,
        REPORT,
    ),
    Metric(
        "macro_f1",
        "higher",
        "share",
        "harmonic mean of recall and precision of each class, averaged over the classes that "
        "occur; 0 for one that is never named",
        0,
        1,
        REPORT,
    ),
    Metric(
        "cross_entropy",
        "lower",
        "nats per sample",
        "negative log probability of the right class, mean over the samples of both groups",
        0,
        per_example=True,
    ),
    Metric(
        group_cross_entropy("visual"),
        "lower",
        "nats per sample",
        "negative log probability of the right class, mean over pictures",
        0,
        source=REPORT,
        per_example=True,
    ),
    Metric(
        group_cross_entropy("text"),
        "lower",
        "nats per sample",
        "negative log probability of the right class, mean over texts",
        0,
        source=REPORT,
        per_example=True,
    ),
    Metric(
        "anchor_distance",
        "none",
        "squared latent units",
        "squared 2-Wasserstein distance of the anchors of two classes, mean over pairs; it grows "
        "with the scale of the latent space, and is measured only where anchors are trained",
        0,
        source=f"{REPORT}; Dowson & Landau 1982",
    ),
    Metric(
        "nearest_anchor_distance",
        "none",
        "squared latent units",
        "the same of the two classes whose anchors are nearest",
        0,
        source="this project",
    ),
    Metric(
        GROUP_WEIGHT,
        "none",
        "share",
        "weight q of the visual group that goes with the weights, 1 minus that of the text group; "
        "measured only with the objective weighted, as no other moves it",
        0,
        1,
        SAGAWA,
    ),
)
