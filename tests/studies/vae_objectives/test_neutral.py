"""Each objective at its neutral setting is the VAE, bit for bit; and a cohort is its trials."""

import pytest
import torch

from latentlab.data import prepare
from latentlab.studies.vae_objectives.bounds import Vamp
from latentlab.studies.vae_objectives.config import ObjectiveConfig, VaeObjectivesConfig
from latentlab.studies.vae_objectives.method import METHOD, OBJECTIVES
from latentlab.studies.vae_objectives.model import VampPrior
from latentlab.training.cohort import Cohort
from latentlab.training.data import StudyData
from latentlab.training.trial import Trial

CPU = torch.device("cpu")
STEPS = 12

# With a learning rate of its own the discriminator makes Adam round otherwise, by one ulp.
NEUTRAL = {
    "beta_1": {"beta": 1.0},
    "capacity_off": {"kind": "capacity", "rise": 0.5},
    "flat_cycles": {"kind": "cyclical", "cycles": 3.0},
    "no_free_bits": {"kind": "free_bits"},
    "factor_vae": {"kind": "factor_vae"},
    "beta_tc": {"kind": "beta_tc"},
    "dip_i": {"kind": "dip_i"},
    "dip_ii": {"kind": "dip_ii"},
    "mmd": {"kind": "mmd"},
    "derp": {"kind": "derp"},
    "one_sample": {"kind": "iwae", "samples": 1},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    torch.set_num_threads(1)
    return StudyData.of(prepare("shapes", {"repeats": 3}, tmp_path_factory.mktemp("raw")), CPU)


def trained(data, objective, seeds=2, method=None):
    """A cohort after some steps, and the total loss of each of them, [steps, trials]."""
    config = VaeObjectivesConfig.model_validate(
        {
            "model": {"hidden": 16, "latent_dim": 4},
            "objective": objective,
            "training": {"epochs": 2, "batch_size": 32, "learning_rate": 3e-3},
        }
    )
    version = METHOD.version
    trials = [
        Trial("vae_objectives", "a", seed, config, data.fingerprint, "float32", version)
        for seed in range(seeds)
    ]
    group = Cohort(method or METHOD.of(config), trials, data, CPU)
    real, totals = group._program.losses, []

    def noted(*args):
        found = real(*args)
        totals.append(found[0].detach().clone())
        return found

    group._program.losses = noted
    for _ in range(STEPS):
        group.advance()
    return group, torch.stack(totals)


def parameters(group, trial=0):
    return {
        name: tensor
        for name, tensor in group.layout.single(group.state.weights[trial]).items()
        if not name.startswith(("discriminator.", "pseudo_inputs"))
    }


@pytest.fixture(scope="module")
def plain(data):
    return trained(data, {})


def assert_the_vae(found, plain):
    (group, totals), (vae, expected) = found, plain
    assert torch.equal(totals, expected)
    ours, theirs = parameters(group), parameters(vae)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("objective", NEUTRAL.values(), ids=NEUTRAL)
def test_a_neutral_objective_is_the_vae(data, plain, objective):
    assert_the_vae(trained(data, objective), plain)


class _AtThePrior(VampPrior):
    def components(self):
        zero = self.pseudo_inputs[:, : self.config.model.latent_dim] * 0
        return zero, zero


class _OneComponentAtThePrior(Vamp):
    model = _AtThePrior


def test_one_component_at_the_prior_is_the_vae(data, plain):
    found = trained(data, {"kind": "vamp", "components": 1}, method=_OneComponentAtThePrior())
    assert_the_vae(found, plain)


def test_every_objective_is_looked_at():
    named = {objective.get("kind", "vae") for objective in NEUTRAL.values()} | {"vamp"}
    assert named == OBJECTIVES.keys() - {"vq"}  # which has no neutral setting


ALL = {
    "capacity": {"kind": "capacity", "capacity": 3.0, "rise": 0.5, "beta": 4.0},
    "factor_vae": {"kind": "factor_vae", "weight": 5.0},
    "beta_tc": {"kind": "beta_tc", "weight": 3.0},
    "dip_ii": {"kind": "dip_ii", "weight": 3.0},
    "mmd": {"kind": "mmd", "weight": 50.0, "beta": 0.0},
    "derp": {"kind": "derp", "weight": 2.0},
    "iwae": {"kind": "iwae", "samples": 3},
    "vamp": {"kind": "vamp", "components": 5},
    "vq": {"kind": "vq", "weight": 0.25},
}


@pytest.mark.parametrize("objective", ALL.values(), ids=ALL)
def test_a_cohort_trains_as_its_trials_do_alone(data, plain, objective):
    together, totals = trained(data, objective, seeds=2)
    alone, own = trained(data, objective, seeds=1)
    torch.testing.assert_close(totals[:, :1], own, rtol=1e-4, atol=1e-3)
    for name, tensor in parameters(together).items():
        torch.testing.assert_close(tensor, parameters(alone)[name], rtol=1e-2, atol=1e-3)
    # And it is another objective than the VAE.
    assert not torch.equal(own[:, 0], plain[1][:, 0])


def test_a_search_waits_until_what_rises_has_risen():
    training = {"epochs": 40}
    for objective, epoch in (
        ({"kind": "cyclical", "cycles": 4, "rise": 0.5}, 35),
        ({"kind": "capacity", "capacity": 3.0, "rise": 0.25}, 10),
        ({"kind": "cyclical", "cycles": 4}, 0),
        ({}, 0),
    ):
        block = {"objective": objective, "training": training}
        assert VaeObjectivesConfig.model_validate(block).warmup_end_epoch() == epoch


def test_settings_that_change_nothing_are_refused():
    with pytest.raises(ValueError, match="probes would change nothing: vae does not read it"):
        ObjectiveConfig(probes=3)
    with pytest.raises(ValueError, match="iwae has no weight of the KL but 1"):
        ObjectiveConfig(kind="iwae", beta=2.0)
