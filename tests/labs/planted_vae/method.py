"""The loss of a VAE of dense layers with a Bernoulli likelihood."""

import math

from torch import nn

from latentlab.metrics.latent import kl_to_standard_normal
from latentlab.nn.layers import Dense
from latentlab.training.contract import MethodDefaults
from latentlab.training.schedules import linear_warmup
from latentlab.training.streams import Noise

LIKELIHOOD = 10.0
"""Weight of the likelihood at scale 1: the grey levels of the digits are sharper than a coin."""


class PlantedVae(nn.Module):
    def __init__(self, config, spec, rng):
        super().__init__()
        self.config, self.shape = config, spec.shape
        pixels, model = math.prod(spec.shape), config.model
        self.first = Dense(pixels, model.hidden, rng)
        self.mean = Dense(model.hidden, model.latent_dim, rng)
        self.log_variance = Dense(model.hidden, model.latent_dim, rng)
        self.second = Dense(model.latent_dim, model.hidden, rng)
        self.out = Dense(model.hidden, pixels, rng)

    def encode(self, x, hyper):
        h = (
            self.first(hyper["model.input_scale"] * x.flatten(1)) + hyper["model.encoder_shift"]
        ).relu()
        low = hyper["model.log_variance_floor"]
        return self.mean(h), low + nn.functional.softplus(self.log_variance(h) - low)

    def logits(self, z, hyper):
        return self.out(self.second(hyper["model.decoder_gain"] * z).relu())

    def log_likelihood(self, x, z, hyper):
        """Nats, [examples]."""
        x = x.flatten(1)
        # With all of it the decoder needs no z.
        logits = self.logits(z, hyper) + hyper["model.shortcut"] * x.logit(eps=0.02)
        each = x * logits - nn.functional.softplus(logits)
        return LIKELIHOOD * hyper["objective.likelihood_scale"] * each.sum(1)


class PlantedVaeMethod(MethodDefaults):
    name = "planted_vae"
    version = 1

    def build(self, config, spec, rng):
        return PlantedVae(config, spec, rng)

    def noise_spec(self, config, spec, batch):
        return {"latent": Noise((batch, config.model.latent_dim), "normal")}

    evaluation_noise_spec = noise_spec

    def loss(self, model, batch, hyper, noise, state, clock):
        mean, log_variance = model.encode(batch.features, hyper)
        z = mean + noise["latent"] * (0.5 * log_variance).exp()
        terms = {
            "reconstruction": -model.log_likelihood(batch.features, z, hyper).mean(),
            "kl": kl_to_standard_normal(mean, log_variance).mean(),
        }
        progress = clock.step / clock.total_steps * model.config.training.epochs
        risen = linear_warmup(progress, hyper["objective.kl_warmup_epochs"])
        weight = hyper["objective.kl_weight"] * risen
        return terms["reconstruction"] + weight * terms["kl"], terms, state


METHOD = PlantedVaeMethod()
