"""The choice of a plan: timed candidates, broken ones dropped, short work kept in this process."""

import logging
from collections import Counter
from dataclasses import replace

import pytest
import torch

from labs.trainer import CPU, INLINE, load, trial
from latentlab.compute import ComputeConfig, ExecutionPlan
from latentlab.compute.plan import PlanCache
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training import calibration
from latentlab.training.calibration import Calibration, plan_key
from latentlab.training.plan_timing import Timing
from latentlab.training.runner import Trainer
from latentlab.training.store import TrialStore


class Pool:
    """Two workers that are asked, and never started."""

    def __len__(self):
        return 2

    def run(self, function, payloads, report):
        return [function(payload, report) for payload in payloads.values()]


@pytest.fixture
def chooser(digits, tmp_path, monkeypatch):
    """A calibration whose candidates take as long as `seconds` says, by (cohort, processes)."""

    def make(seconds, config=None, method=METHOD):
        timed = []

        def timing(probe, *args, **kwargs):
            timed.append(probe.plan)
            step = seconds(probe.plan)
            if isinstance(step, Exception):
                raise step
            return Timing(step, 0.0)

        monkeypatch.setattr(calibration, "time_plan", timing)
        chooser = Calibration(
            method,
            digits,
            config or ComputeConfig(workers=2, threads=1),
            CPU,
            PlanCache(tmp_path / "plans.json"),
            Pool,
            timing,
        )
        chooser.timed = timed
        return chooser

    return make


def trials(digits, count=60, **changes):
    return [trial(digits, seed, **changes) for seed in range(count)]


def test_the_fastest_is_chosen_and_remembered(digits, chooser):
    choice = chooser(lambda plan: {60: 3e-3, 30: 2e-3, 8: 1e-3, 1: 5e-3}[plan.cohort])
    plan = choice.choose(trials(digits), 4000, None)
    assert plan == ExecutionPlan(8, 2, 1, False)
    assert set(choice.timed) == {
        ExecutionPlan(cohort, processes)
        for cohort, processes in [(60, 1), (8, 1), (1, 1), (30, 2), (8, 2), (1, 2)]
    } | {ExecutionPlan(8, 2, 1, True)}
    again = chooser(lambda plan: 1 / 0)
    assert again.choose(trials(digits), 4000, None) == plan
    assert again.timed == []


def test_work_shorter_than_a_pools_start_stays_inline(digits, chooser):
    choice = chooser(lambda plan: 1e-3 / plan.processes)
    plan = choice.choose(trials(digits), 80, None)
    assert plan.processes == 1
    assert {plan.processes for plan in choice.timed} == {1}
    # 60 x 90 trial-steps of 1 ms are 5.4 s, which is more than the pool costs.
    longer = chooser(lambda plan: 1e-3 / plan.processes).choose(trials(digits, 59), 90, None)
    assert longer.processes == 2


@pytest.mark.parametrize(("steps", "processes", "looks"), [(20_000, 2, 2), (800, 1, 1)])
def test_close_candidates_for_long_work_are_timed_again(digits, chooser, steps, processes, looks):
    """A bad moment of the machine at the first look does not decide over minutes of training."""

    def seconds(plan):
        # Of a step of a trial in one process: 2.4 ms in two of them are 1.2 ms.
        at_first = choice.timed.count(plan) <= plan.processes
        return {60: 1e-3, 30: 2.4e-3 if at_first else 1.2e-3}.get(plan.cohort, 9e-3)

    choice = chooser(seconds, ComputeConfig(workers=2, threads=1, compile=False))
    assert choice.choose(trials(digits), steps, None).processes == processes
    counts = Counter(choice.timed)
    assert counts[ExecutionPlan(60)] == looks
    assert counts[ExecutionPlan(30, 2)] == 2 * looks, "in both processes"
    assert counts[ExecutionPlan(8)] == 1


