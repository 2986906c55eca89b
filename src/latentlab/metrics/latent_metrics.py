"""Names, directions, ranges and definitions of what is measured of latent-variable models.

A study picks the rows that its evaluation computes: docs/latent_metrics.md says what each can tell.
"""

from __future__ import annotations

from latentlab.metrics.metric import Metric

LIKELIHOOD: tuple[Metric, ...] = (
    Metric(
        "distortion",
        "lower",
        "nats per example",
        "-log p(x|z) of one posterior sample",
        source="Alemi et al. 2018",
        per_example=True,
    ),
    Metric(
        "rate",
        "none",
        "nats per example",
        "log q(z|x) - log p(z) of one posterior sample, whose mean over samples is "
        "KL(q(z|x) || p(z))",
        source="Alemi et al. 2018",
        per_example=True,
    ),
    Metric(
        "negative_elbo",
        "lower",
        "nats per example",
        "reconstruction loss plus KL at beta 1, whatever beta the arm trained with",
        0,
        source="Kingma & Welling 2014",
        per_example=True,
    ),
    Metric(
        "importance_bound",
        "higher",
        "nats per example",
        "log of the mean of k importance weights p(x, z) / q(z|x): a lower bound of log p(x) that "
        "rises with k",
        source="Burda et al. 2016",
        per_example=True,
    ),
    Metric(
        "annealed_log_likelihood",
        "higher",
        "nats per example",
        "log p(x) by annealed importance sampling from q(z|x) to p(z|x)",
        source="Neal 2001; Wu et al. 2017",
        per_example=True,
    ),
)
LATENT: tuple[Metric, ...] = (
    Metric(
        "active_units",
        "higher",
        "dimensions",
        "latent dimensions whose posterior mean varies over examples with a variance above .01",
        0,
        source="Burda et al. 2016",
    ),
    Metric(
        "mutual_information",
        "higher",
        "nats",
        "I_q(x; z) by the aggregate posterior of up to "
        "2,000 examples, at most the log of their number; estimated from a sample of each, so that "
        "where there is none it may lie a little below 0",
        source="Hoffman & Johnson 2016",
    ),
    Metric(
        "total_correlation",
        "lower",
        "nats",
        "KL of the aggregate posterior of these examples from the product of its margins, estimated"
        " from a sample of each",
        source="Chen et al. 2018",
    ),
    Metric(
        "gaussian_total_correlation",
        "lower",
        "nats",
        "total correlation of a Gaussian with the covariance of the codes",
        0,
        source="Locatello et al. 2019",
    ),
)
DISENTANGLEMENT: tuple[Metric, ...] = (
    Metric(
        "mutual_information_gap",
        "higher",
        "share",
        "gap between the two units with the most information on a factor, over the factor's "
        "entropy, averaged over factors (MIG); codes in 20 equal bins",
        0,
        1,
        "Chen et al. 2018",
    ),
    Metric(
        "separated_predictability",
        "higher",
        "share",
        "gap between the two units that tell a factor best, averaged over factors (SAP): by "
        "squared correlation, or balanced accuracy of thresholds where values have no order",
        0,
        1,
        "Kumar et al. 2018",
    ),
    Metric(
        "dci_disentanglement",
        "higher",
        "share",
        "1 less the entropy of a unit's importance over factors, averaged over units by their "
        "importance to a forest",
        0,
        1,
        "Eastwood & Williams 2018",
    ),
    Metric(
        "dci_completeness",
        "higher",
        "share",
        "1 less the entropy of a factor's importance over units, averaged over factors",
        0,
        1,
        "Eastwood & Williams 2018",
    ),
    Metric(
        "dci_informativeness",
        "higher",
        "share",
        "examples of the other half whose factor a forest names from the codes, averaged over "
        "factors",
        0,
        1,
        "Eastwood & Williams 2018",
    ),
    Metric(
        "factor_vae_score",
        "higher",
        "share",
        "votes whose held factor is named from the unit that varies least",
        0,
        1,
        "Kim & Mnih 2018",
    ),
    Metric(
        "beta_vae_score",
        "higher",
        "share",
        "votes whose shared factor a linear classifier names from mean differences of 64 pairs",
        0,
        1,
        "Higgins et al. 2017",
    ),
)
SAMPLES: tuple[Metric, ...] = (
    Metric(
        "frechet_distance",
        "lower",
        "squared features",
        "squared Wasserstein-2 distance of Gaussians fitted to features of examples and of samples",
        0,
        source="Heusel et al. 2017",
        scale="log",
    ),
    Metric(
        "kernel_distance",
        "lower",
        "none",
        "unbiased squared MMD of features with a cubic kernel; may be below 0 where both are alike",
        source="Binkowski et al. 2018",
    ),
    Metric(
        "sample_precision",
        "higher",
        "share",
        "samples in a ball of an example that reaches to its third neighbour",
        0,
        1,
        "Kynkaanniemi et al. 2019",
    ),
    Metric(
        "sample_recall",
        "higher",
        "share",
        "examples in a ball of a sample that reaches to its third neighbour",
        0,
        1,
        "Kynkaanniemi et al. 2019",
        per_example=True,
    ),
)
FAMILIES = {
    "Likelihood": LIKELIHOOD,
    "Latent units": LATENT,
    "Disentanglement": DISENTANGLEMENT,
    "Samples": SAMPLES,
}
"""All of them by family, in the order of docs/latent_metrics.md."""
LATENT_METRICS = {row.name: row for rows in FAMILIES.values() for row in rows}
"""All of them by name."""
