"""The study's metrics: names, directions, ranges and definitions. `evaluation` computes them."""

from __future__ import annotations

from latentlab.metrics.metric import Metric

REPORT = "report 000"
SOKOLOSKI = "Sokoloski, arXiv 2404.19501"

METRICS: tuple[Metric, ...] = (
    Metric(
        "nmi",
        "higher",
        "share",
        "mutual information of most probable component and label over the arithmetic mean of both "
        "entropies; not corrected for the number of clusters",
        0,
        1,
        REPORT,
    ),
    Metric(
        "ami",
        "higher",
        "share",
        "mutual information of component and label, corrected for chance: 0 is what chance gives, "
        "so that different numbers of clusters compare",
        -1,
        1,
        "Vinh, Epps & Bailey 2010",
    ),
    Metric(
        "ari",
        "higher",
        "share",
        "pairs of examples on which components and labels agree, corrected for chance",
        -0.5,
        1,
        "Hubert & Arabie 1985",
    ),
    Metric(
        "r_squared",
        "higher",
        "share",
        "1 - Var f / Var psi_X over 10,000 samples of the prior, with f = rho . y - psi_X and the "
        "learned rho; 1 is exactly conjugate; at least -10; not defined where psi_X does not vary",
        -10,
        1,
        SOKOLOSKI,
    ),
    Metric(
        "residual_variance",
        "lower",
        "square nats",
        "variance of rho . y - psi_X over the same samples of the prior",
        0,
        source=SOKOLOSKI,
    ),
    Metric(
        "log_partition_variance",
        "none",
        "square nats",
        "variance of psi_X over the same samples of the prior; R2 rises with it too",
        0,
        source="this project",
    ),
    Metric(
        "rho_norm",
        "none",
        "nats",
        "Euclidean norm of the conjugation parameters rho; grows as training goes on",
        0,
        source=REPORT,
    ),
    Metric(
        "negative_elbo",
        "lower",
        "nats per example",
        "negative variational bound on log p(x) over the whole split at beta 1, with ten samples "
        "per example and without the score-function surrogate",
        0,
        source="Sokoloski, arXiv 2404.19501; Williams 1992",
        per_example=True,
    ),
    Metric(
        "active_clusters",
        "higher",
        "clusters",
        "clusters that hold at least 1 % of the examples; the report does not say what it counts",
        0,
        source="this project",
    ),
    Metric(
        "active_nonempty",
        "none",
        "clusters",
        "clusters that hold at least one example",
        1,
        source="this project",
    ),
    Metric(
        "effective_clusters",
        "none",
        "clusters",
        "exponential of the entropy of the clusters' shares of the examples",
        1,
        source="this project",
    ),
    Metric(
        "purity",
        "higher",
        "share",
        "examples that have the most frequent label of their cluster; rises with the number of "
        "clusters by itself",
        0,
        1,
        REPORT,
    ),
    Metric(
        "hungarian_accuracy",
        "higher",
        "share",
        "examples with their cluster's label under the best one-to-one match; measured only with "
        "as many clusters as classes, as otherwise all but one cluster of a class count as wrong",
        0,
        1,
        "Kuhn 1955",
    ),
    Metric(
        "reconstruction_error",
        "lower",
        "square counts per pixel",
        "squared difference of counts 0..16 and their mean at the posterior mean of the latents",
        0,
        256,
        REPORT,
        scale="log",
        per_example=True,
    ),
)
