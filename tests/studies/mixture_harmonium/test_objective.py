"""The loss of one step: its gradient against enumeration, its terms, its options and its limits."""

import math

import numpy as np
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from labs.harmonium import (
    DIGITS,
    TINY,
    N,
    built,
    config,
    enumerated,
    images,
    softplus,
    step_inputs,
    tiny,
)
from latentlab.studies.mixture_harmonium.families import Latent
from latentlab.studies.mixture_harmonium.method import METHOD
from latentlab.studies.mixture_harmonium.objective import (
    score_function_surrogate,
    without_value,
)
from latentlab.training.contract import Batch, DataSpec

SMALL = {"latent_dim": 4, "clusters": 3}


def loss_of(settings_, model=None, spec=DIGITS, **inputs):
    model = model or built(settings_, spec)
    return METHOD.loss(model, *step_inputs(settings_, spec, **inputs))


# The score-function gradient.


def expected_psi_by_enumeration(model, x):
    """Gradients of mean_x E_q[psi] of each parameter, all of it and what q's own change adds."""
    states = enumerated(model, x)
    q = states.posterior.exp()
    names = [name for name, _ in model.named_parameters()]
    parameters = list(model.parameters())
    whole, through_q = (
        torch.autograd.grad(
            (q @ psi).mean(),
            parameters,
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        for psi in (states.psi, states.psi.detach())
    )
    return dict(zip(names, whole, strict=True)), dict(zip(names, through_q, strict=True))


def estimated_gradients(model, x, corrected, draws=3000, samples=4):
    """One gradient per draw of the uniforms, [draws, ...] by parameter."""
    clusters, latent = model.config.model.clusters, model.config.model.latent_dim

    class Estimator(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, component_uniforms, latent_uniforms):
            prior, likelihood = model.prior(), model.likelihood()
            interaction = likelihood.interaction(x, clusters)
            posterior = model.posterior(prior, interaction, model.rho)
            z = posterior.sample(component_uniforms, latent_uniforms)
            flat = Latent(z.y.flatten(0, 1), z.k.flatten())
            psi = likelihood.log_partition(flat).view(z.k.shape)
            surrogate = score_function_surrogate(psi, posterior.log_density(z), corrected)
            return psi.mean() + without_value(surrogate)

    estimator = Estimator()
    rng = torch.Generator().manual_seed(1)
    uniforms = (
        torch.rand(draws, len(x), samples, generator=rng),
        torch.rand(draws, len(x), samples, latent, generator=rng, dtype=torch.float64),
    )
    leaves = {
        f"model.{name}": p.detach().expand(draws, *p.shape).clone().requires_grad_()
        for name, p in model.named_parameters()
    }
    values = vmap(lambda p, *u: functional_call(estimator, p, u))(leaves, *uniforms)
    gradients = torch.autograd.grad(
        values.sum(), list(leaves.values()), allow_unused=True, materialize_grads=True
    )
    return dict(zip((n.removeprefix("model.") for n in leaves), gradients, strict=True))


@pytest.fixture(scope="module")
def case():
    model = tiny(11, scale=0.1)
    return model, images(2, 11)


@pytest.mark.parametrize(("corrected", "share"), [(True, 1.0), (False, 3 / 4)])
def test_the_gradient_is_unbiased_up_to_its_stated_factor(case, corrected, share):
    model, x = case
    whole, through_q = expected_psi_by_enumeration(model, x)
    estimates = estimated_gradients(model, x, corrected)
    scores = []
    for name, draws in estimates.items():
        target = whole[name] - (1 - share) * through_q[name]
        error = draws.std(0) / math.sqrt(len(draws))
        moving = error > 1e-12
        assert torch.allclose(draws.mean(0)[~moving], target[~moving], atol=1e-9), name
        scores.append(((draws.mean(0) - target) / error)[moving])
    z = torch.cat(scores)
    assert len(z) > 40
    assert z.abs().max() < 4.5
    assert 0.3 < z.square().mean() < 2.0


def test_without_correction_the_gradient_misses_by_far(case):
    model, x = case
    whole, _ = expected_psi_by_enumeration(model, x)
    estimates = estimated_gradients(model, x, corrected=False)
    z = torch.cat(
        [
            (
                (draws.mean(0) - whole[name]) / (draws.std(0) / math.sqrt(len(draws)) + 1e-12)
            ).flatten()
            for name, draws in estimates.items()
        ]
    )
    assert z.abs().max() > 8


def test_the_options_of_the_loss_reach_the_gradient_and_the_reported_bound():
    plain = config(model=SMALL)
    short = config(model=SMALL, objective={"legacy": {"baseline_without_correction": True}})
    noisy = config(model=SMALL, objective={"legacy": {"surrogate_in_elbo": True}})
    results = {}
    for name, settings_ in (("plain", plain), ("short", short), ("noisy", noisy)):
        model = built(settings_)
        total, terms, _ = loss_of(settings_, model)
        results[name] = (total.detach(), terms, torch.autograd.grad(total, model.latent_bias)[0])
    for other in ("short", "noisy"):
        torch.testing.assert_close(results[other][0], results["plain"][0])
    assert not torch.allclose(results["short"][2], results["plain"][2])
    assert torch.equal(results["noisy"][2], results["plain"][2])
    assert torch.equal(results["short"][1]["elbo"], results["plain"][1]["elbo"])
    assert not torch.equal(results["noisy"][1]["elbo"], results["plain"][1]["elbo"])


# The terms.


@pytest.mark.parametrize("penalty", ["variance", "r2"])
@pytest.mark.parametrize("mode", ["gradient", "analytical"])
def test_the_total_is_the_weighted_sum_of_the_terms(penalty, mode):
    weights = {
        "conjugation_weight": 0.7,
        "prior_entropy_weight": 1.3,
        "posterior_entropy_weight": 0.4,
        "beta_warmup_fraction": 0.5,
    }
    settings_ = config(
        model={**SMALL, "mode": mode}, objective={**weights, "conjugation_penalty": penalty}
    )
    total, terms, _ = loss_of(settings_, step=20.0, total=100.0)
    beta = 0.4
    assert float(terms["beta"]) == pytest.approx(beta)
    residual = terms["residual_variance"]
    penalised = residual if penalty == "variance" else 1 - terms["r_squared"]
    expected = (
        terms["reconstruction"]
        + beta * terms["kl"]
        + beta * 0.7 * penalised
        - 1.3 * terms["prior_entropy"]
        - 0.4 * terms["posterior_entropy"]
    )
    torch.testing.assert_close(total, expected)
    torch.testing.assert_close(terms["elbo"], -(terms["reconstruction"] + beta * terms["kl"]))
    share = 1 - residual / terms["log_partition_variance"]
    torch.testing.assert_close(terms["r_squared"], share.detach())
    assert float(terms["effective_clusters"].detach()) == pytest.approx(
        math.exp(terms["posterior_entropy"].detach())
    )


def test_terms_of_a_step_equal_their_enumeration_where_they_are_exact():
    settings_ = config(model={"latent_dim": 3, "clusters": 3})
    model = tiny(3, dtype=torch.float32)
    batch, hyper, noise, state, clock = step_inputs(settings_, TINY, examples=6)
    _, terms, _ = METHOD.loss(model, batch, hyper, noise, state, clock)
    x = torch.round(16 * batch.features.flatten(1))
    states = enumerated(model, x)
    q, p = states.posterior.exp(), states.prior.exp()
    torch.testing.assert_close(
        terms["kl"], (q * (states.posterior - states.prior)).sum(1).mean(), rtol=1e-4, atol=1e-4
    )
    for name, of_states in (("prior_entropy", p), ("posterior_entropy", q.mean(0))):
        of_k = of_states.view(3, 8).sum(1)
        torch.testing.assert_close(terms[name], -(of_k * of_k.log()).sum(), rtol=1e-4, atol=1e-5)


def test_entropies_act_in_full_and_penalty_and_kl_by_beta():
    settings_ = config(model=SMALL, objective={"beta_warmup_fraction": 0.5})
    start, terms, _ = loss_of(settings_, step=0.0)
    expected = terms["reconstruction"] - terms["prior_entropy"] - terms["posterior_entropy"]
    torch.testing.assert_close(start, expected)


@pytest.mark.parametrize(
    ("fraction", "step", "beta"),
    [(0.4, 0, 0.0), (0.4, 20, 0.5), (0.4, 40, 1.0), (0.4, 99, 1.0), (0.0, 0, 1.0), (1.0, 50, 0.5)],
)
def test_beta_rises_over_its_share_of_the_steps(fraction, step, beta):
    settings_ = config(model=SMALL, objective={"beta_warmup_fraction": fraction})
    total, terms, _ = loss_of(settings_, step=float(step))
    assert float(terms["beta"]) == pytest.approx(beta, abs=1e-6)
    assert torch.isfinite(total)


# One formula, whatever the form.


def reduced_to_hierarchical(full):
    for name in ("weight_offsets", "bias_offsets"):
        getattr(full, name).data.zero_()
    return full


def test_hierarchical_is_full_without_weights_of_components():
    settings_ = {
        kind: config(model={**SMALL, "interaction": kind}) for kind in ("full", "hierarchical")
    }
    model = tiny(0, 4, 3, spec=DIGITS, dtype=torch.float32)
    reduced_to_hierarchical(model)
    smaller = built(settings_["hierarchical"])
    for name, parameter in smaller.named_parameters():
        parameter.data = getattr(model, name).data.clone()
    one, terms, _ = loss_of(settings_["full"], model)
    two, others, _ = loss_of(settings_["hierarchical"], smaller)
    torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)
    for name in terms:
        torch.testing.assert_close(terms[name], others[name], rtol=1e-4, atol=1e-4)
    for name, parameter in smaller.named_parameters():
        mine = torch.autograd.grad(one, getattr(model, name), retain_graph=True)[0]
        theirs = torch.autograd.grad(two, parameter, retain_graph=True)[0]
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


