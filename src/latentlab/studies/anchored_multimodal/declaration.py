"""What the studies of pictures and texts declare alike, and features in the place of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from latentlab.data import Prepared
from latentlab.data.image_text.frozen_features import with_features
from latentlab.experiment.declaration import DatasetDefaults, Declaration
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.metrics import METRICS

FOLDER = ".features"
"""Beside a source's raw files: features that were computed."""


class FrozenFeatures(BaseModel):
    """A backbone that does not learn, whose features take the place of pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: Literal["resnet18"] = "resnet18"
    weights: str = Field(description="file of its weights, .safetensors, .pth or .pt")


class ImageTextDefaults(DatasetDefaults):
    """What a data set of pictures and texts brings of its own."""

    features: FrozenFeatures | None = Field(
        None,
        description="computed once and kept, for the encoder feature_visual; none: pictures",
    )


class MultimodalDeclaration(Declaration):
    """The block of a study of pictures and texts."""

    config_class = AnchoredMultimodalConfig
    own_metrics = METRICS

    datasets: Mapping[str, ImageTextDefaults]

    @property
    def features(self) -> FrozenFeatures | None:
        """What takes the place of the chosen data set's pictures."""
        return self.datasets[self.dataset].features

    def transform_data(self, prepared: Prepared, folder: Path) -> Prepared:
        """The samples with features for pictures, where the data set says so.

        Raises:
            UserError: weights that cannot be read or are of another network, or a folder that
                cannot be written.
        """
        if self.features is None:
            return prepared
        from latentlab.studies.anchored_multimodal.pretrained import frozen_resnet

        return with_features(prepared, frozen_resnet(self.features.weights), folder / FOLDER)

    def resolved(self) -> dict[str, Any]:
        """The study as it will run, with the features if there are some."""
        features = {"features": self.features.model_dump()} if self.features else {}
        return super().resolved() | features
