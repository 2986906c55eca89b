"""The study's metrics: names, directions, ranges and definitions. `evaluation` computes them."""

from __future__ import annotations

import math

from latentlab.metrics.metric import Metric

GUIDE = "report 004"
CHEN_FUGE = "Chen & Fuge, ICLR 2024, arXiv 2404.17773"

SMALLEST_ERROR = 1e-12
"""Far below what single precision can reconstruct; keeps the logarithm of an error finite."""
FAILURES = ("instability", "complete_pruning", "no_pruning")
"""How a trial that finished may have failed, each an outcome and a metric that is 0 or 1."""

METRICS: tuple[Metric, ...] = (
    Metric(
        "reconstruction_error",
        "lower",
        "square intensity",
        "squared difference of pixels in [0, 1] and their reconstruction, averaged over the pixels "
        "of a design at its own size, and over designs",
        0,
        source=GUIDE,
        scale="log",
        per_example=True,
    ),
    Metric(
        "log_reconstruction_error",
        "lower",
        "log square intensity",
        "natural logarithm of the reconstruction error, at least that of 1e-12: differences are "
        "relative, so that problems with errors of different size can be pooled",
        math.log(SMALLEST_ERROR),
        source="this project",
    ),
    Metric(
        "active_dimensions",
        "lower",
        "dimensions",
        "latent dimensions that are not pruned; fewer is better only where the error is the same, "
        "and none at all is a failure",
        0,
        source=GUIDE,
    ),
    Metric(
        "active_share",
        "lower",
        "share",
        "active dimensions over the latent dimensions before pruning",
        0,
        1,
        source="this project",
    ),
    Metric(
        "log_volume",
        "none",
        "log latent units",
        "mean of log(deviation + eta) over the active dimensions, with the deviation over the "
        "split; measured only where a dimension is active; a decoder without a bound can make up "
        "for any volume, so compare it between arms that have one",
        source=CHEN_FUGE,
    ),
    Metric(
        "lipschitz_estimate",
        "lower",
        "ratio",
        "largest factor found by which the decoder, before its final resize, stretches a distance "
        "between latent points of the split: a lower bound of its Lipschitz constant",
        0,
        source="this project",
        scale="log",
    ),
    Metric(
        "lipschitz_bound_product",
        "none",
        "ratio",
        "product of the operator norms of the decoder's layers as they are used, iterated to "
        "convergence: an upper bound of its Lipschitz constant before the final resize; measured "
        "only with spectral_norm: operator",
        0,
        source="Gouk et al. 2021",
        scale="log",
    ),
    Metric(
        "instability",
        "lower",
        "share",
        "1 where in the last tenth of training the validation error was above twice its lowest, or "
        "not a number; a trial that diverged altogether has no score, and counts as 1 in a "
        "hypothesis with missing: worst_value",
        0,
        1,
        GUIDE,
    ),
    Metric(
        "complete_pruning",
        "lower",
        "share",
        "1 where no dimension is left, in a stable trial",
        0,
        1,
        GUIDE,
    ),
    Metric(
        "no_pruning",
        "lower",
        "share",
        "1 where every dimension is left although there was a policy, in a stable trial",
        0,
        1,
        GUIDE,
    ),
    Metric(
        "failed",
        "lower",
        "share",
        "1 where the trial was unstable, pruned completely or did not prune; missing scores of "
        "trials that diverged are to be counted as for instability",
        0,
        1,
        GUIDE,
    ),
    Metric(
        "first_prune_epoch",
        "none",
        "epochs",
        "epoch, from 0 as start_epoch, at whose end a dimension was first pruned; measured only "
        "where one was",
        0,
        source=GUIDE,
    ),
)
