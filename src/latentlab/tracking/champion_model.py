"""The registered model as MLflow loads it: code, not a pickle (MLflow's "models from code")."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class ChampionModel(PythonModel):
    """Answers for one trained trial, from its weights and its configuration."""

    def load_context(self, context: Any) -> None:
        """Read weights and configuration."""
        from safetensors.torch import load_file

        from latentlab.data import ImageTextLayout
        from latentlab.studies.registry import STUDIES
        from latentlab.training.contract import DataSpec

        folder = Path(context.artifacts["trial"])
        about = context.model_config
        self._study = STUDIES[about["study"]]
        parts = about.get("parts") and ImageTextLayout.model_validate(about["parts"])
        self._spec = DataSpec(tuple(about["shape"]), about["classes"], parts=parts)
        self._scale = float(about["scale"])
        config = json.loads((folder / "config.json").read_text())
        self._config = self._study.declaration.config_class.model_validate(config)
        self._weights = load_file(folder / "weights.safetensors")

    def predict(
        self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Answers for raw examples, [n, channels, height, width] or flattened to [n, numbers]."""
        import torch

        raw = np.asarray(model_input, dtype=np.float32).reshape(-1, *self._spec.shape)
        features = torch.from_numpy(raw) / self._scale
        return pd.DataFrame(
            self._study.evaluation.predict(self._config, self._spec, self._weights, features)
        )


set_model(ChampionModel())
