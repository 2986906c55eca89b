"""The workloads that are timed: what is trained, on what, by how many trials."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from latentlab.data import Prepared, Schema, Split, save_prepared
from latentlab.nn.layers import Dense
from latentlab.studies.derp_vae.config import DerpVaeConfig
from latentlab.studies.derp_vae.method import METHOD
from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.method import METHOD as LEAST_VOLUME
from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.studies.mixture_harmonium.method import METHOD as HARMONIUM
from latentlab.studies.mixture_harmonium.plan import Plan
from latentlab.training.config import TrainingConfig, TrialConfig
from latentlab.training.contract import Batch, Clock, DataSpec, Method, MethodDefaults, Tensors
from latentlab.training.streams import Noise
from latentlab.training.trial import Trial

PLAN = Path(__file__).parents[1] / "conf/base/mixture_harmonium/parameters_plan.yml"


class AutoencoderConfig(TrialConfig):
    """A dense auto-encoder: pixels -> hidden -> code -> hidden -> pixels."""

    hidden: int
    code: int


class Autoencoder(nn.Module):
    """Four dense layers."""

    def __init__(self, widths: tuple[int, ...], rng: np.random.Generator) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Dense(a, b, rng) for a, b in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, pixels] to [batch, pixels]."""
        first, second, third, last = self.layers
        return last(third(second(first(x).relu()).relu()).relu())


