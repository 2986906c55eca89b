"""A VAE of `vae_objectives` as pythae trains it: its model, its data set and its own trainer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pythae.data.datasets import BaseDataset
from pythae.models import VAE, BetaVAE, BetaVAEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor, nn, zeros

from latentlab.nn.layers import Dense
from latentlab.studies.vae_objectives.model import Vae


class Encoder(BaseEncoder):
    """The layers of a VAE's encoder, with its weights."""

    def __init__(self, vae: Vae) -> None:
        super().__init__()
        first, second = vae.encoder
        self.layers = nn.Sequential(_linear(first), nn.ReLU(), _linear(second), nn.ReLU())
        self.mean, self.log_variance = _linear(vae.mean), _linear(vae.log_variance)

    def forward(self, x: Tensor) -> ModelOutput:
        """Return mean and log variance of q(z|x)."""
        h = self.layers(x.flatten(1))
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    """The layers of its decoder; pythae wants shares and not logits."""

    def __init__(self, vae: Vae) -> None:
        super().__init__()
        self.shape = vae.shape
        first, second, last = map(_linear, vae.decoder)
        self.layers = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last, nn.Sigmoid())

    def forward(self, z: Tensor) -> ModelOutput:
        """Return the mean of p(x|z)."""
        return ModelOutput(reconstruction=self.layers(z).unflatten(1, self.shape))


def model_of(vae: Vae, beta: float) -> VAE:
    """Return pythae's model of the same weights: its VAE, or its beta-VAE where beta is not 1."""
    settings = {
        "input_dim": vae.shape,
        "latent_dim": vae.config.model.latent_dim,
        "reconstruction_loss": "bce",
    }
    parts = {"encoder": Encoder(vae), "decoder": Decoder(vae)}
    if beta == 1:
        return VAE(VAEConfig(**settings), **parts)
    return BetaVAE(BetaVAEConfig(beta=beta, **settings), **parts)


def epochs_of(
    model: VAE, features: Tensor, batch: int, learning_rate: float, folder: Path
) -> Callable[[], int]:
    """Train a model by pythae's trainer; a call is an epoch and returns the number of its steps.

    Its progress bar and what it does after an epoch, which is to copy the best model, are left out.
    """
    trainer = BaseTrainer(
        model,
        BaseDataset(features, zeros(len(features))),
        training_config=BaseTrainerConfig(
            output_dir=str(folder),
            per_device_train_batch_size=batch,
            learning_rate=learning_rate,
            no_cuda=True,
        ),
    )
    trainer.prepare_training()
    trainer.callback_handler.callbacks.clear()

    def one() -> int:
        trainer.train_step(1)
        return len(trainer.train_loader)

    return one


def _linear(dense: Dense) -> nn.Linear:
    inputs, outputs = dense.weight.shape
    layer = nn.Linear(inputs, outputs)
    layer.weight.data.copy_(dense.weight.T)
    layer.bias.data.copy_(dense.bias)
    return layer