def test_a_smaller_mixture_is_a_larger_one_with_an_unreachable_component():
    small, large = tiny(0, 3, 2), tiny(0, 3, 3)
    for name, parameter in large.named_parameters():
        theirs = getattr(small, name).data
        parameter.data[: len(theirs)] = theirs
    large.component.data[1] = -1e4
    large.weight_offsets.data[1] = 0.0
    large.bias_offsets.data[1] = 0.0
    for x in (images(4), torch.zeros(4, 4, dtype=torch.float64)):
        kls = []
        for model, clusters in ((small, 2), (large, 3)):
            likelihood, prior = model.likelihood(), model.prior()
            posterior = model.posterior(prior, likelihood.interaction(x, clusters), model.rho)
            assert posterior.probabilities[:, 2:].sum() == 0
            kls.append(posterior.probabilities[:, :2])
        torch.testing.assert_close(*kls)


CASES = {
    "default": {},
    "segments": {"model": {"grouped_product": "segments"}},
    "one_hot": {"model": {"grouped_product": "one_hot"}},
    "hierarchical": {"model": {"interaction": "hierarchical"}},
    "analytical": {"model": {"mode": "analytical"}},
    "r2": {"objective": {"conjugation_penalty": "r2"}},
    "one cluster": {"model": {"clusters": 1}},
    "legacy": {
        "objective": {"legacy": {"baseline_without_correction": True, "surrogate_in_elbo": True}}
    },
}


