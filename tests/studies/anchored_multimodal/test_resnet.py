"""ResNet-18 against ordinary torch modules with the same weights, names and numbers published."""

import numpy as np
import pytest
import torch
from torch import nn

from latentlab.nn.normalisation import initial_statistics
from latentlab.studies.anchored_multimodal.pretrained import fit, shapes, standard_tensors
from latentlab.studies.anchored_multimodal.resnet import (
    IMAGENET_MEAN,
    IMAGENET_SD,
    ResNet18,
    normalised,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pictures(count=4, channels=3, side=40, seed=0):
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(seed))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class Reference(nn.Module):
    """As the paper has it (table 1, 18 layers; option B), of torch's own modules."""

    def __init__(self, width, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        w = width
        self.layer1 = nn.Sequential(Block(w, w, 1), Block(w, w, 1))
        self.layer2 = nn.Sequential(Block(w, 2 * w, 2), Block(2 * w, 2 * w, 1))
        self.layer3 = nn.Sequential(Block(2 * w, 4 * w, 2), Block(4 * w, 4 * w, 1))
        self.layer4 = nn.Sequential(Block(4 * w, 8 * w, 2), Block(8 * w, 8 * w, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * w, classes)

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


@pytest.fixture
def pair():
    """Ours and the reference with the same random weights, biases and statistics; and our state."""
    ours = ResNet18(np.random.default_rng(0), width=4, classes=5)
    state = initial_statistics(ours)
    tensors = standard_tensors(ours, state)
    for place, (name, tensor) in enumerate(tensors.items()):
        if tensor.ndim == 1:
            tensors[name] = 0.5 + normal(*tensor.shape, seed=place).abs()
    state = fit(ours, tensors, "a test")
    reference = Reference(4, 5)
    lacking, unexpected = reference.load_state_dict(tensors, strict=False)
    assert unexpected == []
    assert all(name.endswith("num_batches_tracked") for name in lacking)
    return ours, reference, state


def as_expected(x):
    mean, sd = (torch.tensor(n).view(1, 3, 1, 1) for n in (IMAGENET_MEAN, IMAGENET_SD))
    return (x - mean) / sd


def test_numbers_and_names_are_the_published_ones():
    norm = ("weight", "bias", "running_mean", "running_var")
    expected = ["conv1.weight", *(f"bn1.{part}" for part in norm)]
    for layer in (1, 2, 3, 4):
        for block in (0, 1):
            prefix = f"layer{layer}.{block}"
            for number in (1, 2):
                expected.append(f"{prefix}.conv{number}.weight")
                expected += [f"{prefix}.bn{number}.{part}" for part in norm]
            if layer > 1 and block == 0:
                expected.append(f"{prefix}.downsample.0.weight")
                expected += [f"{prefix}.downsample.1.{part}" for part in norm]
    expected += ["fc.weight", "fc.bias"]
    model = ResNet18(np.random.default_rng(0), classes=1000)
    found = shapes(model)
    assert sorted(found) == sorted(expected)
    assert len(found) == 62 + 40
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512
    assert found["conv1.weight"] == (64, 3, 7, 7)
    assert found["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert found["layer4.1.bn2.running_var"] == (512,)
    assert found["fc.weight"] == (1000, 512)
    assert not list(model.buffers())
    with torch.device("meta"):
        published = {
            name: tensor.shape
            for name, tensor in Reference(64, 1000).state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
    assert found == published


def test_without_a_head_it_gives_features():
    model = ResNet18(np.random.default_rng(0), width=4)
    features, _ = model(pictures(), initial_statistics(model), False)
    assert features.shape == (4, model.features) == (4, 32)
    assert not any(name.startswith("fc") for name in shapes(model))
    full = sum(p.numel() for p in ResNet18(np.random.default_rng(0)).parameters())
    assert full == 11_689_512 - 513 * 1000


def test_training_is_that_of_torch(pair):
    ours, reference, state = pair
    for seed in range(2):
        x = pictures(seed=seed)
        y, changes = ours(x, state, True)
        expected = reference(as_expected(x))
        torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-4)
        state |= changes
    weights = normal(*y.shape)
    names = [name for name, _ in ours.named_parameters()]
    found = torch.autograd.grad((y * weights).sum(), list(ours.parameters()))
    own = dict(reference.named_parameters())
    right = torch.autograd.grad((expected * weights).sum(), [own[name] for name in names])
    for name, mine, other in zip(names, found, right, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-3, msg=name)
    for name, tensor in standard_tensors(ours, state).items():
        torch.testing.assert_close(tensor, reference.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_evaluation_is_that_of_torch(pair):
    ours, reference, state = pair
    reference.eval()
    x = pictures(3, side=33)
    y, changes = ours(x, state, False)
    assert changes == {}
    torch.testing.assert_close(y, reference(as_expected(x)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours(x[:1], state, False)[0], y[:1])


def test_one_channel_stands_for_three(pair):
    ours, _, state = pair
    x = pictures(2, channels=1)
    torch.testing.assert_close(normalised(x), as_expected(x.expand(-1, 3, -1, -1)))
    assert torch.equal(ours(x, state, True)[0], ours(x.expand(-1, 3, -1, -1), state, True)[0])


def test_statistics_are_of_the_counted_pictures(pair):
    ours, _, state = pair
    x = pictures(6)
    counted = torch.tensor([1.0, 1, 0, 1, 0, 1])
    y, changes = ours(x, state, True, counted)
    alone, expected = ours(x[counted > 0], state, True)
    torch.testing.assert_close(y[counted > 0], alone, rtol=1e-4, atol=1e-4)
    assert changes.keys() == state.keys()
    for name, value in expected.items():
        torch.testing.assert_close(changes[name], value, rtol=1e-4, atol=1e-4)
