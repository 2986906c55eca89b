"""Weights from files: round trips, mistakes, identity; and those that come with the package."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from labs.multimodal import built, config, hyper_of, samples, spec_of
from latentlab.core.errors import UserError
from latentlab.data.image_text.handwriting import (
    HandwritingConfig,
    pretraining_split,
    read_handwriting,
)
from latentlab.data.image_text_layout import VISUAL, group_numbers, pictures
from latentlab.nn.normalisation import initial_statistics
from latentlab.studies.anchored_multimodal import pretrain_embedded
from latentlab.studies.anchored_multimodal.model import initial_state, pretrained_model
from latentlab.studies.anchored_multimodal.pretrained import (
    frozen_resnet,
    load_backbone,
    standard_tensors,
)
from latentlab.studies.anchored_multimodal.resnet import ResNet18
from latentlab.studies.anchored_multimodal.visual import ConvolutionalBackbone
from latentlab.studies.anchored_multimodal.weights_file import SHIPPED, pinned
from latentlab.training.trial import Trial


def backbone(seed=0):
    return ConvolutionalBackbone((1, 8, 8), 0.125, np.random.default_rng(seed))


def saved(tensors, path):
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


@pytest.fixture
def tensors():
    """Of a backbone whose statistics are not those that training begins with."""
    model = backbone()
    state = {name: value + 0.25 for name, value in initial_statistics(model).items()}
    return standard_tensors(model, state)


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "pt"])
def test_a_file_comes_back(tensors, tmp_path, suffix):
    path = saved(tensors, tmp_path / f"weights.{suffix}")
    other = backbone(1)
    state = load_backbone(other, str(path))
    again = standard_tensors(other, state)
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())
    assert state.keys() == initial_statistics(other).keys()
    settings, spec = config(visual_encoder="simple_cnn_visual", pretrained=str(path)), spec_of()
    model = pretrained_model(settings, spec, np.random.default_rng(5))
    state = initial_state(settings, spec)
    own = standard_tensors(model.visual.backbone, state)
    assert all(torch.equal(own[name], tensor) for name, tensor in tensors.items())
    # Nothing but the backbone is pretrained.
    fresh, _ = built(config(visual_encoder="simple_cnn_visual"), spec, seed=5)
    for name, parameter in fresh.named_parameters():
        same = torch.equal(dict(model.named_parameters())[name], parameter)
        norm = name.startswith("visual.backbone.") and ".norm." in name
        assert norm or same != name.startswith("visual.backbone."), name
    model.encode(samples([0, 1], spec), state, {}, hyper_of(settings), False)


def test_a_published_resnet_fits(tmp_path):
    published = ResNet18(np.random.default_rng(0), width=4, classes=7)
    tensors = standard_tensors(published, initial_statistics(published))
    counters = [n.replace("running_var", "num_batches_tracked") for n in tensors if "_var" in n]
    assert len(counters) == 20
    # As torch.save writes them, half precision included.
    tensors |= {name: torch.tensor(3) for name in counters}
    tensors["conv1.weight"] = tensors["conv1.weight"].half()
    tensors["bn1.running_mean"] = tensors["bn1.running_mean"].half() + 0.5
    path = saved(tensors, tmp_path / "resnet18.pth")
    model = ResNet18(np.random.default_rng(1), width=4)
    state = load_backbone(model, str(path))
    assert model.conv1.weight.dtype == state["norm.bn1.mean"].dtype == torch.float32
    assert torch.equal(model.conv1.weight, tensors["conv1.weight"].float())
    assert torch.equal(state["norm.bn1.mean"], torch.full((4,), 0.5))
    x = torch.rand(2, 3, 32, 32)
    published.conv1.load_state_dict({"weight": tensors["conv1.weight"]})
    assert torch.equal(published.fc(model(x, state, False)[0]), published(x, state, False)[0])
    refused = ResNet18(np.random.default_rng(1), width=4, classes=9)
    with pytest.raises(UserError, match=r"fc\.weight of shape \[7, 32\], not \[9, 32\] \(1 more\)"):
        load_backbone(refused, str(path))


def without(name):
    return lambda tensors: {n: t for n, t in tensors.items() if n != name}


class Anything:
    """Not a tensor; loading it would run code of this module."""


FIRST = "blocks.0.conv.weight"
MISTAKES = {
    "missing": ("w.pth", without(FIRST), rf"lacks {FIRST}\. Use weights of this visual_encoder"),
    "statistic": ("w.pth", without("blocks.4.norm.running_var"), "lacks blocks.4.norm.running_var"),
    "unexpected": ("w.pth", lambda t: t | {"extra.weight": t[FIRST]}, "has extra.weight, which"),
    "shape": (
        "w.pth",
        lambda t: t | {FIRST: t[FIRST][:2]},
        rf"{FIRST} of shape \[2, 1, 3, 3\], not",
    ),
    "other network": ("w.pth", lambda t: {"conv.weight": t[FIRST]}, r"lacks .* \(25 more\)"),
    "nested": ("w.pth", lambda t: {"state_dict": t}, "is not a state dict"),
    "not a dict": ("w.pth", lambda t: t[FIRST], "is not a state dict"),
    "code": (
        "w.pth",
        lambda t: {"a": Anything()},
        "is damaged, or holds other things than weights",
    ),
    "suffix": ("w.bin", lambda t: t, "has no suffix of weights"),
    "wrong format": ("w.safetensors", None, "is damaged"),
    "empty": ("w.pt", None, "is damaged"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_in_one_line(tensors, tmp_path, mistake):
    file, changed, message = MISTAKES[mistake]
    path = tmp_path / file
    if changed is None:
        path.write_bytes(b"")
    else:
        torch.save(changed(tensors), path)
    with pytest.raises(UserError, match=message) as caught:
        load_backbone(backbone(), str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_truncated_file(tensors, tmp_path):
    for suffix in ("pth", "safetensors"):
        path = saved(tensors, tmp_path / f"w.{suffix}")
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(UserError, match="is damaged"):
            load_backbone(backbone(), str(path))


def trial(settings):
    return Trial("anchored_multimodal", "arm", 0, settings, "data", "float32", 1).id


def test_other_weights_are_another_trial(tensors, tmp_path):
    path = saved(tensors, tmp_path / "w.safetensors")
    first = config(visual_encoder="simple_cnn_visual", pretrained=str(path))
    assert first.model.pretrained == pinned(str(path)) != str(path)
    again = config(visual_encoder="simple_cnn_visual", pretrained=str(path))
    assert trial(again) == trial(first)
    saved({name: tensor + 1 for name, tensor in tensors.items()}, path)
    other = config(visual_encoder="simple_cnn_visual", pretrained=str(path))
    assert trial(other) != trial(first)
    assert other.model.pretrained.split("#")[0] == first.model.pretrained.split("#")[0] == str(path)
    spec = spec_of()
    assert initial_state(other, spec)
    for begin in (lambda: initial_state(first, spec), lambda: pretrained_model(first, spec, rng())):
        with pytest.raises(UserError, match=rf"{path} no longer holds the weights of {path}#"):
            begin()


def rng():
    return np.random.default_rng(0)


def test_what_was_trained_is_read_back_without_its_file(tensors, tmp_path):
    path = saved(tensors, tmp_path / "w.safetensors")
    first = config(visual_encoder="simple_cnn_visual", pretrained=str(path))
    path.unlink()
    assert type(first).model_validate(first.model_dump(mode="json")) == first
    with pytest.raises(UserError, match=r"w\.safetensors cannot be read: No such file"):
        initial_state(first, spec_of())


@pytest.mark.parametrize("name", ["nothing.pth", "."])
def test_a_configuration_names_a_file(name):
    with pytest.raises(ValidationError, match=r"cannot be read: .* Name a"):
        config(visual_encoder="simple_cnn_visual", pretrained=name)


EMBEDDED = {"visual_encoder": "simple_cnn_visual", "pretrained": "embedded"}


def test_embedded_weights_fit_the_embedded_data():
    assert SHIPPED.stat().st_size < 300_000
    settings = config(**EMBEDDED, width_multiplier=0.25)
    model = pretrained_model(settings, spec_of(), rng())
    state = initial_state(settings, spec_of())
    for name, tensor in load_file(SHIPPED).items():
        own = standard_tensors(model.visual.backbone, state)
        assert torch.equal(own[name], tensor)
    with pytest.raises(
        UserError, match=r"embedded\.safetensors has blocks\.0\.conv\.weight of shape"
    ):
        pretrained_model(config(**EMBEDDED, width_multiplier=0.5), spec_of(), rng())
    with pytest.raises(UserError, match=r"embedded\.safetensors lacks conv1\.weight"):
        initial_state(config(**EMBEDDED | {"visual_encoder": "resnet_visual"}), spec_of())


def test_embedded_weights_know_digits_that_they_have_not_seen():
    """Class means of features name a study's digits, before those are spoiled."""

    def accuracy(pretrained):
        settings = config(**EMBEDDED | {"pretrained": pretrained}, width_multiplier=0.25)
        model = pretrained_model(settings, spec_of(), rng())
        state = initial_state(settings, spec_of())
        prepared = read_handwriting(HandwritingConfig(visual_noise=0, occlusion=0), None)
        found = []
        for name in ("train", "test"):
            split = prepared.splits[name]
            seen = group_numbers(split.features) == VISUAL
            images = torch.from_numpy(pictures(split.features[seen], prepared.schema.parts)) / 255
            with torch.no_grad():
                found.append((model.visual.backbone(images, state, False)[0], split.labels[seen]))
        (train, labels), (test, truth) = found
        means = torch.stack([train[labels == k].mean(0) for k in range(10)])
        return float(np.mean(torch.cdist(test, means).argmin(1).numpy() == truth))

    assert accuracy("embedded") > 0.9
    assert accuracy("embedded") > accuracy(None) + 0.05


