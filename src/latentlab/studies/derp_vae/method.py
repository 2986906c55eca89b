"""The DERP-VAE as the trainer sees it: model, state, noise and loss of one trial."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.metrics.latent import kl_to_standard_normal
from latentlab.metrics.projections import derp_term, unit_rows
from latentlab.nn.sampling import sample
from latentlab.studies.derp_vae.config import DerpVaeConfig
from latentlab.studies.derp_vae.model import FeatureNet, Vae, features
from latentlab.studies.derp_vae.objective import classification_loss, reconstruction_loss
from latentlab.training.contract import Batch, Clock, DataSpec, MethodDefaults, Tensors
from latentlab.training.schedules import linear_warmup
from latentlab.training.streams import Noise

_FEATURE = "feature_net."


class DerpVaeMethod(MethodDefaults):
    """Standard VAE, beta-VAE and DERP-VAE: one model, different weights of the loss terms."""

    name = "derp_vae"
    version = 2

    def build(self, config: DerpVaeConfig, spec: DataSpec, rng: np.random.Generator) -> Vae:
        """Return a model initialised from `rng`."""
        return Vae(config, spec, rng)

    def init_state(
        self, config: DerpVaeConfig, spec: DataSpec, rng: np.random.Generator
    ) -> Tensors:
        """Return fixed probes [probes, latent] and the untrained feature net."""
        objective = config.objective
        state: Tensors = {}
        # Drawn first and always: arms of one seed then share the feature net.
        if objective.perceptual_weight > 0 and not objective.legacy.trainable_perceptual_net:
            net = FeatureNet(int(np.prod(spec.shape)), config.model.hidden, rng)
            state |= {_FEATURE + name: p.detach() for name, p in net.named_parameters()}
        if objective.probes and objective.resample_probes == "never":
            directions = rng.standard_normal((objective.probes, config.model.latent_dim))
            state["probes"] = unit_rows(torch.from_numpy(directions.astype(np.float32)))
        return state

    def noise_spec(self, config: DerpVaeConfig, spec: DataSpec, batch: int) -> Mapping[str, Noise]:
        """Return the latent sample's noise, dropout's uniforms and, if resampled, the probes."""
        model, objective = config.model, config.objective
        noise = dict(self.evaluation_noise_spec(config, spec, batch))
        if model.dropout:
            dense = model.architecture == "dense"
            width = model.hidden if dense else model.hidden // 2
            noise["encoder_dropout"] = Noise((batch, width), "uniform")
            noise["decoder_dropout"] = Noise((batch, model.hidden // 2), "uniform")
        if model.classifier_dropout and objective.classification_weight:
            noise["classifier_dropout"] = Noise((batch, 2 * model.latent_dim), "uniform")
        return noise

    def evaluation_noise_spec(
        self, config: DerpVaeConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """Return the latent sample's noise: the report samples z in evaluation too."""
        model, objective = config.model, config.objective
        noise = {"latent": Noise((examples, model.latent_dim), "normal")}
        if objective.probes and objective.resample_probes == "per_step":
            noise["probes"] = Noise((objective.probes, model.latent_dim), "normal")
        return noise

    def loss(
        self,
        model: nn.Module,
        batch: Batch,
        hyper: Mapping[str, Tensor],
        noise: Mapping[str, Tensor],
        state: Tensors,
        clock: Clock,
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Return the weighted sum, and the terms in nats (DERP and perceptual: no unit)."""
        assert isinstance(model, Vae)
        objective = model.config.objective
        x = batch.features
        mean, log_variance = model.encode(x, noise, hyper["model.dropout"])
        z = sample(mean, log_variance, noise["latent"])
        logits = model.decoder(z, noise, hyper["model.dropout"]).to(x.dtype)
        terms = {
            "reconstruction": reconstruction_loss(logits, x),
            "kl": kl_to_standard_normal(mean, log_variance).mean(),
        }
        # The epoch counts in steps, so that the rise is smooth within an epoch.
        progress = clock.step / clock.total_steps * model.config.training.epochs
        beta = hyper["objective.beta"] * linear_warmup(
            progress, hyper["objective.beta_warmup_epochs"]
        )
        total = terms["reconstruction"] + beta * terms["kl"]
        if objective.classification_weight:
            class_logits = model.classifier(z, noise, hyper["model.classifier_dropout"])
            terms["classification"] = classification_loss(class_logits.to(x.dtype), batch.labels)
            total = total + hyper["objective.classification_weight"] * terms["classification"]
        if objective.perceptual_weight:
            terms["perceptual"] = self._perceptual(model, x, logits.sigmoid(), state)
            total = total + hyper["objective.perceptual_weight"] * terms["perceptual"]
        if objective.probes:
            probes = state["probes"] if "probes" in state else unit_rows(noise["probes"])
            terms["distributional"] = derp_term(z, probes)
            total = total + hyper["objective.distributional_weight"] * terms["distributional"]
        return total, terms, state

    def _perceptual(self, model: Vae, x: Tensor, image: Tensor, state: Tensors) -> Tensor:
        """Mean squared distance of the features of images and reconstructions."""
        if model.config.objective.legacy.trainable_perceptual_net:
            return (model.feature_net(x) - model.feature_net(image)).square().mean()
        weights = {n.removeprefix(_FEATURE): t for n, t in state.items() if n.startswith(_FEATURE)}
        with torch.no_grad():
            target = features(x, weights)
        return (target - features(image, weights)).square().mean()


METHOD = DerpVaeMethod()
