"""Frozen features by declaration: of a ResNet-18 with weights from a file, computed once."""

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from labs.image_text_files import write_textcaps
from latentlab.core.errors import UserError
from latentlab.data.image_text_layout import TEXT, VISUAL, group_numbers, pictures
from latentlab.experiment.planning import prepare_data
from latentlab.experiment.trained_model import TrainedModel
from latentlab.nn.normalisation import initial_statistics
from latentlab.studies.anchored_multimodal import STUDY
from latentlab.studies.anchored_multimodal.evaluation import evaluate
from latentlab.studies.anchored_multimodal.method import METHOD
from latentlab.studies.anchored_multimodal.pretrained import standard_tensors
from latentlab.studies.anchored_multimodal.resnet import ResNet18
from latentlab.training.data import data_spec

BLOCK = {
    "dataset": "textcaps",
    "datasets": {
        "textcaps": {
            "source": {"image_size": 32, "text_length": 40, "classes": 3, "workers": 1},
            "model": {"visual_encoder": "feature_visual", "width_multiplier": 0.05},
            "training": {"batch_size": 8},
            "arms": {"baseline": {}},
        }
    },
    "champion": {"metric": "accuracy"},
    "hypotheses": {"study": "anchored_multimodal", "families": {}, "hypotheses": {}},
}


@pytest.fixture(scope="module")
def resnet():
    """A network with random weights, and running statistics that are not those of the start."""
    rng = np.random.default_rng(0)
    model = ResNet18(rng)
    state = initial_statistics(model)
    return model, {name: entry + 0.1 * torch.rand_like(entry) for name, entry in state.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, resnet):
    """Raw files, and the weights `a.safetensors` and `b.safetensors`."""
    folder = tmp_path_factory.mktemp("frozen")
    write_textcaps(folder / "raw" / "textcaps")
    tensors = standard_tensors(*resnet)
    save_file(tensors, folder / "a.safetensors")
    save_file(tensors | {"conv1.weight": 2 * tensors["conv1.weight"]}, folder / "b.safetensors")
    return folder


def declaration(features=None):
    block = copy.deepcopy(BLOCK)
    if features:
        block["datasets"]["textcaps"]["features"] = {"weights": str(features)}
    return STUDY.declaration.model_validate(block)


def prepared(folder, weights):
    return prepare_data(STUDY, declaration(weights and folder / weights), folder / "raw")


def test_features_take_the_place_of_pictures(folder, resnet):
    plain, found = prepared(folder, None), prepared(folder, "a.safetensors")
    assert plain.schema.parts.image == (3, 32, 32)
    assert found.schema.parts.image == (512, 1, 1)
    assert "512 features of ResNet-18 (a.safetensors)" in found.origin
    model, state = resnet
    features = {}
    for split, rows in plain.splits.items():
        shown = rows.features[group_numbers(rows.features) == VISUAL]
        images = torch.from_numpy(pictures(shown, plain.schema.parts)).float() / 255
        with torch.no_grad():
            features[split] = model(images, state, training=False)[0].numpy()
    largest = features["train"].max(0)
    for split, exact in features.items():
        rows = found.splits[split].features
        own = rows[group_numbers(rows) == VISUAL, 0, 0, :512] / 255 * largest
        # Rounded to bytes; cut to the largest of training.
        assert (np.abs(own - np.minimum(exact, largest)) <= largest / 505 + 1e-6).all()
        texts = rows[group_numbers(rows) == TEXT]
        assert not texts[..., :512].any()
        of_plain = plain.splits[split].features
        kept = of_plain[group_numbers(of_plain) == TEXT][..., 3 * 32 * 32 :]
        np.testing.assert_array_equal(texts[..., 512:], kept)
    assert features["train"].std(0).max() > 0.01


def test_they_are_computed_once_for_each_file_of_weights(folder, monkeypatch):
    first, other = prepared(folder, "a.safetensors"), prepared(folder, "b.safetensors")
    assert first.fingerprint != other.fingerprint

    def refuse(*args, **kwargs):
        raise AssertionError("computed again")

    monkeypatch.setattr(ResNet18, "forward", refuse)
    assert prepared(folder, "a.safetensors").fingerprint == first.fingerprint
    assert prepared(folder, "b.safetensors").fingerprint == other.fingerprint


def test_a_model_of_features_is_built_and_measured(folder):
    data = prepared(folder, "a.safetensors")
    config = declaration(folder / "a.safetensors").configs["baseline"]
    spec, rng = data_spec(data), np.random.default_rng(0)
    weights = {name: p.detach() for name, p in METHOD.build(config, spec, rng).named_parameters()}
    state = METHOD.init_state(config, spec, rng)
    weights |= {f"state.{name}": entry for name, entry in state.items()}
    test = data.splits["test"]
    features = torch.from_numpy(np.array(test.features)).float() / 255
    scores = evaluate(
        TrainedModel.of(METHOD, config, spec, weights), features, torch.from_numpy(test.labels)
    )
    assert {"visual_accuracy", "text_accuracy"} <= set(scores)


def test_what_is_recorded():
    assert "features" not in declaration().resolved()
    found = declaration("weights/resnet18.pth").resolved()["features"]
    assert found == {"backbone": "resnet18", "weights": "weights/resnet18.pth"}


def test_mistakes_are_told_in_one_line(folder):
    with pytest.raises(UserError, match=r"gone\.pth cannot be read") as error:
        prepared(folder, "gone.pth")
    assert "\n" not in str(error.value)
    save_file({"conv1.weight": torch.zeros(1)}, folder / "little.safetensors")
    with pytest.raises(UserError, match=r"little\.safetensors lacks"):
        prepared(folder, "little.safetensors")
