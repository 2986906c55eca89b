"""Each lever as a claim, and the answer that its verdicts give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from latentlab.evidence.hypotheses import Hypotheses, read_hypotheses
from latentlab.evidence.verdicts import judge
from latentlab.experiment.examination.levers import Lever
from latentlab.metrics.metric import Metric

Answer = Literal["not collapsed", "collapsed", "inconclusive"]

CONFIGURED = "as_configured"
"""The arm that is examined, among those with a lever pulled."""
WAKES = 0.25
"""A cause wakes more than this share of the units that the data call for."""

UNITS_ON = Metric(
    name="units_on",
    better="higher",
    unit="units",
    definition="Latent units whose posterior mean varies with x: the sum of v / (v + 0.01), with v "
    "the variance of a unit's mean over examples",
    low=0,
    source="Burda et al. 2016, with a soft edge",
)


def claims(study: str, levers: Mapping[str, Lever], wakes: float, seeds: int) -> Hypotheses:
    """Return a claim a lever: pulling it wakes more than so many units.

    Args:
        study: whose models are examined.
        levers: by cause; those that change something.
        wakes: units.
        seeds: how many there are, at least 2: none may be missing.
    """
    return read_hypotheses(
        {
            "study": study,
            "families": {"causes": {"status": "exploratory"}},
            "defaults": {
                "min_seeds": seeds,
                "pairing": "seed",
                "missing": "fail",
                "metric": {"name": UNITS_ON.name, "split": "test"},
                "test": {"primary": "paired_t", "sides": "one"},
                "family": "causes",
            },
            "hypotheses": {
                cause: {
                    "kind": "superiority",
                    "question": f"another {lever.setting} wakes more than {wakes:.2g} units",
                    "arms": {"treatment": cause, "control": CONFIGURED},
                    "min_effect": wakes,
                    "varies": [lever.setting],
                }
                for cause, lever in levers.items()
            },
        },
        "the claims of an examination",
    )


def judged(hypotheses: Hypotheses, scores: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts, the cause that wakes most units first."""
    verdicts = judge(scores, hypotheses, {UNITS_ON.name: UNITS_ON}, trials)
    return verdicts.sort_values("effect", ascending=False, kind="stable", ignore_index=True)


def supported(verdicts: pd.DataFrame, information: Mapping[str, float]) -> list[str]:
    """Return the causes whose claims are supported, in the order of the verdicts.

    Those are left out under which the units say less of x than as configured: there more units are
    on only because training has not come as far. That takes names away and adds none, so the level
    of the claims holds.

    Args:
        verdicts: from `judged`.
        information: of the arms, nats.
    """
    found = verdicts.loc[verdicts["verdict"] == "supported", "hypothesis"]
    return [cause for cause in found if information[cause] > information[CONFIGURED]]


def answer(collapsed_seeds: int, causes: list[str]) -> Answer:
    """Return what the examination says.

    Args:
        collapsed_seeds: seeds whose model is collapsed.
        causes: those that are supported.
    """
    if not collapsed_seeds:
        return "not collapsed"
    return "collapsed" if causes else "inconclusive"
