"""The least-volume auto-encoder as the trainer sees it: model, state, noise, loss and pruning."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from latentlab.studies.least_volume.config import LeastVolumeConfig
from latentlab.studies.least_volume.model import Autoencoder, initial_state
from latentlab.studies.least_volume.pruning import Spectrum, candidates, spectrum
from latentlab.studies.least_volume.safeguards import counted, limited, permitted
from latentlab.studies.least_volume.volume import (
    deviations,
    followed,
    log_volume,
    masked,
    ramp,
    relative_volume,
)
from latentlab.training.contract import Batch, Clock, DataSpec, MethodDefaults, Tensors
from latentlab.training.streams import Noise

LAST_PART = 0.9
"""Progress of training from which on an error far above the lowest counts as unstable."""
FAR_ABOVE = 2.0
"""Times the lowest error."""
_PRUNING = "objective.pruning."


class LeastVolumeMethod(MethodDefaults):
    """An auto-encoder that makes its latent space small, and gives up dimensions it has emptied.

    State, float32, beside that of the model's normalisation and spectral norms:
        active, frozen: [latent], 1 where a dimension is not pruned, and the value it has if it is.
        running_mean, running_sd: [latent], over training batches; `seen`: 1 once they began.
        reference_sd: [latent], of the relative volume; `reference_due`: 1 where the next batch
            sets it anew: the first one, and that after a prune.
        anchor_log_mean, anchor_log_sd, anchor_variance: the policies' own reference, of the first
            epoch that may prune; `anchored`: 1 once there is one.
        waiting: [latent], epochs in a row as a candidate; `since_prune`: epochs; `first_prune`:
            epoch of the first, or -1.
        best_reconstruction: lowest validation error; `unstable`: 1 where it ended far above it.
        uniforms: [latent], the latest draw, of the probabilistic policy.
    """

    name = "least_volume"
    version = 1

    def build(
        self, config: LeastVolumeConfig, spec: DataSpec, rng: np.random.Generator
    ) -> Autoencoder:
        """Return a model initialised from `rng`."""
        return Autoencoder(config, spec, rng)

    def init_state(
        self, config: LeastVolumeConfig, spec: DataSpec, rng: np.random.Generator
    ) -> Tensors:
        """Return a state in which all dimensions are active and nothing is measured yet."""
        latent = config.model.latent_dim
        zeros, ones = torch.zeros(latent), torch.ones(latent)
        off, on = torch.tensor(0.0), torch.tensor(1.0)
        return initial_state(config, spec, rng) | {
            "active": ones,
            "frozen": zeros,
            "running_mean": zeros,
            "running_sd": ones,
            "seen": off,
            "reference_sd": ones,
            "reference_due": on,
            "anchor_log_mean": off,
            "anchor_log_sd": off,
            "anchor_variance": off,
            "anchored": off,
            "waiting": zeros,
            "since_prune": torch.tensor(torch.inf),
            "first_prune": torch.tensor(-1.0),
            "best_reconstruction": torch.tensor(torch.inf),
            "unstable": off,
            "uniforms": ones,
        }

    def noise_spec(
        self, config: LeastVolumeConfig, spec: DataSpec, batch: int
    ) -> Mapping[str, Noise]:
        """Uniforms for the probabilistic policy; their presence says that this is training."""
        return {"pruning": Noise((config.model.latent_dim,), "uniform")}

    def evaluation_noise_spec(
        self, config: LeastVolumeConfig, spec: DataSpec, examples: int
    ) -> Mapping[str, Noise]:
        """None: evaluation is deterministic."""
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
        """Squared error a pixel plus the weighted relative volume; in training the new state too.

        In evaluation a single example has no deviations: the running ones stand in for them.
        """
        assert isinstance(model, Autoencoder)
        x = batch.features
        training = "pruning" in noise
        active = state["active"]
        encoded, changed = model.encode(x, state, training)
        z = masked(encoded, active, state["frozen"])
        state = state | changed
        # A prune sets all of a dimension to one value, but rounding leaves its mean beside it.
        sd = active * (deviations(z) if len(z) > 1 else state["running_sd"])
        drawn, changed = model.decode(z, state, hyper, training)
        state = state | changed
        if training:
            state = state | _measured(z.detach(), sd.detach(), state, hyper, clock)
            state["uniforms"] = noise["pruning"]
        eta = hyper["objective.eta"]
        terms = {
            "reconstruction": (drawn - x).square().mean(),
            "volume": relative_volume(sd, state["reference_sd"], active, eta),
            "log_volume": log_volume(sd, active, eta),
            "active_dimensions": active.sum(),
        }
        share = ramp(clock.epoch, hyper["objective.ramp_epochs"], hyper["objective.ramp_power"])
        weight = share * hyper["objective.volume_weight"]
        return terms["reconstruction"] + weight * terms["volume"], terms, state

    def after_epoch(
        self, state: Tensors, scores: Tensors, hyper: Mapping[str, Tensor], clock: Clock
    ) -> Tensors:
        """Watch the validation error, then prune."""
        error = scores["validation_reconstruction"]
        state = state | _watched(state, error, clock)
        return state | _pruned(state, error, hyper, clock.epoch)

    def outcome(self, state: Tensors, scores: Mapping[str, float]) -> str:
        """Return the guide's failures; `no_pruning` is of trials whose policy pruned nothing."""
        if state["unstable"] > 0:
            return "instability"
        if state["active"].sum() == 0:
            return "complete_pruning"
        if state["anchored"] > 0 and state["first_prune"] < 0:
            return "no_pruning"
        return "ok"


