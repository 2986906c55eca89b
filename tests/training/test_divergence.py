"""A trial that diverges is recorded as such, keeps finite weights, and disturbs nobody."""

import json

import pytest
import torch

from labs.trainer import CPU, advance, cohort, trial, weights
from latentlab.compute.plan import ExecutionPlan
from latentlab.studies.derp_vae.method import DerpVaeMethod
from latentlab.training.loop import CohortJob, train_cohort
from latentlab.training.store import TrialStore


class _Breaks(torch.autograd.Function):
    """The identity, with an infinite gradient where `at` is 1."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, at):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx, grad):
        (at,) = ctx.saved_tensors
        return grad + torch.where(at > 0, torch.inf, 0.0), None


class Fragile(DerpVaeMethod):
    """Breaks a trial of beta 7 at a step: its loss, or its gradient while the loss is finite."""

    def __init__(self, step, what="loss", value=torch.nan, beta=7.0):
        self.step, self.what, self.value, self.beta = step, what, value, beta

    def loss(self, model, batch, hyper, noise, state, clock):
        total, terms, state = super().loss(model, batch, hyper, noise, state, clock)
        hit = (clock.step == self.step) & (hyper["objective.beta"] == self.beta)
        if self.what == "loss":
            return torch.where(hit, self.value, total), terms, state
        return _Breaks.apply(total, hit.to(total.dtype)), terms, state


class CountingFragile(Fragile):
    """Also carries a count of steps, and one of finished updates."""

    def init_state(self, config, spec, rng):
        return super().init_state(config, spec, rng) | {
            "losses": torch.zeros(()),
            "updates": torch.zeros(2),
            "empty": torch.zeros(0, 3),
        }

    def loss(self, model, batch, hyper, noise, state, clock):
        total, terms, state = super().loss(model, batch, hyper, noise, state, clock)
        return total, terms, state | {"losses": state["losses"] + 1}

    def after_step(self, state, terms, hyper, clock):
        return state | {"updates": state["updates"] + 1}


BETA = {"objective": {"beta": 7.0}}


def trials_with(digits, count, broken, **changes):
    return [
        trial(digits, seed, **(BETA if seed == broken else {}), **changes) for seed in range(count)
    ]


def test_fifty_nine_others_do_not_notice(digits):
    trials = trials_with(digits, 60, 23)
    broken = cohort(trials, digits, method=Fragile(12))
    sound = cohort(trials, digits, method=Fragile(-1))
    advance(broken, 12)
    before = weights(broken)[23]
    advance(broken, 13)
    advance(sound, 25)
    others = [place for place in range(60) if place != 23]
    assert torch.equal(weights(broken)[others], weights(sound)[others])
    for name, moment in broken.state.moments.items():
        assert torch.equal(moment[others], sound.state.moments[name][others])
    assert torch.equal(broken.state.history[others], sound.state.history[others])
    assert torch.equal(weights(broken)[23], before)
    assert broken.state.diverged_at.tolist() == [12 if i == 23 else -1 for i in range(60)]
    assert broken.state.alive.tolist() == [i != 23 for i in range(60)]
    assert broken.state.steps.tolist() == [12 if i == 23 else 25 for i in range(60)]


@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("step", [0, 5])
@pytest.mark.parametrize("size", [1, 3])
def test_frozen_before_the_update(digits, what, value, step, size):
    trials = trials_with(digits, size, size - 1)
    group = cohort(trials, digits, method=CountingFragile(step, what, value))
    start = advance(cohort(trials, digits), step)
    for _ in range(step + 2):
        if not group.finished:
            group.advance()
    assert torch.equal(weights(group)[-1], weights(start)[-1])
    assert torch.isfinite(weights(group)).all()
    assert int(group.state.diverged_at[-1]) == step
    assert int(group.state.steps[-1]) == step
    assert float(group.state.method_state["losses"][-1]) == step
    assert group.state.method_state["updates"][-1].tolist() == [step, step]
    if size > 1:
        assert group.state.method_state["updates"][0].tolist() == [step + 2, step + 2]
        assert group.state.alive.tolist() == [True, True, False]
    else:
        assert group.finished


def train(trials, digits, root, method, seconds=10.0, plan=None):
    store = TrialStore(root)
    job = CohortJob(method, tuple(trials), plan or ExecutionPlan(len(trials)), "job", seconds)
    with store.locked():
        train_cohort(job, digits, store, CPU, lambda news: None)
    return store


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("step", "rows"), [(0, 0), (7, 0), (20, 1), (27, 1)])
def test_the_record_does_not_depend_on_the_company(digits, tmp_path, size, step, rows):
    trials = trials_with(digits, size, size - 1, training={"epochs": 2})
    store = train(trials, digits, tmp_path, Fragile(step))
    record = store.record(trials[-1].id)
    assert (record.status, record.diverged_at, record.steps) == ("diverged", step, step)
    assert record.epochs == -(-step // 20)
    # Strict JSON: no NaN, one row for each epoch that it finished.
    text = (store.folder(trials[-1].id) / "history.json").read_text()
    history = json.loads(text, parse_constant=pytest.fail)
    assert {len(values) for values in history.values()} == {rows}
    assert all(value is not None for values in history.values() for value in values)
    for tensor in store.weights(trials[-1].id).values():
        assert torch.isfinite(tensor).all()
    if size > 1:
        other = store.record(trials[0].id)
        assert (other.status, other.steps, other.epochs) == ("finished", 40, 2)
        assert {len(v) for v in store.history(trials[0].id).values()} == {2}


def test_no_trial_left_ends_the_cohort(digits, tmp_path):
    trials = [trial(digits, seed, **BETA) for seed in range(3)]
    store = train(trials, digits, tmp_path, Fragile(3))
    assert {store.record(one.id).status for one in trials} == {"diverged"}
    assert {store.record(one.id).steps for one in trials} == {3}


def test_a_loss_that_overflows_for_real(digits, tmp_path):
    trials = [trial(digits, 0), trial(digits, 1, objective={"beta": 3e38})]
    store = train(trials, digits, tmp_path, DerpVaeMethod())
    assert store.record(trials[1].id).status == "diverged"
    assert store.record(trials[0].id).status == "finished"


def test_what_the_loss_hands_through_is_not_copied_but_views_are(digits):
    class Shifting(DerpVaeMethod):
        """A state whose new value begins at the old one's memory, yet differs."""

        def init_state(self, config, spec, rng):
            return {"window": torch.arange(4.0), "kept": torch.ones(3), "empty": torch.zeros(0)}

        def loss(self, model, batch, hyper, noise, state, clock):
            total, terms, _ = super().loss(model, batch, hyper, noise, {}, clock)
            return total, terms, state | {"window": state["window"][:1].expand(4)}

    for size in (1, 3):
        group = cohort(
            [trial(digits, s, objective={"perceptual_weight": 0}) for s in range(size)],
            digits,
            method=Shifting(),
        )
        kept = group.state.method_state["kept"]
        advance(group, 1)
        assert group.state.method_state["kept"] is kept
        assert torch.equal(group.state.method_state["window"], torch.zeros(size, 4))
        assert group.state.method_state["empty"].shape == (size, 0)
