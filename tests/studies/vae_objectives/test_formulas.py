"""Terms of the objectives against closed forms, enumeration and independent code."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional

from labs.example_means import assert_means_know_their_values
from latentlab.core.errors import UserError
from latentlab.data import Factor
from latentlab.experiment.trained_model import TrainedModel
from latentlab.nn.sampling import sample
from latentlab.studies.vae_objectives.bounds import log_mixture_ratio
from latentlab.studies.vae_objectives.config import VaeObjectivesConfig
from latentlab.studies.vae_objectives.evaluation import evaluate, latent_model, pictures, predict
from latentlab.studies.vae_objectives.method import METHOD, OBJECTIVES
from latentlab.studies.vae_objectives.metrics import METRICS
from latentlab.studies.vae_objectives.model import Posterior
from latentlab.studies.vae_objectives.objective import cross_entropy
from latentlab.studies.vae_objectives.penalties import discrepancy, discrimination
from latentlab.training.contract import Batch, Clock, DataSpec
from latentlab.training.per_trial import per_trial_values

FACTORS = (Factor("shape", 2, ordered=False), Factor("x", 3))
SPEC = DataSpec((1, 4, 4), 6, factors=FACTORS)


@pytest.fixture
def rng():
    torch.set_num_threads(1)
    return torch.Generator().manual_seed(0)


def config(**objective):
    return VaeObjectivesConfig.model_validate(
        {"model": {"hidden": 8, "latent_dim": 3}, "objective": objective}
    )


def model(**objective):
    own = config(**objective)
    return METHOD.of(own).build(own, SPEC, np.random.default_rng(0))


def posterior(rng, n=12, latent=3):
    mean, log_variance, epsilon = torch.randn(3, n, latent, generator=rng, dtype=torch.float64)
    return Posterior(mean, log_variance, sample(mean, log_variance, epsilon))


def losses(x, noise, step=0.0, **objective):
    """Total, terms and gradients by name, of one step."""
    own = config(**objective)
    method, vae = METHOD.of(own), model(**objective)
    hyper = {name: torch.tensor(value) for name, value in per_trial_values(own).items()}
    clock = Clock(torch.tensor(step), torch.tensor(0.0), torch.tensor(100.0))
    batch = Batch(x, torch.zeros(len(x), dtype=torch.long))
    total, terms, _ = method.loss(vae, batch, hyper, noise, {}, clock)
    total.backward()
    return total.detach(), terms, {n: p.grad for n, p in vae.named_parameters()}


@pytest.fixture
def step(rng):
    x = torch.rand(10, 1, 4, 4, generator=rng)
    return x, {"latent": torch.randn(10, 3, generator=rng)}


def test_reconstruction_is_torchs_cross_entropy(rng):
    logits, x = 3 * torch.randn(5, 16, generator=rng), torch.rand(5, 1, 4, 4, generator=rng)
    expected = functional.binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="none")
    torch.testing.assert_close(cross_entropy(logits, x), expected.sum(1))


# What the KL costs.


def test_capacity_is_the_distance_from_what_has_risen(step):
    x, noise = step
    chosen = {"kind": "capacity", "beta": 3.0, "capacity": 8.0, "rise": 0.5}
    for at, capacity in ((0.0, 0.0), (25.0, 4.0), (50.0, 8.0), (90.0, 8.0)):
        total, terms, _ = losses(x, noise, at, **chosen)
        expected = terms["reconstruction"] + 3 * (terms["kl"] - capacity).abs()
        torch.testing.assert_close(total, expected.detach())


def test_cycles_begin_anew(step):
    x, noise = step
    chosen = {"kind": "cyclical", "beta": 2.0, "cycles": 4.0, "rise": 0.5}
    for at, factor in ((0.0, 0.0), (6.25, 0.5), (12.5, 1.0), (24.0, 1.0), (31.25, 0.5)):
        total, terms, _ = losses(x, noise, at, **chosen)
        expected = terms["reconstruction"] + 2 * factor * terms["kl"]
        torch.testing.assert_close(total, expected.detach())


def test_free_bits_are_of_each_unit(rng):
    units = torch.tensor([0.1, 0.7, 0.2], requires_grad=True)
    hyper = {"objective.beta": torch.tensor(2.0), "objective.free_bits": torch.tensor(0.5)}
    cost = OBJECTIVES["free_bits"].rate(units, hyper, torch.tensor(0.0))
    cost.backward()
    assert float(cost.detach()) == pytest.approx(2 * (0.5 + 0.7 + 0.5))
    assert units.grad.tolist() == [0.0, 2.0, 0.0]


# Terms.


def test_beta_tc_equals_enumeration(rng):
    """The joint and the marginal mixtures of a tiny batch, one density at a time."""
    seen = posterior(rng, n=5, latent=2)
    mean, sd, z = (t.numpy() for t in (seen.mean, (seen.log_variance / 2).exp(), seen.z))
    density = stats.norm(mean[None], sd[None]).pdf(z[:, None])
    joint = np.log(density.prod(2).mean(1))
    apart = np.log(density.mean(1)).sum(1)
    found = OBJECTIVES["beta_tc"].term(seen, {})
    assert float(found) == pytest.approx((joint - apart).mean(), rel=1e-9)


def test_beta_tc_and_the_kl_make_beta_times_the_total_correlation(step):
    x, noise = step
    total, terms, _ = losses(x, noise, kind="beta_tc", weight=5.0)
    expected = terms["reconstruction"] + terms["kl"] + 5 * terms["total_correlation"]
    torch.testing.assert_close(total, expected.detach())


def test_covariances_are_numpys(rng):
    seen = posterior(rng, n=50)
    means = np.cov(seen.mean.T.numpy(), bias=True)
    np.testing.assert_allclose(OBJECTIVES["dip_i"].covariance(seen), means)
    samples = means + np.diag(seen.log_variance.exp().mean(0).numpy())
    np.testing.assert_allclose(OBJECTIVES["dip_ii"].covariance(seen), samples)
    for kind, covariance, diagonal in (("dip_i", means, 10), ("dip_ii", samples, 1)):
        on = np.diag(covariance)
        expected = (covariance**2).sum() - (on**2).sum() + diagonal * ((on - 1) ** 2).sum()
        assert float(OBJECTIVES[kind].term(seen, {})) == pytest.approx(expected)


def closed_form(mean, variance, latent):
    """Squared MMD of N(mean, variance) in each unit from N(0, 1), kernel of variance `latent`."""

    def expected(shift, spread):
        return (latent / (latent + spread)) ** (latent / 2) * math.exp(
            -latent * shift**2 / (2 * (latent + spread))
        )

    return expected(0, 2 * variance) - 2 * expected(mean, variance + 1) + expected(0, 2)


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (0.5, 1.0), (-1.0, 0.5), (0.0, 2.0)])
def test_the_discrepancy_is_unbiased_for_its_closed_form(rng, mean, sd):
    drawn = mean + sd * torch.randn(3000, 20, 4, generator=rng, dtype=torch.float64)
    found = torch.vmap(discrepancy)(drawn)
    error = float(found.std()) / math.sqrt(len(found))
    assert abs(float(found.mean()) - closed_form(mean, sd**2, 4)) < 4 * error
    if (mean, sd) == (0.0, 1.0):
        assert closed_form(mean, sd**2, 4) == pytest.approx(0, abs=1e-12)


# FactorVAE's discriminator.


def test_the_best_discriminator_knows_the_density_ratio(rng):
    """Of a Gaussian with correlation rho against its units apart: then its mean is the TC."""
    rho, n = 0.8, 50_000
    normal = torch.randn(n, 2, generator=rng, dtype=torch.float64)
    z = torch.stack([normal[:, 0], rho * normal[:, 0] + math.sqrt(1 - rho**2) * normal[:, 1]], 1)
    shuffled = torch.stack([z[:, 0], z[torch.randperm(n, generator=rng), 1]], 1)

    def features(x):
        return torch.stack([torch.ones(n), x[:, 0] * x[:, 1], (x**2).sum(1)], 1).double()

    real, apart = features(z), features(shuffled)
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], line_search_fn="strong_wolfe", max_iter=50)

    def closure():
        optimiser.zero_grad()
        loss = discrimination(real @ weights, apart @ weights)
        loss.backward()
        return loss

    optimiser.step(closure)
    # log N(z; 0, R) - log N(z; 0, I).
    scale = 1 - rho**2
    exact = [-0.5 * math.log(scale), rho / scale, -0.5 * (1 / scale - 1)]
    np.testing.assert_allclose(weights.detach(), exact, rtol=0.06)
    tc = float((real @ weights).mean().detach())
    assert tc == pytest.approx(-0.5 * math.log(scale), rel=0.06)


def test_each_of_the_two_players_moves_by_its_own_loss(step, rng):
    x, noise = step
    noise = noise | {"shuffle": torch.rand(10, 3, generator=rng)}
    _, _, weak = losses(x, noise, kind="factor_vae", weight=0.0)
    total, terms, strong = losses(x, noise, kind="factor_vae", weight=9.0)
    for name in weak:
        same = torch.equal(weak[name], strong[name])
        assert same == (
            name.startswith("discriminator.") or name == "decoder.2.bias" or "decoder" in name
        )
    # The total is what the VAE minimises.
    expected = terms["reconstruction"] + terms["kl"] + 9 * terms["total_correlation"]
    torch.testing.assert_close(total, expected.detach())


# Bounds, priors and codes.


def test_the_bound_of_several_samples_is_burdas_in_expectation(rng):
    """Against log of the mean weight, written out, over many draws of the same batch."""
    own, x = config(kind="iwae", samples=4), torch.rand(2, 1, 4, 4, generator=rng)
    method, vae = METHOD.of(own), model(kind="iwae", samples=4)
    mean, log_variance = vae.encode(x)
    draws = 4000
    epsilon = torch.randn(draws, 4, 2, 3, generator=rng)

    def ours(e):
        seen = Posterior(mean, log_variance, sample(mean, log_variance, e[0]))
        return method.reconstruction(vae, x, seen, {"others": e[1:]})

    def theirs(e):
        z = sample(mean, log_variance, e)
        normal = torch.distributions.Normal
        q = normal(mean, (log_variance / 2).exp()).log_prob(z).sum(2)
        logits = vae.decode(z.flatten(0, 1)).unflatten(0, (4, 2))
        p = -functional.binary_cross_entropy_with_logits(
            logits, x.flatten(1).expand(4, 2, 16), reduction="none"
        ).sum(2)
        weight = p + normal(0.0, 1.0).log_prob(z).sum(2) - q
        return -(torch.logsumexp(weight, 0) - math.log(4)).mean()

    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
    with torch.no_grad():
        found, expected = torch.vmap(ours)(epsilon) + kl, torch.vmap(theirs)(epsilon)
    gap = found - expected
    assert abs(float(gap.mean())) < 4 * float(gap.std()) / math.sqrt(draws) + 1e-5


def test_the_mixture_is_torchs(rng):
    mean, log_variance = torch.randn(2, 7, 3, generator=rng, dtype=torch.float64)
    z = torch.randn(9, 3, generator=rng, dtype=torch.float64)
    parts = torch.distributions.Independent(
        torch.distributions.Normal(mean, (log_variance / 2).exp()), 1
    )
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(7).double()), parts
    )
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    torch.testing.assert_close(
        log_mixture_ratio(z, mean, log_variance), mixture.log_prob(z) - normal
    )


def test_straight_through(step):
    """The encoder gets the decoder's gradient at the codes, and the commitment's."""
    x, _ = step
    vae = model(kind="vq", weight=0.25)
    with torch.no_grad():
        code = vae.quantise(vae.encode(x)[0])
        distances = (vae.encode(x)[0][:, :, None] - vae.codes).abs()
        torch.testing.assert_close(code, vae.codes.gather(1, distances.argmin(2).T).T)
    at = code.clone().requires_grad_()
    cross_entropy(vae.decode(at), x).mean().backward()
    mean, _ = vae.encode(x)
    pull = 2 * 0.25 * (mean - code).detach() / len(x)
    (expected,) = torch.autograd.grad(mean, vae.mean.weight, at.grad + pull)
    _, _, found = losses(x, {}, kind="vq", weight=0.25)
    torch.testing.assert_close(found["mean.weight"], expected)
    # The codes go to the means that chose them, and to nothing else.
    own = vae.quantise(mean)
    (expected,) = torch.autograd.grad((mean.detach() - own).square().sum(1).mean(), vae.codes)
    torch.testing.assert_close(found["codes"], expected)


# What is measured.


@pytest.mark.parametrize("kind", ["vae", "vamp", "vq"])
def test_every_metric_is_measured(rng, kind):
    own = config(kind=kind)
    vae = model(kind=kind)
    trial = TrainedModel(own, SPEC, vae, {}, 7)
    x = torch.rand(120, 1, 4, 4, generator=rng)
    labels = torch.arange(120) % 6
    scores = evaluate(trial, x, labels)
    assert_means_know_their_values(scores, METRICS)
    known = {metric.name: metric for metric in METRICS}
    assert set(scores) == set(known) if kind != "vq" else set(scores) < set(known)
    for name, score in scores.items():
        assert known[name].low <= score <= known[name].high, name
    assert pictures(trial, x[:3])["reconstruction"].shape == (3, 1, 4, 4)
    assert list(predict(trial, x[:3])) == ["latent_0", "latent_1", "latent_2"]
    without = evaluate(TrainedModel(own, DataSpec((1, 4, 4), 6), vae, {}, 7), x, labels)
    assert "mig" not in without
    assert without.items() <= scores.items()


def test_the_kl_is_to_the_models_own_prior(rng):
    """By samples of one picture: of N(0, I) the closed form, of a mixture what torch says."""
    x = torch.rand(1, 1, 4, 4, generator=rng).expand(3000, 1, 4, 4)
    for kind in ("vae", "vamp"):
        vae = model(kind=kind)
        with torch.no_grad():
            mean, log_variance = vae.encode(x[:1])
            kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
            if kind == "vamp":
                drawn = sample(mean, log_variance, torch.randn(50_000, 3, generator=rng))
                kl = kl - log_mixture_ratio(drawn, *vae.components()).mean()
        trial = TrainedModel(config(kind=kind), DataSpec((1, 4, 4), 6), vae, {}, 7)
        found = evaluate(trial, x, torch.zeros(3000, dtype=torch.long))["kl_divergence"]
        error = float(np.std(found.values)) / math.sqrt(3000)
        assert abs(float(kl) - found) < 5 * error + 0.01


def test_discrete_codes_have_no_posterior():
    with pytest.raises(UserError, match="no Gaussian posterior"):
        latent_model(TrainedModel(config(kind="vq"), SPEC, model(kind="vq"), {}, 7))
