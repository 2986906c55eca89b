"""Variational mixtures of harmoniums: clusters of digits against conjugate latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentlab.experiment.blocks import merged
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.studies.mixture_harmonium.metrics import METRICS
from latentlab.studies.mixture_harmonium.plan import Plan, plan_table
from latentlab.studies.mixture_harmonium.reported import REPORTED

if TYPE_CHECKING:
    import pandas as pd


class MixtureHarmoniumDeclaration(Declaration):
    """The `mixture_harmonium` block of the parameters."""

    config_class = MixtureHarmoniumConfig
    own_metrics = METRICS
    baselines = ("k_means_classes", "k_means_same")
    table_caption = (
        "Rows of the report's plan as they were run, with means over seeds and 95 % t intervals; "
        "reported figures are single runs on MNIST."
    )

    plan: Plan = Plan()

    def declared(self) -> dict[str, Any]:
        """The arms: rows of the plan where some are chosen, else those of the data set."""
        rows = self.plan.arms(self.dataset)
        return merged(rows, self.arms) if rows else super().declared()

    def table(self, comparison: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame | None:
        """The report's table with the chosen rows measured; none where no row is chosen."""
        if not self.plan.chosen:
            return None
        return plan_table(self.plan, self.configs, comparison)


STUDY = Study(
    name="mixture_harmonium",
    title="Mixture harmoniums: clustering without an encoder",
    question=(
        "Can the category of a variational mixture of harmoniums find the digits while its prior "
        "and posterior stay conjugate, and does a long warm-up of beta buy that for nothing?"
    ),
    declaration=MixtureHarmoniumDeclaration,
    control="reference",
    curves=("validation_reconstruction", "validation_kl", "train_effective_clusters"),
    strips=("nmi", "ami", "r_squared", "negative_elbo"),
    package="latentlab.studies.mixture_harmonium",
    figures=(
        "verdicts",
        "pareto",
        "conjugation",
        "curves",
        "cluster_pictures",
        "cluster_table",
        "reconstructions",
    ),
    reported=REPORTED,
)
