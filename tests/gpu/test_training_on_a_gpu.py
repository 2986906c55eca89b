"""What is promised of training, on a GPU."""

import pytest
import torch

from labs.trainer import INLINE, advance, equal_states, load, train_trials, trial, weights
from latentlab.compute import ComputeConfig, ExecutionPlan
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from latentlab.training.cohort import Cohort
from latentlab.training.store import TrialStore

pytestmark = pytest.mark.gpu

FORMS = [{}, {"compiled": True}, {"compiled": True, "graphs": True}]
SHORT = {"training": {"epochs": 2, "batch_size": 256}}
STEPS = 20


@pytest.fixture
def cohort_of(data, device):
    def make(count=4, first=0, **asked):
        trials = [trial(data, first + seed) for seed in range(count)]
        return Cohort(METHOD, trials, data, device, **asked)

    return make


@pytest.fixture(params=FORMS, ids=["eager", "compiled", "graphs"])
def form(request, device):
    if request.param and device.type != "cuda":
        pytest.skip("compiled forms are rehearsed elsewhere")
    return request.param


def test_a_cpu_and_a_gpu_agree(cohort_of, pixels, device):
    on_cpu = load(pixels)
    there = advance(cohort_of(), STEPS)
    here = advance(Cohort(METHOD, there.trials, on_cpu, torch.device("cpu")), STEPS)
    assert torch.allclose(weights(there).cpu(), weights(here), rtol=0, atol=1e-4)


def test_a_trial_alone_and_in_a_cohort_agree(cohort_of):
    together = weights(advance(cohort_of(), STEPS))
    alone = weights(advance(cohort_of(1, first=2), STEPS))
    assert torch.allclose(together[2:3], alone, rtol=0, atol=1e-4)


def test_the_forms_of_a_step_agree(cohort_of, form):
    eager, other = (weights(advance(cohort_of(**asked), STEPS)) for asked in ({}, form))
    assert torch.allclose(eager, other, rtol=0, atol=1e-4)


def test_a_resume_under_one_plan_is_equal_to_the_bit(cohort_of, form, device, tmp_path):
    path = tmp_path / "a.checkpoint"
    first = advance(cohort_of(**form), 7)
    ids = tuple(one.id for one in first.trials)
    save_checkpoint(path, Checkpoint(ids, "", ExecutionPlan(4), first.gathered(), first.scores))
    again = cohort_of(state=load_checkpoint(path, device).state, **form)
    states = [advance(group, STEPS).state for group in (first, again)]
    left, right = (state.map(lambda tensor: tensor.cpu()) for state in states)
    assert equal_states(left, right) == []


def test_several_workers_on_one_device(data, pixels, device, tmp_path):
    trials = [trial(data, seed, **SHORT) for seed in range(4)]
    settings = {"device": device.type, "cohort": 2, "threads": 1, "compile": False}
    stores = []
    for engine in ("inline", "processes"):
        store = TrialStore(tmp_path / engine / "study")
        compute = ComputeConfig(engine=engine, workers=2, **settings)
        train_trials(METHOD, trials, pixels, store, compute)
        stores.append(store)
    for one in trials:
        ours, theirs = (store.weights(one.id) for store in stores)
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_cohort_that_does_not_fit_is_halved(data, pixels, device, tmp_path, monkeypatch):
    train_step, sizes = Cohort._train_step, []

    def step(group, index):
        sizes.append(len(group.trials))
        if len(group.trials) > 2:
            torch.empty(1 << 50, device=group.device)  # The allocator's own error.
        train_step(group, index)

    monkeypatch.setattr(Cohort, "_train_step", step)
    store = TrialStore(tmp_path / "study")
    compute = INLINE.model_copy(update={"cohort": 4, "device": device.type})
    for first in (0, 4):
        trials = [trial(data, first + seed, **SHORT) for seed in range(4)]
        train_trials(METHOD, trials, pixels, store, compute)
        assert all(store.record(one.id).status == "finished" for one in trials)
    assert sizes.count(4) == 1


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_less_precision_trains_to_nearly_the_same_loss(data, pixels, device, tmp_path, precision):
    if precision == "tf32" and device.type != "cuda":
        pytest.skip("it has none")
    losses = []
    for name in ("float32", precision):
        store = TrialStore(tmp_path / name / "study")
        trials = [trial(data, seed, precision=name, **SHORT) for seed in range(2)]
        compute = INLINE.model_copy(update={"cohort": 2, "device": device.type, "precision": name})
        train_trials(METHOD, trials, pixels, store, compute)
        losses.append([store.history(one.id)["train_total"][-1] for one in trials])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
