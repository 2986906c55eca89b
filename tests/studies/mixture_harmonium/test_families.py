"""Prior, posterior and likelihood against enumeration of all states, and against scipy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from labs.harmonium import (
    DIGITS,
    N,
    bayes,
    built,
    config,
    enumerated,
    images,
    make_conjugate,
    tiny,
)
from latentlab.studies.mixture_harmonium.families import (
    BernoulliMixture,
    Latent,
    binomial_log_base_measure,
    binomial_log_partition,
    counts,
    entropy,
)
from latentlab.studies.mixture_harmonium.objective import exact_bound
from latentlab.training.contract import DataSpec

CASES = [
    {"latent": 3, "clusters": 3},
    {"latent": 3, "clusters": 3, "interaction": "hierarchical"},
    {"latent": 4, "clusters": 1},
    {"latent": 1, "clusters": 2},
]


def posterior_of(model, x):
    prior, likelihood = model.prior(), model.likelihood()
    interaction = likelihood.interaction(x, model.config.model.clusters)
    posterior = model.posterior(prior, interaction, model.rho)
    bound = exact_bound(x, prior, posterior, likelihood, interaction, model.rho)
    return prior, likelihood, posterior, bound


@pytest.mark.parametrize("case", CASES)
def test_distributions_equal_their_enumeration(case):
    model, x = tiny(**case), images(5)
    prior, likelihood, posterior, _ = posterior_of(model, x)
    states = enumerated(model, x)
    clusters, latent = case["clusters"], case["latent"]
    for mixture, log_density in ((prior, states.prior[None]), (posterior, states.posterior)):
        weights = log_density.exp().unflatten(1, (clusters, 2**latent))
        y = states.y.unflatten(0, (clusters, -1))[0]
        of_k = weights.sum(2)
        of_y = (weights @ y) / of_k[..., None]
        torch.testing.assert_close(mixture.probabilities.expand_as(of_k), of_k)
        torch.testing.assert_close(mixture.means.expand_as(of_y), of_y)
        torch.testing.assert_close(mixture.mean.expand(len(of_k), -1), (weights @ y).sum(1))
    z = Latent(states.y, states.k)
    torch.testing.assert_close(prior.log_density(z), states.prior)
    each = Latent(states.y.expand(5, -1, -1), states.k.expand(5, -1))
    torch.testing.assert_close(posterior.log_density(each), states.posterior)
    torch.testing.assert_close(likelihood.logits(z), states.logits)
    torch.testing.assert_close(likelihood.log_partition(z), states.psi)


@pytest.mark.parametrize("case", CASES)
def test_closed_forms_of_the_bound_equal_their_enumeration(case):
    model, x = tiny(1, **case), images(6, 1)
    *_, bound = posterior_of(model, x)
    states = enumerated(model, x)
    q = states.posterior.exp()
    torch.testing.assert_close(bound.kl, (q * (states.posterior - states.prior)).sum(1))
    base = torch.from_numpy(stats.binom.logpmf(x.numpy(), N, 0.5)).sum(1)
    base = base + 4 * N * np.log(2)
    torch.testing.assert_close(bound.linear, (q * (x @ states.logits.T)).sum(1) + base)


@pytest.mark.parametrize("case", CASES)
def test_the_bound_holds_and_is_tight_where_the_model_is_conjugate(case):
    model, x = tiny(2, **case), images(6, 2)

    def gap():
        *_, bound = posterior_of(model, x)
        states = enumerated(model, x)
        elbo = bound.linear - (states.posterior.exp() @ states.psi) - bound.kl
        evidence, true_posterior = bayes(model, x)
        return evidence - elbo, true_posterior, states.posterior

    loose, _, _ = gap()
    assert (loose > 1e-3).all()
    make_conjugate(model)
    tight, true_posterior, posterior = gap()
    assert tight.abs().max() < 1e-9
    torch.testing.assert_close(posterior, true_posterior)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.1, 1.0, 3.0]),
)
def test_kl_is_never_negative(seed, latent, clusters, scale):
    model = tiny(seed, latent=latent, clusters=clusters, scale=scale)
    x = images(4, seed)
    *_, bound = posterior_of(model, x)
    assert (bound.kl > -1e-9).all()
    assert torch.isfinite(bound.linear).all()


def test_without_interaction_the_posterior_is_the_prior():
    model = tiny(3)
    for name in ("weight", "weight_offsets", "bias_offsets", "rho"):
        getattr(model, name).data.zero_()
    prior, _, posterior, bound = posterior_of(model, images(4))
    torch.testing.assert_close(posterior.probabilities, prior.probabilities.expand(4, -1))
    assert bound.kl.abs().max() < 1e-12


def test_the_linear_term_equals_its_monte_carlo_estimate():
    model, x = tiny(4), images(3, 4)
    _, likelihood, posterior, bound = posterior_of(model, x)
    rng = torch.Generator().manual_seed(0)
    draws = 20_000
    z = posterior.sample(
        torch.rand(3, draws, generator=rng), torch.rand(3, draws, 3, generator=rng).double()
    )
    logits = likelihood.logits(Latent(z.y.flatten(0, 1), z.k.flatten())).unflatten(0, (3, draws))
    values = (logits * x[:, None]).sum(-1).detach()
    error = values.std(1) / draws**0.5
    expected = bound.linear - binomial_log_base_measure(x)
    assert ((values.mean(1) - expected).abs() < 4 * error).all()


def test_samples_have_the_mixtures_frequencies():
    model = tiny(5, scale=0.7)
    states, prior = enumerated(model), model.prior()
    rng = torch.Generator().manual_seed(0)
    z = prior.sample(torch.rand(40_000, generator=rng), torch.rand(40_000, 3, generator=rng))
    assert not z.y.requires_grad
    code = z.k * 8 + (z.y @ torch.tensor([4.0, 2.0, 1.0], dtype=z.y.dtype)).long()
    observed = torch.bincount(code, minlength=24).numpy()
    expected = states.prior.exp().detach().numpy() * 40_000
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def test_uniforms_at_the_ends_never_leave_the_components():
    # The first and the last component have no probability that float32 could hold.
    mixture = BernoulliMixture(torch.zeros(4, 1), torch.tensor([-200.0, 0.0, 0.0, -200.0]))
    ends = torch.tensor([0.0, 2.0**-25, 0.5, 1 - 2.0**-24])
    z = mixture.sample(ends, torch.tensor([[0.0], [0.4], [0.6], [1 - 2.0**-24]]))
    assert z.k.tolist() == [1, 1, 2, 2]
    assert z.y.flatten().tolist() == [1, 1, 0, 0]


def test_entropy_equals_scipys_and_an_empty_component_counts_nothing():
    p = torch.tensor([[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]], dtype=torch.float64)
    np.testing.assert_allclose(entropy(p).numpy(), stats.entropy(p.numpy(), axis=1))
    empty = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    value = entropy(empty)
    value.backward()
    assert float(value.detach()) == pytest.approx(0, abs=1e-8)
    assert torch.isfinite(empty.grad).all()
    assert entropy(torch.ones(3, 1)).tolist() == [0, 0, 0]


def test_the_binomial_equals_scipys():
    logits = torch.linspace(-3, 3, 8, dtype=torch.float64)
    x = torch.tensor([0.0, 1, 3, 7, 8, 12, 15, 16], dtype=torch.float64)
    ours = x @ logits + binomial_log_base_measure(x) - binomial_log_partition(logits)
    chances = logits.sigmoid().numpy()
    assert float(ours) == pytest.approx(stats.binom.logpmf(x.numpy(), N, chances).sum())


def test_counts_are_exact_for_digits_and_quantised_for_grey_levels():
    whole = torch.arange(17).view(1, 1, 1, 17)
    assert torch.equal(counts(whole / 16).flatten(), whole.flatten().float())
    grey = torch.arange(256).view(1, 1, 16, 16)
    expected = np.round(np.arange(256) * 16 / 255)
    np.testing.assert_array_equal(counts(grey / 255).flatten().numpy(), expected)


def test_parameters_are_as_many_and_as_large_as_stated():
    settings_ = config(model={"latent_dim": 128, "clusters": 30})
    spec = DataSpec((1, 28, 28), 10, np.full((1, 28, 28), 0.1))
    model = built(settings_, spec, seed=1)
    assert sum(p.numel() for p in model.parameters()) == 3_038_077
    sd = {name: float(p.detach().std()) for name, p in model.named_parameters() if name != "rho"}
    logit = np.log(0.104 / 0.896)
    assert float(model.observable_bias.detach().mean()) == pytest.approx(logit, abs=0.02)
    for name, expected in {
        "observable_bias": 0.1,
        "latent_bias": 0.1,
        "weight": 0.1 / np.sqrt(784 * 3869),
        "component": 0.1,
        "latent_offsets": 0.5,
        "bias_offsets": 0.1 / 28,
        "weight_offsets": 0.1 / np.sqrt(784 * 128),
    }.items():
        few = 0.35 if name == "component" else 0.15
        assert sd[name] == pytest.approx(expected, rel=few), name
    assert model.rho.abs().max() == 0


def test_arms_of_a_seed_share_what_they_have_in_common():
    base = {"latent_dim": 4, "clusters": 5}
    five, three = (built(config(model=base | {"clusters": k})) for k in (5, 3))
    hierarchical = built(config(model=base | {"interaction": "hierarchical"}))
    analytical = built(config(model=base | {"mode": "analytical"}))
    for name, tensor in three.named_parameters():
        theirs = getattr(five, name)
        if name == "weight":
            scale = float((tensor / theirs).detach().mean())
            torch.testing.assert_close(tensor, scale * theirs)
        else:
            assert torch.equal(tensor, theirs[: len(tensor)]), name
    for other in (hierarchical, analytical):
        for name, tensor in other.named_parameters():
            assert torch.equal(tensor, getattr(five, name)), name
    assert "weight_offsets" not in dict(hierarchical.named_parameters())
    assert "rho" not in dict(analytical.named_parameters())


def test_one_component_has_no_parameters_of_a_category():
    model = built(config(model={"clusters": 1, "latent_dim": 4}), DIGITS)
    assert set(dict(model.named_parameters())) == {
        "observable_bias",
        "latent_bias",
        "weight",
        "rho",
    }
