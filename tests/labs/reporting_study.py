"""A study that never ran: six arms, ten seeds, nine hypotheses with every verdict there is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentlab.metrics.metric import Metric
from latentlab.reporting import Document, comparison_table, study_document
from latentlab.reporting.deviations import deviations
from latentlab.reporting.figures import (
    example_mosaic,
    forest_plot,
    latent_marginals,
    latent_scatter,
    learning_curves,
    reconstruction_grid,
    strip_plot,
)

ARMS = ("standard_vae", "beta_vae_0.5", "beta_vae_2", "derp_vae_3", "derp_vae_5", "derp_vae_5_gap")
SEEDS = tuple(range(101, 111))
METRICS = (
    Metric("kl", "lower", "nats per example", "Mean KL divergence of q(z|x) from the prior."),
    Metric("ks_distance", "lower", "distance", "Mean Kolmogorov distance.", 0, 1, "report 003"),
    Metric("accuracy", "higher", "share", "Share of test examples labelled correctly.", 0, 1),
    Metric("active_units", "higher", "dimensions", "Dimensions with Var(E[z|x]) > 0.01.", 0),
    Metric("seconds", "none", "seconds", "Wall-clock time of training."),
)
_LEVEL = {"kl": 8.8, "ks_distance": 0.14, "accuracy": 0.262, "active_units": 12, "seconds": 283}
_STEP = {"kl": -0.3, "ks_distance": 0.004, "accuracy": 0.003, "active_units": 0.8, "seconds": 4}


def trial_id(arm: str, seed: int) -> str:
    return f"{arm}-{seed}"


def make_scores() -> pd.DataFrame:
    """Scores on test; the seed shifts all arms alike, as common random numbers do."""
    rng = np.random.default_rng(7)
    rows = []
    for metric, level in _LEVEL.items():
        scale = abs(_STEP[metric])
        shared = rng.normal(0, 2 * scale, len(SEEDS))
        for i, arm in enumerate(ARMS):
            for seed, shift in zip(SEEDS, shared, strict=True):
                value = level + _STEP[metric] * i + shift + rng.normal(0, scale)
                rows.append((trial_id(arm, seed), arm, seed, "test", metric, value))
    columns = ["trial_id", "arm", "seed", "split", "metric", "value"]
    table = pd.DataFrame(rows, columns=columns)
    lost = table["trial_id"].isin([trial_id(ARMS[-1], 110)])
    return table[~lost].reset_index(drop=True)


def make_trials() -> pd.DataFrame:
    rows = [
        {
            "trial_id": trial_id(arm, seed),
            "arm": arm,
            "seed": seed,
            "status": "finished",
            "epochs": 30,
            "steps": 3000,
            "seconds": 280.0,
            "device": "cpu",
            "plan": "cohort 10",
            "reused": False,
            "diverged_at": np.nan,
        }
        for arm in ARMS
        for seed in SEEDS
        if (arm, seed) != (ARMS[-1], 110)
    ]
    table = pd.DataFrame(rows)
    gone = table["trial_id"] == trial_id("beta_vae_2", 104)
    table.loc[gone, ["status", "diverged_at"]] = ["diverged", 812]
    return table


def make_history() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for metric, start, end in (("loss", 220.0, 96.0), ("kl", 1.0, 9.0), ("grad_norm", 9.0, 1.0)):
        for i, arm in enumerate(ARMS):
            for seed in SEEDS:
                offset = rng.normal(0, 0.04 * abs(start - end))
                for epoch in range(30):
                    if arm == "beta_vae_2" and seed == 104 and epoch > 8:
                        break
                    value = end + (start - end) * np.exp(-epoch / (5 + i)) + offset
                    rows.append(
                        (trial_id(arm, seed), arm, seed, epoch, 100 * epoch + 99, metric, value)
                    )
    columns = ["trial_id", "arm", "seed", "epoch", "step", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


_DEFAULTS = {
    "question": "",
    "kind": "superiority",
    "comparison": "superiority",
    "family": "primary",
    "correction": "holm",
    "alpha": 0.05,
    "status": "confirmatory",
    "status_reason": "",
    "command": "",
    "metric": "kl",
    "split": "test",
    "better": "lower",
    "treatment": "derp_vae_5",
    "control": "standard_vae",
    "n": 10,
    "n_unit": "seed",
    "interval_level": 0.9,
    "attainable_p": 0.000977,
    "test": "paired_t",
    "sensitivity": '{"sign_flip": 0.012}',
    "effect_size": "d_z = 0.7",
    "finding": "",
    "cause": "",
}


def _verdict(hypothesis: str, verdict: str, numbers: tuple[float, ...], **others: object) -> dict:
    keys = ("effect", "boundary", "interval_low", "interval_high")
    p_keys = ("p_supported_adjusted", "p_refuted_adjusted")
    values = dict(zip((*keys, *p_keys), numbers, strict=False))
    return {**_DEFAULTS, "hypothesis": hypothesis, "verdict": verdict, **values, **others}


def make_verdicts() -> pd.DataFrame:
    """Nine hypotheses: all five verdicts, three kinds, a one-sided interval, three families."""
    rows = [
        _verdict(
            "H1_less_collapse",
            "supported",
            (3.12, 2.0, 2.61, 3.63, 0.0004, 1.0),
            question="Five probes raise the number of active latent units by at least two",
            finding="derp_vae_5 against standard_vae is better by more than 2 dimensions in "
            "active_units",
            metric="active_units",
            better="higher",
        ),
        _verdict(
            "H2_accuracy_kept",
            "supported",
            (-0.0011, 0.01, -0.0052, 0.003, 0.021, 0.999),
            question="Probes cost at most one point of accuracy",
            finding="derp_vae_5 against standard_vae is not worse by 0.01 share in accuracy",
            kind="non_inferiority",
            comparison="non_inferiority",
            metric="accuracy",
            better="higher",
        ),
        _verdict(
            "H3_class_separation",
            "refuted",
            (-0.012, 0.0, -0.019, -0.005, 1.0, 0.0132),
            question="Probes separate the classes better than the standard VAE does",
            finding="derp_vae_5 against standard_vae is worse in class_separation",
            metric="class_separation",
            better="higher",
        ),
        _verdict(
            "H4_kl_lower",
            "inconclusive",
            (0.41, 0.5, -0.12, 0.94, 0.61, 0.38),
            question="Probes lower the KL divergence by at least half a nat",
            detectable_effect=0.82,
            seeds_likely=15,
            seeds_needed=24,
        ),
        _verdict(
            "H5_same_cost",
            "inconclusive",
            (2.2, 6.0, -1.9, 6.3, 0.058, 0.97),
            question="Training takes the same time within six seconds",
            kind="equivalence",
            comparison="equivalence",
            metric="seconds",
            detectable_effect=6.8,
            seeds_likely=6,
            seeds_needed=11,
        ),
        _verdict(
            "H6_gap_statistic",
            "inconclusive",
            (0.011, 0.0, -0.004, 0.026, 0.28, 1.0),
            question="The gap-aware variant has a lower KS distance",
            metric="ks_distance",
            treatment="derp_vae_5_gap",
            n=4,
            attainable_p=0.0625,
            alpha=0.05,
            detectable_effect=0.061,
            cause="too few to decide: n = 4 is below the minimum of 10, whatever the p-value",
            seeds_likely=13,
            seeds_needed=31,
        ),
        _verdict(
            "H7_beta_collapses",
            "supported",
            (1.9, 0.0, 1.2, np.inf, 0.008, 1.0),
            question="A beta of two lowers the KL divergence",
            family="screening",
            correction="fdr_bh",
            alpha=0.1,
            status="exploratory",
            treatment="beta_vae_2",
            finding="beta_vae_2 against standard_vae is better in kl",
            status_reason="it was declared after the first matching trial had started",
        ),
        _verdict(
            "H8_interaction_of_probes_and_beta_on_reconstruction",
            "invalid",
            (),
            question="Probes help more where beta is large",
            kind="interaction",
            metric="reconstruction",
            n=0,
            cause="arms differ in the undeclared factor optimiser.lr",
        ),
        _verdict(
            "H9_celeba",
            "not_run",
            (),
            question="The same holds on CelebA",
            family="transfer",
            n=0,
            cause="no trial of this study used the source celeba",
        ),
    ]
    return pd.DataFrame(rows)


def make_pictures() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(5)
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 28), np.linspace(-1, 1, 28)))
    centres = rng.uniform(-0.5, 0.5, (24, 2, 1, 1))
    originals = np.exp(-(((grid - centres) / 0.35) ** 2).sum(1, keepdims=True))
    made = {
        arm: np.clip(originals + rng.normal(0, 0.04 * (i + 1), originals.shape), 0, 1)
        for i, arm in enumerate(ARMS)
    }
    return originals, made


def make_latents() -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(11)
    labels = rng.integers(0, 10, 900)
    directions = rng.normal(0, 1, (10, 8))
    latents = {}
    for i, arm in enumerate(ARMS):
        codes = directions[labels] * (0.3 + 0.1 * i) + rng.normal(0, 0.7, (900, 8))
        codes[:, : i // 2] *= 0.01  # collapsed dimensions
        latents[arm] = codes
    return latents, labels


def make_document(**changes: object) -> Document:
    """The report of the study, with some of its parts replaced."""
    scores, trials, verdicts = make_scores(), make_trials(), make_verdicts()
    originals, made = make_pictures()
    latents, labels = make_latents()
    values: dict[str, object] = {
        "title": "DERP-VAE: does enforcing the marginals of random projections help?",
        "question": "Do random probes against the prior keep more latent units in use?",
        "summary": [
            "Six arms, ten seeds each, on the 8 x 8 digits.",
            "Three claims are supported (one of them exploratory), one is refuted, three are open.",
        ],
        "verdicts": verdicts,
        "comparison": comparison_table(scores, METRICS, ARMS[0], trials=trials),
        "figures": {
            "Verdicts at a glance": (
                forest_plot(verdicts),
                "Effect with its unadjusted 90 % interval, zero, and the declared boundary.",
            ),
            "Learning curves": (
                learning_curves(make_history()),
                "Mean over seeds with the 95 % t band.",
            ),
            "KL divergence by seed": (
                strip_plot(scores, METRICS[0], trials=trials),
                "Lines join a seed.",
            ),
            "Accuracy by seed": (
                strip_plot(scores, METRICS[2], trials=trials),
                "Lines join a seed.",
            ),
            "Reconstructions": (reconstruction_grid(originals, made), "First twelve of test."),
            "Latent codes": (latent_scatter(latents, labels), "Posterior means of test."),
            "Latent marginals": (latent_marginals(latents), "One line per dimension."),
        },
        "deviations": deviations(trials, verdicts),
        "metrics": METRICS,
        "reproduce": {
            "command": "kedro run --pipelines derp_vae --env base --params training.epochs=30",
            "git": "3f1c2ab (clean)",
            "versions": "latentlab 0.1.0, torch 2.12.0, numpy 2.4.6",
            "hypotheses digest": "sha256:" + "9f" * 32,
            "device": "cpu, 2 threads",
            "plan": "cohort 10, 1 process",
            "data fingerprint": "sha256:" + "1c" * 32,
        },
        "data_card": {
            "source": "digits",
            "examples": "1,797 (1,257 / 270 / 270)",
            "shape": "1x8x8",
        },
        "preview": example_mosaic(originals),
    }
    return study_document(**{**values, **changes})
