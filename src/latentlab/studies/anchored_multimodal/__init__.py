"""Pictures and texts in one latent space, with class anchors and group objectives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from latentlab.experiment.study import Study
from latentlab.search.parameter_alias import SearchName
from latentlab.studies.anchored_multimodal.declaration import MultimodalDeclaration


class AnchoredMultimodalDeclaration(MultimodalDeclaration):
    """The `anchored_multimodal` block of the parameters."""

    rung_score = "validation_worst_group_cross_entropy"
    search_names: ClassVar[Mapping[str, SearchName]] = {
        "lr": SearchName("training.learning_rate"),
        "weight_decay": SearchName("training.weight_decay"),
        "batch_size": SearchName("training.batch_size"),
        "latent_dim": SearchName("model.latent_dim"),
        "head_hidden": SearchName("model.head_hidden"),
        "lambda_fit": SearchName("objective.fit_weight"),
        "lambda_sep": SearchName("objective.separation_weight"),
        "groupdro_eta": SearchName("objective.groups.eta"),
        "groupdro_gamma": SearchName("objective.groups.gamma"),
        "groupdro_warmup_epochs": SearchName("objective.groups.warmup_epochs"),
    }


STUDY = Study(
    name="anchored_multimodal",
    title="Pictures and texts: anchors and group objectives",
    question=(
        "Does GroupDRO raise the accuracy of the worse of two groups, pictures and texts, and do "
        "class anchors help?"
    ),
    declaration=AnchoredMultimodalDeclaration,
    control="baseline",
    curves=(
        "validation_cross_entropy",
        "validation_worst_group_cross_entropy",
        "train_group_weight_visual",
    ),
    strips=("worst_group_accuracy", "accuracy", "text_accuracy", "visual_accuracy"),
    package="latentlab.studies.anchored_multimodal",
    figures=(
        "verdicts",
        "group_accuracies",
        "group_weights",
        "curves",
        "anchor_distances",
        "group_confusions",
        "latents_by_group",
    ),
)
