"""Cohorts that the memory does not hold: halved, gone on with, remembered."""

import pytest
import torch

from labs.trainer import CPU, INLINE, train_trials, trial
from latentlab.compute import ExecutionPlan
from latentlab.core.errors import UserError
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training import loop
from latentlab.training.cohort import Cohort
from latentlab.training.halving import out_of_memory, train_fitting
from latentlab.training.loop import CohortJob
from latentlab.training.store import TrialStore

SHORT = {"training": {"epochs": 2, "batch_size": 256}}
STEPS = 10


class Memory:
    """Holds so many trials at once; from a step on, it holds so many only."""

    def __init__(self, monkeypatch):
        self.holds, self.since, self.refused, self.steps = 100, 0, 0, []
        train_step = Cohort._train_step

        def step(cohort, index):
            if len(cohort.trials) > self.holds and cohort.state.step >= self.since:
                self.refused += 1
                torch.empty(1 << 50)  # The allocator's own error.
            self.steps.append((len(cohort.trials), cohort.state.step))
            train_step(cohort, index)

        monkeypatch.setattr(Cohort, "_train_step", step)


@pytest.fixture
def memory(monkeypatch):
    # A checkpoint after every step that is due for one, and news of each.
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e9)
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    return Memory(monkeypatch)


@pytest.fixture
def store(tmp_path):
    store = TrialStore(tmp_path / "study")
    with store.locked():
        yield store


def job_of(trials, checkpoint_seconds=100.0):
    return CohortJob(METHOD, tuple(trials), ExecutionPlan(len(trials)), "whole", checkpoint_seconds)


def some(digits, count, first=0):
    return [trial(digits, first + seed, **SHORT) for seed in range(count)]


def test_what_says_that_memory_is_short():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    assert out_of_memory(caught.value)
    for error in (torch.OutOfMemoryError("x"), MemoryError(), RuntimeError("MPS out of memory")):
        assert out_of_memory(error)
    for other in (RuntimeError("mat1 and mat2"), ValueError("can't allocate memory")):
        assert not out_of_memory(other)


def test_a_run_halves_and_the_next_one_knows(digits, digits_folder, memory, tmp_path):
    compute = INLINE.model_copy(update={"cohort": 5})
    whole, store = (TrialStore(tmp_path / name / "study") for name in ("whole", "halved"))
    trials = some(digits, 5)
    train_trials(METHOD, trials, digits_folder, whole, compute)
    memory.holds, memory.steps = 2, []
    train_trials(METHOD, trials, digits_folder, store, compute)
    assert memory.refused == 2  # of 5, and of 3
    assert [size for size, step in memory.steps if step == 0] == [2, 1, 2]
    for one in trials:
        ours, theirs = store.weights(one.id), whole.weights(one.id)
        assert all(torch.allclose(ours[n], theirs[n], rtol=1e-3, atol=1e-5) for n in ours)
    assert {store.record(t.id).plan for t in trials[3:]} == {"cohorts of 2, 1 process, 1 thread"}
    assert list(store.checkpoints.iterdir()) == []

    train_trials(METHOD, some(digits, 5, first=7), digits_folder, store, compute)
    assert memory.refused == 2


def test_halves_go_on_where_the_whole_stood(digits, memory, store):
    memory.holds, memory.since = 2, 6
    news = []
    trials = some(digits, 4)
    assert train_fitting(job_of(trials, 1e-9), digits, store, CPU, news.append) == 2
    assert memory.steps == [
        *((4, step) for step in range(6)),
        *((2, step) for step in range(6, STEPS)),
        *((2, step) for step in range(6, STEPS)),
    ]
    assert {(n["cohort"], n["total"]) for n in news} == {("whole", 4 * STEPS)}
    assert news[-1]["steps"] == 4 * STEPS
    assert {store.record(one.id).steps for one in trials} == {STEPS}


def test_a_killed_worker_s_halves_are_found_where_they_stood(digits, memory, store):
    memory.holds = 2
    trials = some(digits, 4)

    def killed(news):
        if store.folder(trials[0].id).exists() and news["steps"] > 2 * STEPS:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_fitting(job_of(trials, 1e-9), digits, store, CPU, killed)
    finished = store.record(trials[0].id).finished_at
    memory.steps = []
    assert train_fitting(job_of(trials, 1e-9), digits, store, CPU, lambda news: None) == 2
    assert memory.refused == 1
    assert {size for size, _ in memory.steps} <= {2}
    assert len(memory.steps) < STEPS
    assert store.record(trials[0].id).finished_at == finished
    assert all(store.knows(one.id) for one in trials)


def test_a_trial_that_does_not_fit_alone_is_told_in_one_line(digits, memory, store):
    memory.holds = 0
    with pytest.raises(UserError, match=r"A trial of the arm standard does not fit .* of cpu"):
        train_fitting(job_of(some(digits, 2)), digits, store, CPU, lambda news: None)