class AutoencoderMethod(MethodDefaults):
    """An auto-encoder's mean squared error."""

    name = "autoencoder"
    version = 1

    def build(self, config: TrialConfig, spec: DataSpec, rng: np.random.Generator) -> nn.Module:
        """The model."""
        assert isinstance(config, AutoencoderConfig)
        pixels = int(np.prod(spec.shape))
        return Autoencoder((pixels, config.hidden, config.code, config.hidden, pixels), rng)

    def noise_spec(self, config: TrialConfig, spec: DataSpec, batch: int) -> Mapping[str, Noise]:
        """None."""
        return {}

    def evaluation_noise_spec(
        self, config: TrialConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """None."""
        return {}

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
        state: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Mean squared error."""
        x = batch.features.flatten(1)
        error = (model(x) - x).square().mean()
        return error, {"reconstruction": error}, state


@dataclass(frozen=True)
class Workload:
    """Groups of trials of one shape each, on one data set.

    Attributes:
        name: what it stands for.
        method: formulas.
        groups: trials by group; the groups of a study are trained one after the other.
        prepared: folder of the data.
        goal: times faster than the plain loop that are asked for.
    """

    name: str
    method: Method
    groups: tuple[tuple[Trial, ...], ...]
    prepared: Path
    goal: float


def workloads(folder: Path) -> list[Workload]:
    """All of them; their data are random pixels of the right shape, written to `folder`."""
    digits = random_pixels(folder / "digits", (1, 8, 8), 1437)
    mnist = random_pixels(folder / "mnist", (1, 28, 28), 6000)
    cifar = random_pixels(folder / "cifar10", (3, 32, 32), 6000)
    beams = random_pixels(folder / "beams2d", (1, 24, 48), 448)
    arms = {
        "standard_vae": {},
        "beta_vae_0.1": {"beta": 0.1},
        "beta_vae_0.5": {"beta": 0.5},
        "beta_vae_2.0": {"beta": 2.0},
        "derp_vae_3": {"distributional_weight": 1.0, "probes": 3},
        "derp_vae_5": {"distributional_weight": 1.0, "probes": 5},
    }
    small = {"hidden": 128, "latent_dim": 8}
    return [
        Workload(
            "digits study, 60 trials", METHOD, _groups(arms, 10, small, 64, digits), digits, 3.5
        ),
        Workload(
            "auto-encoder 64-32-8, 32 trials",
            AutoencoderMethod(),
            (
                _autoencoders(
                    32, AutoencoderConfig(training=_budget(64), hidden=32, code=8), digits
                ),
            ),
            digits,
            20.0,
        ),
        Workload(
            "MNIST auto-encoder 784-128-16, 16 trials",
            AutoencoderMethod(),
            (
                _autoencoders(
                    16, AutoencoderConfig(training=_budget(128), hidden=128, code=16), mnist
                ),
            ),
            mnist,
            2.5,
        ),
        Workload(
            "CIFAR VAE 3072-256-4, 8 trials",
            METHOD,
            _groups({"standard_vae": {}}, 8, {"hidden": 256, "latent_dim": 4}, 128, cifar),
            cifar,
            1.5,
        ),
        Workload("harmonium plan, 37 rows x 2 seeds", HARMONIUM, _plan(2, digits), digits, 1.5),
        Workload(
            "least volume 24x48, convolutional, 2 x 8 trials",
            LEAST_VOLUME,
            tuple(_least_volume(8, norm, beams) for norm in ("none", "operator")),
            beams,
            1.0,
        ),
    ]


def workloads_of_one_shape(folder: Path) -> list[Workload]:
    """Those that an accelerator is timed with: as many trials as fill it, all of one shape."""
    digits = random_pixels(folder / "digits", (1, 8, 8), 1437)
    mnist = random_pixels(folder / "mnist", (1, 28, 28), 6000)
    cifar = random_pixels(folder / "cifar10", (3, 32, 32), 6000)
    beams = random_pixels(folder / "beams2d", (1, 24, 48), 448)
    betas = {f"beta_vae_{beta}": {"beta": beta} for beta in (0.1, 0.5, 1.0, 2.0)}
    narrow = AutoencoderConfig(training=_budget(64), hidden=32, code=8)
    harmonium = MixtureHarmoniumConfig.model_validate({"training": _budget(128).model_dump()})
    groups = {
        "digits study": (
            METHOD,
            _groups(betas, 16, {"hidden": 128, "latent_dim": 8}, 64, digits)[0],
            digits,
        ),
        "auto-encoder 64-32-8": (AutoencoderMethod(), _autoencoders(64, narrow, digits), digits),
        "CIFAR VAE 3072-256-4": (
            METHOD,
            _groups({"vae": {}}, 32, {"hidden": 256, "latent_dim": 4}, 128, cifar)[0],
            cifar,
        ),
        "MNIST harmonium": (
            HARMONIUM,
            tuple(_trial("mixture_harmonium", "a", s, harmonium, mnist) for s in range(16)),
            mnist,
        ),
        "least volume 24x48, convolutional": (
            LEAST_VOLUME,
            _least_volume(16, "operator", beams),
            beams,
        ),
    }
    return [
        Workload(f"{name}, {len(trials)} trials", method, (trials,), prepared, 1.0)
        for name, (method, trials, prepared) in groups.items()
    ]


def _least_volume(count: int, spectral_norm: str, prepared: Path) -> tuple[Trial, ...]:
    """Least-volume auto-encoders of the size that the study has on beams."""
    model = {"resolution": (24, 48), "width_multiplier": 0.125, "latent_dim": 32}
    config = LeastVolumeConfig.model_validate(
        {
            "model": model | {"spectral_norm": spectral_norm},
            "training": {"epochs": 1000, "batch_size": 32},
        }
    )
    return tuple(_trial("least_volume", "a", seed, config, prepared) for seed in range(count))


def _plan(seeds: int, prepared: Path) -> tuple[tuple[Trial, ...], ...]:
    """The trials of the mixture harmonium's 37 rows by signature, all of one length."""
    declared = yaml.safe_load(PLAN.read_text())["mixture_harmonium"]["plan"]
    arms = Plan.model_validate(declared | {"rows": "all"}).arms("digits")
    groups: dict[str, list[Trial]] = {}
    for seed, (arm, block) in itertools.product(range(seeds), arms.items()):
        training = block["training"] | {"epochs": 1000, "batch_size": 128}
        config = MixtureHarmoniumConfig.model_validate(block | {"training": training})
        trial = _trial("mixture_harmonium", arm, seed, config, prepared)
        groups.setdefault(trial.signature, []).append(trial)
    return tuple(tuple(group) for group in groups.values())


def _groups(
    arms: Mapping[str, Mapping[str, float]],
    seeds: int,
    model: Mapping[str, int],
    batch: int,
    prepared: Path,
) -> tuple[tuple[Trial, ...], ...]:
    """The trials of a DERP-VAE study by signature."""
    groups: dict[str, list[Trial]] = {}
    for seed in range(seeds):
        for arm, objective in arms.items():
            config = DerpVaeConfig.model_validate(
                {
                    "model": model,
                    "objective": objective,
                    "training": {"epochs": 1000, "batch_size": batch, "gradient_clip": 1.0},
                }
            )
            trial = _trial("derp_vae", arm, seed, config, prepared)
            groups.setdefault(trial.signature, []).append(trial)
    return tuple(tuple(group) for group in groups.values())


def _budget(batch: int) -> TrainingConfig:
    return TrainingConfig(epochs=1000, batch_size=batch)


def _autoencoders(count: int, config: AutoencoderConfig, prepared: Path) -> tuple[Trial, ...]:
    return tuple(_trial("autoencoder", "a", seed, config, prepared) for seed in range(count))


def _trial(study: str, arm: str, seed: int, config: TrialConfig, prepared: Path) -> Trial:
    return Trial(study, arm, seed, config, prepared.name, "float32", 1)


@cache
def random_pixels(folder: Path, shape: tuple[int, int, int], examples: int) -> Path:
    """Random pixels: how long a step takes does not depend on what the pictures show."""
    rng = np.random.default_rng(0)
    splits = {
        name: Split(
            rng.integers(0, 256, (count, *shape), dtype=np.uint8),
            rng.permutation(np.arange(count) % 10),
        )
        for name, count in (("train", examples), ("test", 100))
    }
    schema = Schema(
        name=folder.name,
        shape=shape,
        dtype="uint8",
        scale=255,
        classes=tuple(str(k) for k in range(10)),
    )
    save_prepared(Prepared(schema, splits, "random pixels"), folder)
    return folder


def plain_inputs(
    trial: Trial, method: Method, spec: DataSpec, generator: torch.Generator
) -> tuple[Tensors, Tensors]:
    """Fresh noise of one step and the method state, for the plain loop."""
    config = trial.config
    noise = {
        name: torch.rand(shape, generator=generator)
        if kind == "uniform"
        else torch.randn(shape, generator=generator)
        for name, (shape, kind) in method.noise_spec(
            config, spec, config.training.batch_size
        ).items()
    }
    return noise, method.init_state(config, spec, np.random.default_rng(0))