def test_processes_that_are_asked_for_are_used(digits, chooser):
    config = ComputeConfig(workers=2, threads=1, engine="processes")
    plan = chooser(lambda plan: 1e-6, config).choose(trials(digits), 1, None)
    assert plan.processes == 2


def test_a_candidate_that_breaks_is_dropped_with_a_line(digits, chooser, caplog):
    def seconds(plan):
        return RuntimeError("out of memory\nand more") if plan.cohort > 8 else plan.cohort * 1e-6

    with caplog.at_level(logging.INFO):
        plan = chooser(seconds).choose(trials(digits), 80, None)
    assert plan == ExecutionPlan(1, 1)
    dropped = [r.getMessage() for r in caplog.records if "dropped" in r.getMessage()]
    assert len(dropped) == 1
    assert "cohorts of 60" in dropped[0]
    assert "out of memory" in dropped[0]
    assert "\n" not in dropped[0]


def test_a_compiler_that_breaks_is_dropped(digits, chooser):
    def seconds(plan):
        return KeyError("buf5") if plan.compile else 1e-2

    choice = chooser(seconds)
    assert not choice.choose(trials(digits), 800, None).compile
    assert any(plan.compile for plan in choice.timed)


@pytest.mark.parametrize("graphs", [1e-3, 9e-3, RuntimeError("capture failed")])
def test_on_a_gpu_cuda_graphs_are_tried_where_the_compiler_works(
    digits, chooser, monkeypatch, graphs
):
    monkeypatch.setattr(calibration, "machine_name", lambda device: "a GPU")
    monkeypatch.setattr(calibration, "trials_in_memory", lambda *of_a_trial: 60)
    choice = chooser(lambda plan: graphs if plan.graphs else 2e-3 if plan.compile else 1e-2)
    choice._device = torch.device("cuda")
    plan = choice.choose(trials(digits), 8000, None)
    assert plan.compile
    assert plan.graphs == (graphs == 1e-3)
    assert {timed.graphs for timed in choice.timed if timed.compile} == {False, True}


def test_a_compiler_that_broke_is_not_tried_on_the_next_shape(digits, chooser):
    choice = chooser(lambda plan: KeyError("buf5") if plan.compile else 1e-2)
    for hidden in (16, 24):
        choice.choose(trials(digits, model={"hidden": hidden}), 800, None)
    assert sum(plan.compile for plan in choice.timed) == 1


@pytest.mark.parametrize(("team", "threads"), [(0.8e-3, 1), (0.7e-3, 1), (0.6e-3, 4)])
def test_several_threads_must_win_clearly(digits, chooser, monkeypatch, team, threads):
    monkeypatch.setattr(ComputeConfig, "cores", lambda self: 4)
    config = ComputeConfig(engine="inline", compile=False)
    choice = chooser(lambda plan: 1e-3 if plan.threads == 1 else team, config)
    assert choice.choose(trials(digits), 80, None).threads == threads
    assert {plan.threads for plan in choice.timed} == {1, 4}


def test_the_compiler_is_tried_only_for_long_work(digits, chooser):
    choice = chooser(lambda plan: 1e-5 if plan.compile else 1e-3)
    assert not choice.choose(trials(digits), 80, None).compile
    assert not any(plan.compile for plan in choice.timed)
    longer = chooser(lambda plan: 1e-5 if plan.compile else 1e-3)
    assert longer.choose(trials(digits, 59), 9000, None).compile


def test_where_all_break_the_smallest_is_tried_for_real(digits, chooser):
    plan = chooser(lambda plan: RuntimeError("no")).choose(trials(digits), 80, None)
    assert plan == ExecutionPlan(1, 1)


@pytest.mark.parametrize(
    ("processes", "steps", "taken"),
    [(1, 160, True), (1, 170, False), (2, 330, True), (2, 340, False)],
)
def test_a_small_group_takes_over_the_larger_ones_plan(digits, chooser, processes, steps, taken):
    """Where less than 10 s of wall-clock are left to train: 60 trials at 1 ms a trial-step."""
    fallback = ExecutionPlan(7, processes, 1)
    choice = chooser(lambda plan: 1e-3 if plan == fallback else 1e-4)
    plan = choice.choose(trials(digits), steps, fallback)
    assert (plan == fallback) == taken
    assert choice.timed[0] == fallback


