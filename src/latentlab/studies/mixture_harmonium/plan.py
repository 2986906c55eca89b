"""The report's table of runs as a plan: rows of settings that become arms.

Steps and warm-ups are shares, so that a budget scales them; a data set's scale turns the report's
latents, learning rates and entropy weights into its own. Rows that are chosen replace the study's
arms. Their trials are stored like all others, so that a plan may be run in parts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.studies.mixture_harmonium.reported import RUNS
from latentlab.training.config import TrialConfig

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("nmi", "ami", "r_squared", "active_clusters", "negative_elbo", "rho_norm")
"""Metrics of the table."""

RowNumber = Annotated[int, Field(ge=0, le=9999)]


class Row(BaseModel):
    """One row: how it differs from the study's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    phase: str = Field(description="part of the report's search that the row belongs to")
    steps: float = Field(gt=0, le=1, description="share of the budget")
    learning_rate: float = Field(gt=0, description="as the report has it")
    beta_warmup: float = Field(ge=0, le=1, description="share of the row's steps")
    rate_warmup: float = Field(ge=0, le=1, description="share of the row's steps")
    conjugation: float = Field(ge=0, description="weight of the conjugation penalty")
    latents: int = Field(ge=1, le=65_536, description="as the report has it")
    clusters: int = Field(ge=1, le=65_536, description="components")
    prior_entropy: float = Field(ge=0, description="weight, as the report has it")
    posterior_entropy: float = Field(ge=0, description="weight, as the report has it")
    assumed: bool = Field(
        False, description="the report gives the entropy weights in words: the numbers are ours"
    )


class Scale(BaseModel):
    """What a row's settings are multiplied by on a data set."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(ge=1, le=1_000_000, description="the budget: epochs of a row with steps 1")
    latents: float = Field(1.0, gt=0, description="factor of the number of latents")
    learning_rate: float = Field(1.0, gt=0, description="factor of the learning rate")
    entropy: float = Field(1.0, ge=0, description="factor of both entropy weights")


class Plan(BaseModel):
    """The block `plan`: the table, and which of its rows are run."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    rows: str | RowNumber | None = Field(None, description="such as 25-28 or 1+23+37, or all")
    phase: str | RowNumber | None = Field(None, description="such as 3A: all rows of this phase")
    scales: dict[str, Scale] = Field({}, description="by data set")
    table: dict[int, Row] = Field({}, description="by number of the run")

    @model_validator(mode="after")
    def _rows_exist(self) -> Plan:
        if self.rows is not None and self.phase is not None:
            raise ValueError("rows and phase are both set: choose one of them")
        unknown = sorted(set(self.chosen) - set(self.table))
        if unknown:
            raise ValueError(
                f"rows: there is no row {unknown[0]}; there are "
                f"{min(self.table, default=0)} to {max(self.table, default=0)}"
            )
        if self.phase is not None and not self.chosen:
            phases = ", ".join(dict.fromkeys(row.phase for row in self.table.values()))
            raise ValueError(f"phase: there is no phase {self.phase}; there are {phases}")
        return self

    @property
    def chosen(self) -> list[int]:
        """Numbers of the rows that are run, in order; none where the study's own arms are."""
        if self.phase is not None:
            return [number for number, row in self.table.items() if row.phase == str(self.phase)]
        if self.rows == "all":
            return list(self.table)
        return [] if self.rows is None else _numbers(str(self.rows))

    def arms(self, dataset: str) -> dict[str, dict[str, Any]]:
        """The chosen rows as arms, by name.

        Raises:
            ValueError: rows are chosen, but the data set has no scale.
        """
        if not self.chosen:
            return {}
        if dataset not in self.scales:
            raise ValueError(f"plan.scales: there is none for {dataset}: declare its epochs")
        scale = self.scales[dataset]
        return {arm_name(number): _arm(self.table[number], scale) for number in self.chosen}


def arm_name(number: int) -> str:
    """The name of a row as an arm, such as `run_07`."""
    return f"run_{number:02d}"


def plan_table(
    plan: Plan, configs: Mapping[str, TrialConfig], comparison: pd.DataFrame
) -> pd.DataFrame:
    """The report's table with what was measured beside what it says, phase by phase.

    Args:
        plan: its chosen rows.
        configs: resolved configuration by arm: what was run, after all scales and overrides.
        comparison: from `comparison_table`.

    Returns:
        One row per chosen row: phase, run, settings as they were run, seeds; per metric the mean
        with its 95 % interval; and the report's figures, which are single runs on MNIST.
    """
    import pandas as pd

    reported = {run.run: run for run in RUNS}
    lines = []
    for number in plan.chosen:
        config = configs[arm_name(number)]
        assert isinstance(config, MixtureHarmoniumConfig)
        model, objective, training = config.model, config.objective, config.training
        own = comparison[comparison["arm"] == arm_name(number)]
        said = reported.get(number)
        entropies = f"{objective.prior_entropy_weight:g}/{objective.posterior_entropy_weight:g}"
        lines.append(
            {
                "phase": plan.table[number].phase,
                "run": number,
                "latents": model.latent_dim,
                "clusters": model.clusters,
                "rate": f"{training.learning_rate:.4g}",
                "epochs": training.epochs,
                "beta warm-up": f"{objective.beta_warmup_fraction:.0%}",
                "penalty": f"{objective.conjugation_weight:g}",
                "entropies": entropies + (" (assumed)" if plan.table[number].assumed else ""),
                "seeds": int(own["n"].max()) if len(own) else 0,
                **{metric: _cell(own, metric) for metric in SHOWN},
                "reported NMI": said.nmi if said else None,
                "reported R2": said.r_squared if said else None,
                "reported active": said.active if said else None,
                "reported ELBO": said.elbo if said else None,
                "reported rho": said.rho_norm if said else None,
            }
        )
    return pd.DataFrame(lines)


def _cell(own: pd.DataFrame, metric: str) -> str:
    found = own[own["metric"] == metric]
    if found.empty or found["mean"].isna().all():
        return "–"
    mean, low, high = found[["mean", "mean_low", "mean_high"]].to_numpy(dtype=float)[0]
    return f"{mean:.3g}" if math.isnan(low) else f"{mean:.3g} [{low:.3g}, {high:.3g}]"


def _arm(row: Row, scale: Scale) -> dict[str, Any]:
    return {
        "model": {
            "latent_dim": max(1, round(row.latents * scale.latents)),
            "clusters": row.clusters,
        },
        "objective": {
            "conjugation_weight": row.conjugation,
            "prior_entropy_weight": row.prior_entropy * scale.entropy,
            "posterior_entropy_weight": row.posterior_entropy * scale.entropy,
            "beta_warmup_fraction": row.beta_warmup,
        },
        "training": {
            "epochs": max(1, round(row.steps * scale.epochs)),
            "learning_rate": row.learning_rate * scale.learning_rate,
            "warmup_fraction": row.rate_warmup,
        },
    }


def _numbers(text: str) -> list[int]:
    """`25-28+37` as numbers.

    Raises:
        ValueError: it is no list of numbers and ranges.
    """
    found: dict[int, None] = {}
    # Kedro's --params splits at commas: there a plus sign stands between parts.
    for part in re.split("[,+]", text):
        match = re.fullmatch(r"\s*(\d{1,4})(?:\s*-\s*(\d{1,4}))?\s*", part)
        if match is None:
            raise ValueError(f"rows: '{text}' is no list such as 25-28 or 1+23+37, nor all")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"rows: '{part.strip()}' runs backwards")
        found |= dict.fromkeys(range(first, last + 1))
    return list(found)
