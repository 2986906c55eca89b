"""Pictures and texts in one latent space, with class anchors and group objectives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from latentlab.experiment.study import Study
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.studies.anchored_multimodal.declaration import MultimodalDeclaration


class AnchoredMultimodalDeclaration(MultimodalDeclaration):
    """The `anchored_multimodal` block of the parameters."""

    rung_score = "validation_worst_group_cross_entropy"
    parameter_aliases: ClassVar[Mapping[str, ParameterAlias]] = {
        "lr": ParameterAlias("training.learning_rate"),
        "weight_decay": ParameterAlias("training.weight_decay"),
        "batch_size": ParameterAlias("training.batch_size"),
        "latent_dim": ParameterAlias("model.latent_dim"),
        "head_hidden": ParameterAlias("model.head_hidden"),
        "lambda_fit": ParameterAlias("objective.fit_weight"),
        "lambda_sep": ParameterAlias("objective.separation_weight"),
        "groupdro_eta": ParameterAlias("objective.groups.eta"),
        "groupdro_gamma": ParameterAlias("objective.groups.gamma"),
        "groupdro_warmup_epochs": ParameterAlias("objective.groups.warmup_epochs"),
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
