"""What may be chosen about encoders, class anchors and group objectives; the report's values."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from latentlab.core.errors import UserError
from latentlab.studies.anchored_multimodal.weights_file import pinned
from latentlab.training.config import TrialConfig
from latentlab.training.per_trial import PerTrial


class ModelConfig(BaseModel):
    """An encoder for each group, and the head that both share."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    visual_encoder: Literal["resnet_visual", "simple_cnn_visual", "feature_visual"] = Field(
        "resnet_visual",
        description="ResNet-18; five convolutional blocks; or a dense layer on features that a "
        "frozen backbone computed once",
    )
    text_encoder: Literal["mlp_text", "char_cnn_text", "transformer_text"] = Field(
        "mlp_text",
        description="mean of character embeddings; convolutions along the text; or attention",
    )
    pretrained: str | None = Field(
        None,
        description="weights that the visual encoder's backbone starts from: embedded (of "
        "simple_cnn_visual at width_multiplier 0.25, trained on digits that the study never sees), "
        "or a .safetensors or .pth file; none: from random ones. A digest of the file is added",
    )
    backbone_rate: float = Field(
        1.0,
        ge=0,
        le=1,
        description="learning rate of the visual encoder's backbone over that of the rest; 0 "
        "freezes it, its batch normalisation included",
    )
    width_multiplier: float = Field(1.0, gt=0, le=4, description="of all widths inside encoders")
    latent_dim: int = Field(64, ge=1, le=2048, description="dimensions of the shared latent space")
    head_hidden: int = Field(
        128,
        ge=0,
        le=65_536,
        description="width of the head's hidden layer at 64 latent dimensions; 0: linear",
    )
    head_scales: bool = Field(
        False, description="the head's hidden layer grows in proportion to latent_dim"
    )
    dropout: Annotated[float, PerTrial(switch=True)] = Field(
        0.2, ge=0, lt=1, description="share of hidden units dropped in the encoders"
    )

    @field_validator("pretrained")
    @classmethod
    def _names_its_content(cls, name: str | None) -> str | None:
        try:
            return None if name is None else pinned(name)
        except UserError as error:
            raise ValueError(str(error)) from error

    @property
    def head_width(self) -> int:
        """Width of the head's hidden layer."""
        return self.head_hidden * self.latent_dim // 64 if self.head_scales else self.head_hidden


class LegacyConfig(BaseModel):
    """Quirks of the reported experiment, off by default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cholesky_fit: bool = Field(
        False,
        description="the fit takes Cholesky factors for the principal square roots of covariances, "
        "as reported: not the Wasserstein distance",
    )
    detached_max: Annotated[bool, PerTrial()] = Field(
        False, description="objective max without a gradient, as reported: nothing is learned by it"
    )


class GroupConfig(BaseModel):
    """How the groups' cross-entropies become one (Sagawa et al. 2020)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    objective: Annotated[Literal["plain", "weighted", "max", "logsumexp"], PerTrial()] = Field(
        "plain",
        description="mean over the batch; sum of q_g CE_g; the largest CE_g; or their soft maximum",
    )
    update: Annotated[Literal["exp", "softmax", "exp_smooth"], PerTrial()] = Field(
        "exp_smooth", description="how q follows the groups' cross-entropies after each step"
    )
    eta: Annotated[float, PerTrial()] = Field(
        0.01, ge=0, le=100, description="size of one step of q, and sharpness of logsumexp"
    )
    gamma: Annotated[float, PerTrial()] = Field(
        0.9,
        ge=0,
        le=1,
        description="exp_smooth: weight of the NEW q, so that 1 is `exp` and 0 never moves; not, "
        "as its name suggests, the share of the old one that is kept",
    )
    warmup_epochs: Annotated[int, PerTrial()] = Field(
        2, ge=0, le=1_000_000, description="epochs in which q stays where it starts"
    )
    start: Annotated[Literal["uniform", "proportions"], PerTrial()] = Field(
        "uniform", description="where q starts: all groups alike, or their shares of the examples"
    )
    pull: Annotated[float, PerTrial()] = Field(
        0.0, ge=0, description="pull of q back to the groups' shares: weight of KL(q || shares)"
    )


class ObjectiveConfig(BaseModel):
    """Classification, fit to the anchors, and separation of the anchors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    fit_weight: Annotated[float, PerTrial(switch=True)] = Field(
        1e-3, ge=0, description="of the distance between a class's latents and its anchor"
    )
    separation_weight: Annotated[float, PerTrial(switch=True)] = Field(
        1e-3, ge=0, description="of what keeps anchors apart"
    )
    anchor_floor: Annotated[float, PerTrial()] = Field(
        1e-4, gt=0, description="added to the diagonal of every covariance"
    )
    covariance: Literal["full", "diagonal"] = Field("full", description="of the fit")
    separation: Literal["classifier", "w2_margin"] = Field(
        "classifier",
        description="the head names draws from the anchors; or anchors keep a squared distance",
    )
    separation_samples: int = Field(
        16, ge=1, le=65_536, description="classifier: draws from each anchor"
    )
    separation_margin: Annotated[float, PerTrial()] = Field(
        2.0, gt=0, description="w2_margin: least SQUARED Wasserstein distance of two anchors"
    )
    groups: GroupConfig = GroupConfig()
    legacy: LegacyConfig = LegacyConfig()


class AnchoredMultimodalConfig(TrialConfig):
    """Everything that decides a trial of this study, beside its data and seed."""

    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        model, objective = self.model, self.objective
        if model.pretrained is not None and model.visual_encoder == "feature_visual":
            raise ValueError(
                "model.pretrained: feature_visual has no backbone; its features were computed with "
                "one already"
            )
        if objective.legacy.cholesky_fit and objective.covariance == "diagonal":
            raise ValueError("objective.legacy.cholesky_fit needs objective.covariance: full")
        return self

    def warmup_end_epoch(self) -> float:
        """When the group weights move too."""
        groups = self.objective.groups
        begun = groups.warmup_epochs if groups.objective != "plain" else 0
        return max(super().warmup_end_epoch(), begun)
