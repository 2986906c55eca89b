"""Small harmoniums, and everything about them by enumeration of all states of the latents."""

import itertools
from dataclasses import dataclass

import numpy as np
import torch

from latentlab.data import prepare
from latentlab.studies.mixture_harmonium.config import MixtureHarmoniumConfig
from latentlab.studies.mixture_harmonium.method import METHOD
from latentlab.studies.mixture_harmonium.model import MixtureHarmonium
from latentlab.training.contract import Batch, Clock, DataSpec
from latentlab.training.data import StudyData
from latentlab.training.per_trial import per_trial_values

CPU = torch.device("cpu")
N = 16


DIGITS = DataSpec((1, 8, 8), 10)
TINY = DataSpec((1, 2, 2), 3)


def config(**blocks):
    return MixtureHarmoniumConfig.model_validate(blocks)


def tiny(seed=0, latent=3, clusters=3, scale=0.3, spec=TINY, dtype=torch.float64, **model):
    """A harmonium with parameters of ordinary size, in double precision."""
    settings = config(model={"latent_dim": latent, "clusters": clusters, **model})
    harmonium = MixtureHarmonium(settings, spec, np.random.default_rng(seed)).to(dtype)
    rng = torch.Generator().manual_seed(seed)
    for parameter in harmonium.parameters():
        parameter.data = scale * torch.randn(parameter.shape, generator=rng, dtype=dtype)
    return harmonium


def images(count, seed=0, spec=TINY, dtype=torch.float64):
    """Random counts in 0..16, [count, pixels]."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, N + 1, (count, int(np.prod(spec.shape))), generator=rng).to(dtype)


@dataclass
class Enumerated:
    """All states z = (y, k), by plain formulas that share no code with the model.

    `y` [states, latent], `k` [states], `logits` [states, pixels], `psi` [states], log densities of
    prior [states] and of the posterior [images, states].
    """

    y: torch.Tensor
    k: torch.Tensor
    logits: torch.Tensor
    psi: torch.Tensor
    prior: torch.Tensor
    posterior: torch.Tensor | None


def softplus(value):
    return torch.log1p(value.exp())


def enumerated(model, x=None, rho=None):
    p = dict(model.named_parameters())
    latent, clusters = model.config.model.latent_dim, model.config.model.clusters
    states = [(y, k) for k in range(clusters) for y in itertools.product((0.0, 1.0), repeat=latent)]
    y = torch.tensor([state[0] for state in states], dtype=p["weight"].dtype)
    k = torch.tensor([state[1] for state in states])
    rho = p["rho"] if rho is None else rho
    full = "weight_offsets" in p
    logits, energies, updates = [], [], []
    for one, cluster in zip(y, k.tolist(), strict=True):
        weight, bias, offset, own = p["weight"], p["observable_bias"], 0.0, 0.0
        said = 0.0
        if cluster > 0:
            own = p["component"][cluster - 1]
            offset = one @ p["latent_offsets"][cluster - 1]
            if full:
                weight = weight + p["weight_offsets"][cluster - 1]
                bias = bias + p["bias_offsets"][cluster - 1]
                said = p["bias_offsets"][cluster - 1]
        logits.append(bias + one @ weight)
        energies.append(one @ p["latent_bias"] + offset + own)
        if x is not None:
            updates.append(x @ (one @ weight) + (x @ said if full and cluster else 0.0) - one @ rho)
    logits, energies = torch.stack(logits), torch.stack(energies)
    prior = torch.log_softmax(energies, 0)
    posterior = None
    if x is not None:
        posterior = torch.log_softmax(energies + torch.stack(updates, 1), 1)
    return Enumerated(y, k, logits, N * softplus(logits).sum(1), prior, posterior)


def bayes(model, x):
    """log p(x) [images] and the true log p(y, k | x) [images, states]."""
    from scipy import stats

    states = enumerated(model)
    chances = states.logits.sigmoid().detach().numpy()
    log_likelihood = stats.binom.logpmf(x.numpy()[:, None, :], N, chances[None]).sum(-1)
    joint = torch.from_numpy(log_likelihood) + states.prior.detach()
    evidence = torch.logsumexp(joint, 1)
    return evidence, joint - evidence[:, None]


def make_conjugate(model):
    """One latent per pixel at most, no weights of components: exactly conjugate."""
    p = dict(model.named_parameters())
    latent, pixels = p["weight"].shape
    tied = torch.zeros(latent, pixels, dtype=p["weight"].dtype)
    for pixel in range(pixels - 1):
        tied[pixel % latent, pixel] = 1.0
    p["weight"].data = p["weight"].data * tied
    for name in ("weight_offsets", "bias_offsets"):
        if name in p:
            p[name].data.zero_()
    b, w = p["observable_bias"].data, p["weight"].data
    p["rho"].data = N * (softplus(b + w) - softplus(b)).sum(1)
    return model


def step_inputs(settings, spec=DIGITS, examples=24, seed=0, step=30.0, total=100.0, training=True):
    """Batch, hyper, noise, state and clock of one step."""
    rng = torch.Generator().manual_seed(seed)
    batch = Batch(
        torch.rand(examples, *spec.shape, generator=rng),
        torch.randint(0, spec.classes, (examples,), generator=rng),
    )
    wanted = METHOD.noise_spec if training else METHOD.evaluation_noise_spec
    noise = {
        name: torch.rand(shape, generator=rng)
        for name, (shape, _) in wanted(settings, spec, examples).items()
    }
    hyper = {name: torch.tensor(value) for name, value in per_trial_values(settings).items()}
    state = METHOD.init_state(settings, spec, np.random.default_rng(seed))
    clock = Clock(torch.tensor(step), torch.tensor(0.0), torch.tensor(total))
    return batch, hyper, noise, state, clock


def built(settings, spec=DIGITS, seed=0):
    return METHOD.build(settings, spec, np.random.default_rng(seed))


def digits(folder, subset=None):
    """The embedded digits, prepared and as the trainer holds them."""
    prepared = prepare("digits", {"subset": subset}, folder)
    return prepared, StudyData.of(prepared, CPU)