def test_embedded_weights_can_be_made_again(tmp_path, monkeypatch, caplog):
    first, again = (pretrain_embedded.pretrained_tensors(epochs=1) for _ in range(2))
    shipped = load_file(SHIPPED)
    assert {n: t.shape for n, t in first.items()} == {n: t.shape for n, t in shipped.items()}
    assert all(torch.equal(again[name], tensor) for name, tensor in first.items())
    # They learn from the digits that are held back, and from no others.
    asked = []
    monkeypatch.setattr(
        pretrain_embedded, "pretraining_split", lambda c: asked.append(c) or pretraining_split(c)
    )
    monkeypatch.setattr(pretrain_embedded, "EPOCHS", 1)
    with caplog.at_level("INFO"):
        pretrain_embedded.run(["--out", str(tmp_path / "new" / "w.safetensors")])
    assert asked == [HandwritingConfig()]
    assert "bytes written to" in caplog.text
    written = load_file(tmp_path / "new" / "w.safetensors")
    assert all(torch.equal(written[name], tensor) for name, tensor in first.items())
    monkeypatch.setattr(pretrain_embedded, "pretrained_tensors", lambda epochs: first)
    with pytest.raises(UserError, match=r"new cannot be written: Is a directory\. Free space"):
        pretrain_embedded.run(["--out", str(tmp_path / "new")])
    monkeypatch.setattr("sys.argv", ["pretrain", "--out", str(tmp_path / "new")])
    with pytest.raises(SystemExit, match="cannot be written"):
        pretrain_embedded.main()


def test_frozen_features_are_those_of_evaluation(tmp_path):
    model = ResNet18(np.random.default_rng(0))
    state = {n: 1.1 * value + 0.1 for n, value in initial_statistics(model).items()}
    tensors = standard_tensors(model, state)
    path = saved(tensors, tmp_path / "resnet18.safetensors")
    frozen = frozen_resnet(str(path))
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 20, 20)).astype(np.uint8)
    found = frozen.features(images)
    assert found.dtype == np.float32
    assert found.shape == (3, 512)
    assert found.min() >= 0
    with torch.no_grad():
        expected, _ = model(torch.from_numpy(images) / 255, state, False)
    np.testing.assert_array_equal(found, expected.numpy())
    # Of one picture, whatever others are with it.
    np.testing.assert_allclose(frozen.features(images[:1]), found[:1], rtol=1e-4, atol=1e-5)
    assert frozen.name == "ResNet-18 (resnet18.safetensors)"
    moved = saved(tensors, tmp_path / "moved.safetensors")
    assert frozen_resnet(str(moved)).digest == frozen.digest
    tensors["bn1.running_mean"] = tensors["bn1.running_mean"] + 1
    assert frozen_resnet(str(saved(tensors, moved))).digest != frozen.digest
