"""The category of an ARC task's rule, from three pairs of its grids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.search.parameter_alias import SearchName
from latentlab.studies.arc_classifier.config import ArcClassifierConfig
from latentlab.studies.arc_classifier.metrics import METRICS
from latentlab.studies.arc_classifier.reported import CAPTION, effects_table

if TYPE_CHECKING:
    import pandas as pd


class ArcClassifierDeclaration(Declaration):
    """The `arc_classifier` block of the parameters."""

    config_class = ArcClassifierConfig
    metrics = METRICS
    baselines = ("majority", "chance")
    table_caption = CAPTION
    rung_score = "validation_cross_entropy"
    search_names: ClassVar[Mapping[str, SearchName]] = {
        "lr": SearchName("training.learning_rate"),
        "batch_size": SearchName("training.batch_size"),
        "weight_decay": SearchName("training.weight_decay"),
        "use_scheduler": SearchName("training.schedule", {True: "plateau", False: "constant"}),
        "label_smoothing": SearchName("objective.label_smoothing"),
        "encoder_type": SearchName("model.encoder"),
        "embed_dim": SearchName("model.embedding"),
        "use_cosine": SearchName("model.cosine"),
        "temperature": SearchName("model.temperature"),
        "demo_agg": SearchName("model.cnn.demo_aggregation"),
        "width_mult": SearchName("model.cnn.width_multiplier"),
        "depth": SearchName("model.cnn.depth"),
        "mlp_hidden": SearchName("model.cnn.mlp_hidden"),
        "use_coords": SearchName("model.cnn.coordinates"),
        "ctx_d_model": SearchName("model.context.width"),
        "ctx_n_head": SearchName("model.context.heads"),
        "ctx_pixel_layers": SearchName("model.context.pixel_layers"),
        "ctx_grid_layers": SearchName("model.context.grid_layers"),
        "ctx_dropout": SearchName("model.context.dropout"),
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
