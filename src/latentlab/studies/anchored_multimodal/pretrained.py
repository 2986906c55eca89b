"""Backbones with weights from a file: torch's names, safetensors or a state dict of torch.save.

Of batch normalisation a file holds `<name>.running_mean` and `<name>.running_var` beside weight and
bias. Those become entries of the trial's state; the others become parameters.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentlab.core.errors import UserError
from latentlab.data.image_text.frozen_features import Backbone
from latentlab.data.image_text_layout import SCALE
from latentlab.nn.normalisation import BatchNorm
from latentlab.studies.anchored_multimodal.resnet import IMAGENET_MEAN, IMAGENET_SD, ResNet18
from latentlab.studies.anchored_multimodal.weights_file import pinned, pinned_content
from latentlab.training.contract import Tensors

COUNTERS = "num_batches_tracked"
"""How torch's normalisation ends the name of a number that nothing here uses."""
CLASSIFIER = "fc."
"""How the names of a ResNet's head begin, which a backbone leaves aside."""


def load_backbone(backbone: nn.Module, name: str) -> Tensors:
    """Give a backbone the parameters of a file.

    Args:
        backbone: its parameters are overwritten.
        name: `embedded` or a file, with or without a digest.

    Returns:
        The running statistics, as entries of a trial's state.

    Raises:
        UserError: the file cannot be read, its content has changed, or it does not fit.
    """
    path, content = pinned_content(name)
    return fit(backbone, read_tensors(path, content), path)


def read_tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    """The tensors of a file, by name; nothing in it is run.

    Args:
        path: its suffix tells the format: .safetensors, .pth or .pt.
        content: what it holds.

    Raises:
        UserError: another suffix, a damaged file, or one that holds other things than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load

            tensors: Any = load(content)
        elif path.suffix in (".pth", ".pt"):
            tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        else:
            raise UserError(
                f"{path} has no suffix of weights",
                "Use a .safetensors file, or a .pth file of torch.save(model.state_dict()).",
            )
    except UserError:
        raise
    # What a damaged file raises is not documented, and ranges from EOFError to KeyError.
    except Exception as error:
        raise UserError(
            f"{path} is damaged, or holds other things than weights",
            "Fetch or save it again, as a state dict alone.",
        ) from error
    if not isinstance(tensors, Mapping) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise UserError(
            f"{path} is not a state dict: tensors by name",
            "Save it again with torch.save(model.state_dict()).",
        )
    return dict(tensors)


def fit(backbone: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> Tensors:
    """Give a backbone these tensors; see `load_backbone`.

    Raises:
        UserError: a tensor is missing, one too many, or of another shape.
    """
    expected = shapes(backbone)
    given = {
        name: tensor
        for name, tensor in tensors.items()
        if name in expected or not (name.endswith(COUNTERS) or name.startswith(CLASSIFIER))
    }
    wrong = [
        *(f"lacks {name}" for name in expected if name not in given),
        *(f"has {name}, which the encoder has not" for name in given if name not in expected),
        *(
            f"has {name} of shape {list(given[name].shape)}, not {list(shape)}"
            for name, shape in expected.items()
            if name in given and given[name].shape != shape
        ),
    ]
    if wrong:
        more = f" ({len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise UserError(
            f"{path} {wrong[0]}{more}",
            "Use weights of this visual_encoder, width_multiplier and number of image channels.",
        )
    entries = dict(statistics(backbone))
    backbone.load_state_dict({n: tensor for n, tensor in given.items() if n not in entries})
    return {entry: given[name].float().clone() for name, entry in entries.items()}


def standard_tensors(backbone: nn.Module, state: Tensors) -> Tensors:
    """Parameters and running statistics by their names in a file: the inverse of `fit`."""
    own = {name: state[entry] for name, entry in statistics(backbone)}
    return {
        name: tensor.detach().contiguous() for name, tensor in (backbone.state_dict() | own).items()
    }


def shapes(backbone: nn.Module) -> dict[str, torch.Size]:
    """What a file must hold: names and shapes."""
    found = {name: parameter.shape for name, parameter in backbone.named_parameters()}
    for name, _ in statistics(backbone):
        found[name] = found[f"{name.rpartition('.')[0]}.bias"]
    return found


def statistics(backbone: nn.Module) -> Iterator[tuple[str, str]]:
    """The running statistics: name in a file, and entry of the state."""
    for name, module in backbone.named_modules():
        if isinstance(module, BatchNorm):
            yield f"{name}.running_mean", module.mean
            yield f"{name}.running_var", module.variance


def frozen_resnet(name: str) -> Backbone:
    """A ResNet-18 with the weights of a file, to compute features of pictures once and for all.

    Args:
        name: a file, with or without a digest.

    Raises:
        UserError: as `load_backbone`.
    """
    name = pinned(name)
    model = ResNet18(np.random.Generator(np.random.PCG64(0)))
    state = load_backbone(model, name)

    def features(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.no_grad():
            return np.asarray(model(torch.from_numpy(pictures) / SCALE, state, False)[0])

    file, _, digest = name.rpartition("#")
    before = f"{digest} {SCALE} {IMAGENET_MEAN} {IMAGENET_SD}"
    return Backbone(
        f"ResNet-18 ({Path(file).name})", hashlib.sha256(before.encode()).hexdigest(), features
    )
