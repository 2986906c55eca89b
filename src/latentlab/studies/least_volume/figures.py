"""The study's own figures by name: what each is drawn from, its title and its caption."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from latentlab.evidence.configurations import flatten
from latentlab.experiment.figures import FigureContext, FigureSpec
from latentlab.studies.least_volume.comparison_figures import (
    POLICY,
    frontier,
    norm_differences,
    sensitivity,
)
from latentlab.studies.least_volume.failures import outcome_counts
from latentlab.studies.least_volume.pruning_figures import (
    active_over_training,
    outcome_map,
    pruned_by_epoch,
    pruning_timeline,
    spectrum,
)


def _configs(context: FigureContext) -> dict[str, dict[str, Any]]:
    """The configuration of each arm with dotted keys."""
    return {
        arm: flatten(config.model_dump(mode="json"))
        for arm, config in context.declaration.configs.items()
    }


def _active(context: FigureContext) -> go.Figure:
    policies = {arm: config[POLICY] for arm, config in _configs(context).items()}
    return active_over_training(context.history, policies)


def _timeline(context: FigureContext) -> go.Figure:
    pruned = pruned_by_epoch(context.history, context.scores, context.arms)
    return pruning_timeline(pruned, context.arms)


FIGURES: dict[str, FigureSpec] = {
    "active_dimensions": FigureSpec(
        "Active dimensions over training",
        "Latent dimensions in use during each epoch, by pruning policy; mean over seeds with a "
        "95 % t band.",
        _active,
    ),
    "pruning_timeline": FigureSpec(
        "When dimensions are pruned",
        "Dimensions pruned at the end of an epoch, mean over the trials of an arm.",
        _timeline,
    ),
    "frontier": FigureSpec(
        "Reconstruction error against active dimensions",
        "Every trial on the test split, open where it failed; large, the mean of each arm (of the "
        "error, the geometric mean). Lower left is better.",
        lambda context: frontier(context.scores, context.arms),
    ),
    "failures": FigureSpec(
        "How trials ended",
        "Trials of each arm by outcome; the colour is the share of the arm's own trials.",
        lambda context: outcome_map(
            outcome_counts(context.scores).reindex(context.arms, fill_value=0)
        ),
    ),
    "sensitivity": FigureSpec(
        "Sensitivity",
        "Test error (geometric mean) and active dimensions against each parameter in which alone "
        "arms differ, with 95 % t intervals over seeds. A line joins arms that agree in all else "
        "and has the name of the first of them.",
        lambda context: sensitivity(context.scores, _configs(context)),
    ),
    "spectral_norm": FigureSpec(
        "Spectral norm on and off",
        "Arms with a spectral norm minus the same arm without, on the test split: mean paired "
        "difference over seeds with its 95 % t interval, unadjusted. Left of zero is better; a "
        "difference of .1 in the log error is a tenth more error.",
        lambda context: norm_differences(context.scores, _configs(context)),
    ),
    "spectrum": FigureSpec(
        "Deviations of the latent dimensions",
        "Standard deviation of what the encoder says of test examples, largest first, first seed. "
        "Crosses are pruned dimensions, which the decoder does not see.",
        lambda context: spectrum(
            context.by_arm("deviations"), context.by_arm("kept"), context.arms
        ),
    ),
}
"""The study's own figures, by name."""
