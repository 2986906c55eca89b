"""A registered model is told of what its rows consist, as it was in training."""

from types import SimpleNamespace

import numpy as np
import torch
from pydantic import BaseModel

from labs.stored_trials import write_trial
from latentlab.data import ImageTextLayout
from latentlab.experiment.trained_model import TrainedModel
from latentlab.studies import registry
from latentlab.studies.anchored_multimodal.samples import unpack
from latentlab.tracking.champion_model import ChampionModel
from latentlab.training.contract import MethodDefaults


class _Empty(BaseModel):
    pass


class _Method(MethodDefaults):
    def build(self, config, spec, rng):
        return torch.nn.Linear(1, 1)


def _predict(model, features):
    if model.spec.parts is None:
        return {"sum": features.flatten(1).sum(1).numpy()}
    return {"token": unpack(features, model.spec.parts).tokens[:, 0].numpy()}


def _model(tmp_path, monkeypatch, **about):
    study = SimpleNamespace(
        evaluation=SimpleNamespace(predict=_predict),
        restore=lambda *given: TrainedModel.load(_Method(), _Empty, *given),
    )
    monkeypatch.setitem(registry.STUDIES, "study", study)
    folder = write_trial(tmp_path, torch.nn.Linear(1, 1).state_dict())
    fixed = {"study": "study", "shape": [1, 1, 9], "classes": 2, "scale": 255.0}
    context = SimpleNamespace(artifacts={"trial": str(folder)}, model_config=fixed | about)
    model = ChampionModel()
    model.load_context(context)
    return model


def test_parts_are_read_back(tmp_path, monkeypatch):
    parts = ImageTextLayout(image=(1, 2, 2), text=4).model_dump(mode="json")
    rows = np.zeros((3, 9), dtype=np.float32)
    rows[:, 4] = [7, 0, 44]
    answers = _model(tmp_path, monkeypatch, parts=parts).predict(None, rows)
    assert answers["token"].tolist() == [7, 0, 44]


def test_models_without_parts_stay_readable(tmp_path, monkeypatch):
    for about in ({}, {"parts": None}):  # registered before there were parts, and since
        answers = _model(tmp_path, monkeypatch, **about).predict(None, np.full((1, 9), 255.0))
        assert answers["sum"].tolist() == [9.0]