def batched_problem(settings_, trials=3):
    models = [built(settings_, seed=seed) for seed in range(trials)]
    parameters, _ = stack_module_state(models)
    inputs = [step_inputs(settings_, seed=seed) for seed in range(trials)]
    batch = Batch(*(torch.stack(parts) for parts in zip(*(i[0] for i in inputs), strict=True)))
    groups = [
        {name: torch.stack([i[place][name] for i in inputs]) for name in inputs[0][place]}
        for place in (1, 2, 3)
    ]

    class Objective(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = models[0]

        def forward(self, *arguments):
            return METHOD.loss(self.model, *arguments)

    objective = Objective()

    def one(parameters, *arguments):
        named = {f"model.{name}": tensor for name, tensor in parameters.items()}
        return functional_call(objective, named, arguments)

    leaves = {name: p.detach().requires_grad_() for name, p in parameters.items()}
    return one, leaves, batch, groups, inputs[0][4]


@pytest.mark.parametrize("name", CASES)
def test_a_cohort_computes_what_each_trial_computes_alone(name):
    changes = CASES[name]
    settings_ = config(
        model={"latent_dim": 8, "clusters": 5, **changes.get("model", {})},
        objective={"prior_samples": 40, **changes.get("objective", {})},
    )
    one, leaves, batch, groups, clock = batched_problem(settings_)
    batched = vmap(one, in_dims=(0, 0, 0, 0, 0, None), randomness="error")
    totals, terms, state = batched(leaves, batch, *groups, clock)
    gradients = torch.autograd.grad(totals.sum(), list(leaves.values()))
    close = {"rtol": 1e-5, "atol": 1e-5}
    for i in range(len(totals)):
        mine = {n: p.detach()[i].requires_grad_() for n, p in leaves.items()}
        alone, own_terms, own_state = one(
            mine,
            Batch(batch.features[i], batch.labels[i]),
            *({n: t[i] for n, t in group.items()} for group in groups),
            clock,
        )
        torch.testing.assert_close(alone, totals[i], **close)
        for term, value in own_terms.items():
            torch.testing.assert_close(value, terms[term][i], rtol=1e-4, atol=1e-4)
        for key, value in own_state.items():
            torch.testing.assert_close(value, state[key][i], rtol=1e-4, atol=1e-4)
        own = torch.autograd.grad(alone, list(mine.values()))
        for a, b in zip(own, gradients, strict=True):
            torch.testing.assert_close(a, b[i], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_labels_are_watched_and_never_learned_from(name):
    settings_ = config(model={"latent_dim": 4, "clusters": 3, **CASES[name].get("model", {})})
    results = []
    for shift in (0, 1):
        model = built(settings_)
        batch, *rest = step_inputs(settings_)
        batch = batch._replace(labels=(batch.labels + shift * torch.arange(24)) % 10)
        total, _, state = METHOD.loss(model, batch, *rest)
        results.append((total, torch.autograd.grad(total, list(model.parameters())), state))
    assert torch.equal(results[0][0], results[1][0])
    for a, b in zip(results[0][1], results[1][1], strict=True):
        assert torch.equal(a, b)
    tables = [state["clusters_by_labels"] for _, _, state in results]
    assert not torch.equal(*tables)


def test_the_running_table_forgets_and_its_nmi_is_scikit_learns():
    from sklearn.metrics import normalized_mutual_info_score

    settings_ = config(model={"latent_dim": 4, "clusters": 3})
    model = built(settings_)
    batch, hyper, noise, state, clock = step_inputs(settings_, examples=200)
    terms = {}
    for _ in range(200):
        _, terms, state = METHOD.loss(model, batch, hyper, noise, state, clock)
    x = torch.round(16 * batch.features.flatten(1))
    likelihood, prior = model.likelihood(), model.prior()
    posterior = model.posterior(prior, likelihood.interaction(x, 3), model.rho)
    assigned = posterior.probabilities.argmax(1)
    expected = normalized_mutual_info_score(batch.labels.numpy(), assigned.numpy())
    assert float(terms["running_nmi"]) == pytest.approx(expected, abs=1e-4)
    assert float(state["clusters_by_labels"].sum()) == pytest.approx(1, abs=1e-4)


# Limits.


@pytest.mark.parametrize("mode", ["gradient", "analytical"])
@pytest.mark.parametrize("interaction", ["full", "hierarchical"])
def test_one_cluster_is_a_plain_harmonium(mode, interaction):
    settings_ = config(
        model={"clusters": 1, "latent_dim": 4, "mode": mode, "interaction": interaction}
    )
    model = built(settings_)
    total, terms, state = loss_of(settings_, model)
    assert torch.isfinite(total)
    assert not {"prior_entropy", "posterior_entropy", "effective_clusters"} & set(terms)
    torch.testing.assert_close(
        total,
        terms["reconstruction"] + terms["beta"] * (terms["kl"] + 0.1 * terms["residual_variance"]),
    )
    assert METHOD.outcome(state, {"train_total": 1.0}) == "ok"


def test_all_zero_images_and_one_brightness_are_defined():
    for value in (0.0, 1.0):
        spec = DataSpec((1, 8, 8), 10, np.full((1, 8, 8), value))
        settings_ = config(model=SMALL)
        model = built(settings_, spec)
        batch, *rest = step_inputs(settings_)
        batch = batch._replace(features=torch.full_like(batch.features, value))
        total, terms, _ = METHOD.loss(model, batch, *rest)
        gradients = torch.autograd.grad(total, list(model.parameters()))
        assert torch.isfinite(total)
        assert all(torch.isfinite(g).all() for g in gradients)
        # The initial bias already explains them, up to the share that keeps it finite.
        assert (
            float(terms["reconstruction"].detach()) / 64 < N * softplus(torch.tensor(-4.0)).item()
        )


def test_an_empty_cluster_stays_finite():
    settings_ = config(model=SMALL)
    model = built(settings_)
    with torch.no_grad():
        model.component[0] = -1e4
    total, terms, _ = loss_of(settings_, model)
    gradients = torch.autograd.grad(total, list(model.parameters()))
    assert torch.isfinite(total)
    assert all(torch.isfinite(g).all() for g in gradients)
    assert torch.isfinite(terms["prior_entropy"])
    assert 1 < terms["effective_clusters"] <= 2


def test_a_mega_cluster_is_named():
    settings_ = config(model=SMALL)
    model = built(settings_)
    with torch.no_grad():
        model.component.fill_(-1e4)
    total, terms, state = loss_of(settings_, model)
    assert torch.isfinite(total)
    assert float(terms["effective_clusters"].detach()) == pytest.approx(1, abs=1e-3)
    scores = {f"train_{name}": float(value.detach()) for name, value in terms.items()}
    assert METHOD.outcome(state, scores) == "mega_cluster"
    for share, outcome in ((0.5, "ok"), (0.75, "ok"), (0.91, "mega_cluster")):
        effective = float(np.exp(-share * np.log(share) - (1 - share) * np.log(1 - share)))
        scores = {"train_effective_clusters": effective}
        assert METHOD.outcome(state, scores) == outcome


def test_precision_of_products_does_not_reach_the_log_weights():
    settings_ = config(model=SMALL)
    plain, _, _ = loss_of(settings_)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        same, _, _ = loss_of(settings_)
    assert torch.equal(plain, same)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"model": {"clusters": 0}}, "greater than or equal to 1"),
        ({"model": {"interaction": "half"}}, "full"),
        ({"model": {"cluster": 3}}, "Extra inputs"),
        ({"objective": {"likelihood_samples": 1}}, "greater than or equal to 2"),
        ({"objective": {"beta_warmup_fraction": 1.5}}, "less than or equal to 1"),
        ({"objective": {"conjugation_weight": -1}}, "greater than or equal to 0"),
        ({"objective": {"conjugation_weight": float("nan")}}, "finite"),
        ({"objective": {"rho_lr_multiplier": 0}}, "greater than 0"),
        (
            {"model": {"mode": "analytical"}, "training": {"keep": "best"}},
            "model.mode analytical needs training.keep last",
        ),
    ],
)
def test_wrong_settings_are_refused(block, message):
    with pytest.raises(ValueError, match=message):
        config(**block)