def _measured(
    z: Tensor, sd: Tensor, state: Tensors, hyper: Mapping[str, Tensor], clock: Clock
) -> Tensors:
    """Return running statistics and reference with this batch's z and its sd [latent]."""
    new = torch.where(state["seen"] > 0, 1 - hyper[_PRUNING + "momentum"], 1.0)
    return {
        "running_mean": torch.lerp(state["running_mean"], z.mean(0), new),
        "running_sd": torch.lerp(state["running_sd"], sd, new),
        "seen": torch.ones_like(state["seen"]),
        "reference_sd": followed(
            state["reference_sd"],
            sd,
            state["reference_due"],
            clock.epoch,
            hyper["objective.reference_epochs"],
        ),
        "reference_due": torch.zeros_like(state["reference_due"]),
    }


def _watched(state: Tensors, error: Tensor, clock: Clock) -> Tensors:
    """Lowest validation error, and whether training ends far above it.

    The error is NaN in epochs without validation; the last epoch has one. The error of a trial
    without active dimensions is that of complete pruning, a failure of its own.
    """
    lowest = torch.fmin(state["best_reconstruction"], error)
    progress = (clock.step + 1) / clock.total_steps
    not_taken = error.isnan() & (progress < 1)
    bad = ~(error.isfinite() & (error <= FAR_ABOVE * lowest)) & ~not_taken
    unstable = bad & (progress > LAST_PART) & (state["active"].sum() > 0)
    return {
        "best_reconstruction": lowest,
        "unstable": torch.where(unstable, 1.0, state["unstable"]),
    }


def _pruned(state: Tensors, error: Tensor, hyper: Mapping[str, Tensor], epoch: Tensor) -> Tensors:
    """Return what an epoch's end changes: dimensions, counters and the policies' anchor."""
    active, sd = state["active"] > 0, state["running_sd"]
    begun = (hyper[_PRUNING + "policy"] > 0) & (epoch >= hyper[_PRUNING + "start_epoch"])
    within = active | (hyper[_PRUNING + "legacy.all_dimensions"] > 0)
    first = begun & (state["anchored"] == 0)
    stored = Spectrum(*(state[f"anchor_{name}"] for name in Spectrum._fields))
    anchor = Spectrum(
        *(torch.where(first, n, s) for n, s in zip(spectrum(sd, within), stored, strict=True))
    )
    looked = begun & permitted(
        active, state["since_prune"], error, state["best_reconstruction"], hyper
    )
    found = candidates(sd, within, anchor, state["uniforms"], hyper)
    waiting = counted(state["waiting"], found, looked)
    ready = looked & active & (waiting >= hyper[_PRUNING + "safeguards.consecutive"])
    gone = limited(ready, sd, active, hyper)
    some = gone.any()
    return {
        "active": (active & ~gone).to(sd.dtype),
        "frozen": torch.where(gone, state["running_mean"], state["frozen"]),
        "reference_due": torch.where(some, 1.0, state["reference_due"]),
        "waiting": waiting,
        "since_prune": torch.where(some, 0.0, state["since_prune"] + 1),
        "first_prune": torch.where(some & (state["first_prune"] < 0), epoch, state["first_prune"]),
        "anchored": torch.where(begun, 1.0, state["anchored"]),
    } | {f"anchor_{name}": value for name, value in anchor._asdict().items()}


METHOD = LeastVolumeMethod()
