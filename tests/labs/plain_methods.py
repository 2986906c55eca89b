"""Modules of the kinds that people have, trained as plain methods: buffers, dropout, two losses."""

import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from latentlab.metrics.latent import kl_to_standard_normal
from latentlab.training.config import TrainingConfig, TrialConfig
from latentlab.training.plain.method import PlainMethod
from latentlab.training.trial import Trial


class PlainConfig(TrialConfig):
    """Nothing but training."""

    latent: int = 3


def plain_config(latent=3, **training):
    base = {"epochs": 3, "batch_size": 64, "learning_rate": 3e-3}
    return PlainConfig(latent=latent, training=TrainingConfig(**(base | training)))


def plain_trial(data, method, seed=0, arm="plain", **changes):
    return Trial(
        study="plain",
        arm=arm,
        seed=seed,
        config=plain_config(**changes),
        data=data.fingerprint,
        precision="float32",
        method_version=method.version,
    )


class Vae(nn.Module):
    """A dense VAE as tutorials write them: BatchNorm, Dropout, in place, torch's own generator."""

    def __init__(self, pixels, latent):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(pixels, 24), nn.BatchNorm1d(24), nn.ReLU(inplace=True), nn.Dropout(0.2)
        )
        self.moments = nn.Linear(24, 2 * latent)
        self.decoder = nn.Sequential(nn.Linear(latent, 24), nn.ReLU(), nn.Linear(24, pixels))
        self.register_buffer("usage", torch.zeros(latent))
        self.register_buffer("mask", torch.tril(torch.ones(pixels, 24)).T)
        self.num_iter = 0

    def forward(self, x):
        if self.training:
            self.num_iter += 1
        hidden = self.encoder(x.flatten(1)) * self.mask.sum(1).sign()
        mean, log_variance = self.moments(hidden).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        if self.training:
            self.usage.mul_(0.9).add_(z.detach().var(0), alpha=0.1)
        return self.decoder(z).view_as(x), mean, log_variance


class PlainVae(PlainMethod):
    """The VAE; its weight of the KL rises with its own counter, as public code has it."""

    name = "plain_vae"

    def build(self, config, spec, rng):
        return Vae(int(np.prod(spec.shape)), config.latent)

    def training_step(self, module, batch, step):
        # Whatever code from elsewhere draws from.
        x = batch.features + 0.01 * random.random() + 0.01 * float(np.random.rand())  # noqa: NPY002
        logits, mean, log_variance = module(x)
        reconstruction = functional.binary_cross_entropy_with_logits(
            logits, batch.features, reduction="sum"
        ) / len(batch.features)
        kl = kl_to_standard_normal(mean, log_variance).mean()
        beta = min(1.0, module.num_iter / 20)
        return reconstruction + beta * kl, {"reconstruction": reconstruction, "kl": kl}


class Adversarial(PlainMethod):
    """Two networks with an optimiser each, in one module."""

    name = "adversarial"

    def build(self, config, spec, rng):
        pixels = int(np.prod(spec.shape))
        return nn.ModuleDict(
            {"maker": nn.Linear(config.latent, pixels), "judge": nn.Linear(pixels, 1)}
        )

    def optimisers(self, module, config):
        return [torch.optim.Adam(part.parameters(), 1e-3) for part in module.values()]

    def update(self, module, optimisers, batch, step):
        makes, judges = optimisers
        real = batch.features.flatten(1)
        fake = module["maker"](torch.randn(len(real), step.config.latent))
        judged = functional.softplus(-module["judge"](real)).mean() + (
            functional.softplus(module["judge"](fake.detach())).mean()
        )
        step.descend(judged, [judges])
        made = functional.softplus(-module["judge"](fake)).mean()
        step.descend(made, [makes])
        return made, {"judge": judged}

    def validation_step(self, module, batch, step):
        fake = module["maker"](torch.randn(len(batch.features), step.config.latent))
        made = functional.softplus(-module["judge"](fake)).mean()
        return made, {"judge": made}


class Lit(nn.Module):
    """What of a LightningModule is used, in the form that its documentation teaches."""

    automatic_optimization = True

    def __init__(self, pixels, latent):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(pixels, latent), nn.Linear(latent, pixels))

    def log(self, name, value, **kwargs):
        raise RuntimeError("there is no Trainer")

    def _loss(self, batch):
        x, _ = batch
        return functional.mse_loss(self.layers(x.flatten(1)), x.flatten(1))

    def training_step(self, batch, batch_idx):
        loss = self._loss(batch)
        self.log("train_loss", loss, prog_bar=True)
        self.log("train_norm", self.layers[0].weight.norm())
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self._loss(batch))
        self.log("val_norm", self.layers[0].weight.norm())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-2)
