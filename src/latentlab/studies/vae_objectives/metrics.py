"""The study's metrics; `evaluation` computes them. What each can tell: docs/latent_metrics.md."""

from __future__ import annotations

from dataclasses import replace

from latentlab.metrics.latent_metrics import LATENT_METRICS
from latentlab.metrics.metric import Metric

NATS = "nats per example"
SHORT = {
    "distortion": "reconstruction_loss",
    "rate": "kl_divergence",
    "gaussian_total_correlation": "mean_total_correlation",
    "mutual_information_gap": "mig",
    "separated_predictability": "sap",
    "dci_informativeness": "informativeness",
}
"""Metrics of any latent-variable model, by the names that they have here."""
SAME = (
    "negative_elbo",
    "mutual_information",
    "active_units",
    "total_correlation",
    "dci_disentanglement",
    "factor_vae_score",
    "beta_vae_score",
    "frechet_distance",
)

METRICS: tuple[Metric, ...] = (
    *(replace(LATENT_METRICS[name], name=short) for name, short in SHORT.items()),
    *(LATENT_METRICS[name] for name in SAME),
    Metric(
        "negative_log_likelihood",
        "lower",
        NATS,
        "-log p(x) by 32 importance samples of the posterior; on average above the true one",
        source="Burda et al. 2016",
        per_example=True,
    ),
    Metric(
        "inference_gap",
        "lower",
        NATS,
        "negative ELBO less negative log-likelihood: what the posterior misses",
        source="Cremer et al. 2018",
    ),
    Metric(
        "marginal_kl",
        "lower",
        "nats",
        "KL less mutual information: of the aggregate posterior from the prior; estimated, so that "
        "it may lie a little below 0",
        source="Hoffman & Johnson 2016",
    ),
)