def test_one_candidate_needs_no_timing(digits, chooser):
    config = ComputeConfig(engine="inline", cohort=4, threads=1, compile=False)
    choice = chooser(lambda plan: 1 / 0, config)
    assert choice.choose(trials(digits), 80, None) == ExecutionPlan(4, 1, 1, False)
    assert choice.timed == []


def test_memory_bounds_the_candidates(digits, chooser, monkeypatch):
    monkeypatch.setattr(calibration, "trials_in_memory", lambda *of_a_trial: 5)
    choice = chooser(lambda plan: 1e-4)
    choice.choose(trials(digits), 80, None)
    assert {plan.cohort for plan in choice.timed} == {5, 1}
    assert choice.choose(trials(digits, 50), 80, ExecutionPlan(6)).cohort <= 5


def test_what_a_plans_key_depends_on(digits):
    some, config = trials(digits, 3), ComputeConfig()
    key = plan_key(some, config, CPU)
    assert plan_key([replace(t, seed=t.seed + 7, arm="b") for t in some], config, CPU) == key
    assert plan_key(some, ComputeConfig(checkpoint_seconds=1), CPU) == key
    others = [
        (some[:2], config),
        (some, ComputeConfig(threads=7)),
        ([replace(t, data="other") for t in some], config),
        ([replace(t, precision="bfloat16") for t in some], config),
        ([trial(digits, s, model={"hidden": 20}) for s in range(3)], config),
    ]
    keys = {plan_key(group, settings, CPU) for group, settings in others}
    assert len(keys | {key}) == 6


@pytest.mark.parametrize("epochs", [0, 9])
def test_the_estimate_counts_what_comes_between_epochs_once(digits, chooser, monkeypatch, epochs):
    """Seven trials by two processes in cohorts of three and two: two rounds of the largest."""
    monkeypatch.setattr(calibration, "time_epoch_end", lambda *of_a_group: 0.25)
    choice = chooser(lambda plan: 1e-3)
    group = trials(digits, 7, training={"epochs": 6, "validate_every": 2})
    choice._timings[group[0].signature, ExecutionPlan(2, 2)] = Timing(1e-3, 5.0, epochs)
    found = choice.seconds(group, 100, ExecutionPlan(2, 2), compiling=True)
    between = 0.25 * 3 if epochs < 2 else 0.0
    assert found == pytest.approx(2 * (1e-3 * 2 * 100 + between))


@pytest.mark.parametrize(("steps", "step"), [(10_000, 1e-3), (100_000, 2e-3)])
def test_what_takes_long_is_timed_for_longer_before_it_is_said_how_long(
    digits, chooser, monkeypatch, steps, step
):
    """A quarter of a second at full speed says 1 ms, and two seconds say 2 ms."""
    monkeypatch.setattr(calibration, "time_epoch_end", lambda *of_a_group: 0.0)
    choice = chooser(lambda plan: 2e-3)
    group = trials(digits, 7)
    choice._timings[group[0].signature, ExecutionPlan(2, 2)] = Timing(1e-3, 0.0)
    found = choice.seconds(group, steps, ExecutionPlan(2, 2), compiling=True)
    assert found == pytest.approx(2 * step * 2 * steps)


def test_a_forecast_measures_and_trains_nothing(digits_folder, tmp_path):
    trainer = Trainer(METHOD, digits_folder, TrialStore(tmp_path / "store"), INLINE)
    found = trainer.estimate([trial(load(digits_folder), seed) for seed in range(3)])
    assert found.trials == 3
    assert 0 < found.seconds < 60
    assert found.bytes > 0
    assert {path.name for path in tmp_path.iterdir()} <= {"plans.json"}
