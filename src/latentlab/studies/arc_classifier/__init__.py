"""The category of an ARC task's rule, from three pairs of its grids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from latentlab.experiment.declaration import TRAINING_CONDITIONS, Conditions, Declaration
from latentlab.experiment.study import Study
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.studies.arc_classifier.config import ArcClassifierConfig
from latentlab.studies.arc_classifier.metrics import METRICS
from latentlab.studies.arc_classifier.reported import CAPTION, effects_table

if TYPE_CHECKING:
    import pandas as pd


class ArcClassifierDeclaration(Declaration):
    """The `arc_classifier` block of the parameters."""

    config_class = ArcClassifierConfig
    own_metrics = METRICS
    baselines = ("majority", "chance")
    table_caption = CAPTION
    rung_score = "validation_cross_entropy"
    parameter_aliases: ClassVar[Mapping[str, ParameterAlias]] = {
        "lr": ParameterAlias("training.learning_rate"),
        "batch_size": ParameterAlias("training.batch_size"),
        "weight_decay": ParameterAlias("training.weight_decay"),
        "use_scheduler": ParameterAlias("training.schedule", {True: "plateau", False: "constant"}),
        "label_smoothing": ParameterAlias("objective.label_smoothing"),
        "encoder_type": ParameterAlias("model.encoder"),
        "embed_dim": ParameterAlias("model.embedding"),
        "use_cosine": ParameterAlias("model.cosine"),
        "temperature": ParameterAlias("model.temperature"),
        "demo_agg": ParameterAlias("model.cnn.demo_aggregation"),
        "width_mult": ParameterAlias("model.cnn.width_multiplier"),
        "depth": ParameterAlias("model.cnn.depth"),
        "mlp_hidden": ParameterAlias("model.cnn.mlp_hidden"),
        "use_coords": ParameterAlias("model.cnn.coordinates"),
        "ctx_d_model": ParameterAlias("model.context.width"),
        "ctx_n_head": ParameterAlias("model.context.heads"),
        "ctx_pixel_layers": ParameterAlias("model.context.pixel_layers"),
        "ctx_grid_layers": ParameterAlias("model.context.grid_layers"),
        "ctx_dropout": ParameterAlias("model.context.dropout"),
    }
    conditions: ClassVar[Conditions] = {
        **TRAINING_CONDITIONS,
        "model.cnn": {"model.encoder": ("cnn",)},
        "model.context": {"model.encoder": ("context",)},
        "model.temperature": {"model.cosine": (True,)},
    }

    def table(self, comparison: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame | None:
        """The report's effects beside the measured ones; none where no such arm was run."""
        found = effects_table(comparison)
        return None if found.empty else found


STUDY = Study(
    name="arc_classifier",
    title="ARC tasks: which kind of rule is it?",
    question=(
        "Can a small encoder name the category of an ARC task's rule from three examples, and do "
        "the choices that a search of 20 trials called decisive make a difference?"
    ),
    declaration=ArcClassifierDeclaration,
    control="reference",
    curves=("validation_error_rate", "validation_cross_entropy", "train_error_rate"),
    strips=("balanced_accuracy", "macro_f1"),
    package="latentlab.studies.arc_classifier",
    figures=("verdicts", "curves", "categories", "confusions", "embeddings"),
)
