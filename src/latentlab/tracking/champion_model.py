"""The registered model as MLflow loads it: code, not a pickle (MLflow's "models from code")."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class ChampionModel(PythonModel):
    """Answers for one trained trial."""

    def load_context(self, context: Any) -> None:
        """Restore the trial."""
        import torch

        from latentlab.data import ImageTextLayout
        from latentlab.studies.registry import STUDIES
        from latentlab.training.contract import DataSpec

        about = context.model_config
        self._study = STUDIES[about["study"]]
        parts = about.get("parts") and ImageTextLayout.model_validate(about["parts"])
        spec = DataSpec(tuple(about["shape"]), about["classes"], parts=parts)
        self._scale = float(about["scale"])
        folder = Path(context.artifacts["trial"])
        self._model = self._study.restore(folder, spec, torch.device("cpu"))

    def predict(
        self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return answers for raw examples, [n, channels, height, width] or [n, numbers]."""
        import torch

        raw = np.asarray(model_input, dtype=np.float32).reshape(-1, *self._model.spec.shape)
        features = torch.from_numpy(raw) / self._scale
        return pd.DataFrame(self._study.evaluation.predict(self._model, features))


set_model(ChampionModel())
