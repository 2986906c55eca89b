"""The study's metrics: names, directions, ranges and definitions. `evaluation` computes them."""

from __future__ import annotations

from latentlab.metrics.latent_metrics import LATENT_METRICS
from latentlab.metrics.metric import Metric

REPORT = "report 003, as its program computed it"

METRICS: tuple[Metric, ...] = (
    Metric(
        "accuracy",
        "higher",
        "share",
        "examples whose class the classifier names from a latent sample",
        0,
        1,
        REPORT,
        per_example=True,
    ),
    Metric(
        "kl_divergence",
        "lower",
        "nats per example",
        "KL(q(z|x) || N(0, I)), summed over "
        "dimensions, averaged over examples; near 0 means collapse, so lower is better only as "
        "the report has it",
        0,
        source=REPORT,
        scale="log",
        per_example=True,
    ),
    Metric(
        "reconstruction_loss",
        "lower",
        "nats per example",
        "cross-entropy of the pixels, summed over pixels",
        0,
        source="Kingma & Welling 2014",
        per_example=True,
    ),
    LATENT_METRICS["negative_elbo"],
    Metric(
        "class_separation_ratio",
        "higher",
        "ratio",
        "between-class over within-class scatter (traces) of the latent sample",
        0,
        source=REPORT,
    ),
    Metric(
        "eval_ks_distance",
        "lower",
        "probability",
        "largest |i/n - Phi(p_(i))| of the whole "
        "split's latent sample on ten fresh random projections, averaged; grid i/n only",
        0,
        1,
        REPORT,
    ),
    Metric(
        "derp_over_floor",
        "lower",
        "ratio",
        "DERP term on ten fresh random projections, in "
        "batches of the training size, over its exact expectation for normal samples: 1 is as "
        "normal as normal samples are",
        0,
        source="this project",
    ),
    Metric(
        "derp_term_own_probes",
        "lower",
        "none",
        "DERP term on the trial's own fixed probes "
        "(the report's train KS); absent for arms without probes",
        0,
        source=REPORT,
    ),
    Metric(
        "posterior_variance_share",
        "none",
        "share",
        "share of (example, dimension) pairs whose "
        "posterior variance exceeds .005 (the report's activation rate); a collapsed posterior "
        "scores 1",
        0,
        1,
        REPORT,
    ),
    Metric(
        "mean_posterior_variance",
        "none",
        "squared latent units",
        "posterior variance averaged over examples and dimensions",
        0,
        source=REPORT,
        scale="log",
    ),
    LATENT_METRICS["active_units"],
    LATENT_METRICS["mutual_information"],
    Metric(
        "dimension_ks",
        "lower",
        "probability",
        "Kolmogorov-Smirnov distance of each latent "
        "dimension's sample from N(0, 1), averaged over dimensions",
        0,
        1,
        "Kolmogorov 1933",
    ),
    Metric(
        "normal_dimensions",
        "higher",
        "share",
        "latent dimensions whose sample a KS test at .05 does not tell from N(0, 1)",
        0,
        1,
        REPORT,
    ),
)
