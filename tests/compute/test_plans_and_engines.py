"""Plans, their cache, the worker pool, and devices."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from compute.light_jobs import die, fail, leave_a_note, shown_device, square, where
from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import (
    autocast,
    device_count,
    find_devices,
    machine_name,
    memory_bytes,
    resolve_device,
    visible_devices,
)
from latentlab.compute.executors.inline import Inline
from latentlab.compute.executors.processes import WorkerPool
from latentlab.compute.plan import ExecutionPlan, PlanCache, candidates, even_parts
from latentlab.core.errors import UserError

sizes = st.integers(1, 200)


@given(sizes, sizes, st.integers(1, 16))
def test_parts_are_even_and_none_exceeds_the_plan(count: int, cohort: int, processes: int) -> None:
    parts = even_parts(count, ExecutionPlan(cohort, processes))
    assert sum(parts) == count
    assert max(parts) - min(parts) <= 1
    assert max(parts) <= cohort
    assert min(parts) >= 1


@given(st.integers(2, 200), st.integers(2, 60), st.integers(2, 8))
def test_every_process_has_a_share_of_a_cohort_plan(
    count: int, cohort: int, processes: int
) -> None:
    parts = even_parts(count, ExecutionPlan(cohort, processes))
    assert len(parts) >= min(count, processes)


@given(sizes, sizes)
def test_candidates_fit_memory_and_trials(trials: int, largest: int) -> None:
    for plan in candidates(trials, largest, ComputeConfig(workers=2), "cpu"):
        assert 1 <= plan.cohort <= min(trials, largest)
        assert plan.cohort * plan.processes <= max(largest, plan.processes)


def test_settings_are_obeyed() -> None:
    config = ComputeConfig(engine="processes", workers=3, cohort=4, threads=2, compile=True)
    assert candidates(60, 100, config, "cpu") == [ExecutionPlan(4, 3, 2, True)]
    inline = candidates(60, 100, ComputeConfig(engine="inline"), "cpu")
    assert {plan.processes for plan in inline} == {1}
    assert {plan.cohort for plan in inline} == {60, 8, 1}


@pytest.mark.parametrize(
    ("settings", "devices", "processes"),
    [
        ({}, 1, {1, 2}),
        ({}, 3, {1, 3, 6}),
        ({"workers": 3}, 3, {1, 3}),
        ({"engine": "processes"}, 3, {3, 6}),
        ({"engine": "inline"}, 3, {1}),
    ],
)
def test_one_worker_a_gpu_and_two_are_tried(
    settings: dict[str, object], devices: int, processes: set[int]
) -> None:
    plans = candidates(60, 12, ComputeConfig(**settings), "cuda", devices)
    assert {plan.processes for plan in plans} == processes
    # Each GPU holds 12 trials, in all its workers together.
    most = {p: max(plan.cohort for plan in plans if plan.processes == p) for p in processes}
    assert all(size * -(-count // min(devices, count)) <= 12 for count, size in most.items())
    assert {plan.processes for plan in candidates(60, 12, ComputeConfig(), "mps")} == {1}


def test_plans_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "plans.json"
    plan = ExecutionPlan(20, 2, 1, True)
    PlanCache(path).put("a", plan)
    PlanCache(path).put("b", ExecutionPlan(1))
    assert PlanCache(path).get("a") == plan
    assert PlanCache(path).get("c") is None


def test_a_damaged_or_unwritable_cache_costs_only_time(tmp_path: Path) -> None:
    path = tmp_path / "plans.json"
    path.write_text("{")
    assert PlanCache(path).get("a") is None
    PlanCache(path).put("a", ExecutionPlan(2))
    assert PlanCache(path).get("a") == ExecutionPlan(2)
    (tmp_path / "file").write_text("")
    PlanCache(tmp_path / "file" / "plans.json").put("a", ExecutionPlan(2))


def named(*payloads: object) -> dict[str, object]:
    return {f"job{place}": payload for place, payload in enumerate(payloads)}


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(2) as workers:
        yield workers


def test_results_come_in_the_order_of_the_jobs(pool: WorkerPool) -> None:
    news: list[object] = []
    assert pool.run(square, named(*range(7)), news.append) == [n * n for n in range(7)]
    assert len(news) == 7
    assert Inline().run(square, named(*range(7)), news.append) == [n * n for n in range(7)]


def test_jobs_run_beside_each_other(pool: WorkerPool) -> None:
    assert len(set(pool.run(where, named(0, 1), lambda news: None))) == 2


def test_a_users_mistake_comes_back_as_it_was() -> None:
    with WorkerPool(1) as workers, pytest.raises(UserError, match="3 is wrong"):
        workers.run(fail, named(3), lambda news: None)


def test_a_killed_worker_is_told() -> None:
    with WorkerPool(1) as workers, pytest.raises(UserError, match="worker was killed"):
        workers.run(die, named(1), lambda news: None)


def test_leaving_the_pool_ends_its_workers() -> None:
    with WorkerPool(2) as workers:
        numbers = workers.run(where, named(0, 1), lambda news: None)
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


def test_idle_workers_put_their_things_away(tmp_path: Path) -> None:
    """Else what a library holds in them (locks, scratch files) is reported as leaked."""
    notes = [tmp_path / "first", tmp_path / "second"]
    with WorkerPool(2) as workers:
        workers.run(leave_a_note, named(*notes), lambda news: None)
    assert all(note.exists() for note in notes)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:0,", "CPU", ""])
def test_a_device_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        ComputeConfig(device=name)


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)


@pytest.mark.usefixtures("four_gpus")
def test_all_gpus_or_those_that_are_named() -> None:
    def found(name: str) -> list[int]:
        return [device.index for device in find_devices(name, "tf32")]

    assert found("cuda") == found("auto") == [0, 1, 2, 3]
    assert found("cuda:3,1,3") == [3, 1]
    assert str(resolve_device(ComputeConfig(device="cuda:3,1"))) == "cuda:3"
    assert device_count(ComputeConfig(device="cuda:3,1")) == 2
    assert device_count(ComputeConfig(device="cuda", engine="slurm")) == 1
    with pytest.raises(UserError, match="cuda:1,4, but there are 4 CUDA devices"):
        found("cuda:1,4")


@pytest.mark.parametrize(("shown", "names"), [(None, ["3", "1"]), ("7, GPU-a,5,2", ["2", "GPU-a"])])
def test_a_worker_is_shown_a_gpu_by_its_name(
    monkeypatch: pytest.MonkeyPatch, shown: str | None, names: list[str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if shown:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    assert visible_devices([torch.device("cuda", 3), torch.device("cuda", 1)]) == names
    assert visible_devices([torch.device("cpu")]) == []


def test_workers_are_given_gpus_in_turn() -> None:
    with WorkerPool(4, visible=["3", "GPU-a"]) as workers:
        seen = workers.run(shown_device, named(*range(4)), lambda news: None)
        # Fewer jobs than workers: no two on one GPU while another has none.
        few = workers.run(shown_device, named(0, 1), lambda news: None)
    assert sorted(seen) == ["3", "3", "GPU-a", "GPU-a"]
    assert sorted(few) == ["3", "GPU-a"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_never_replaced_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("cuda", "cuda:1"):
        with pytest.raises(UserError, match="no CUDA device"):
            resolve_device(ComputeConfig(device=name))
    with pytest.raises(UserError, match="tf32"):
        resolve_device(ComputeConfig(precision="tf32"))
    with caplog.at_level("INFO"):
        assert resolve_device(ComputeConfig(device="auto")).type in ("cpu", "mps")
    assert "chose" in caplog.text


def test_a_machine_is_named_by_what_makes_it_fast() -> None:
    """`platform.processor` is empty on Linux: all its machines would have one name."""
    name = machine_name(torch.device("cpu"))
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (model := re.search(r"model name\s*: (.+)", cpuinfo.read_text())):
        assert model[1].strip() in name
    assert f"{os.cpu_count()} cores" in name
    assert f"{memory_bytes(torch.device('cpu')) / 2**30:.0f} GiB" in name


def test_bfloat16_is_a_context_of_the_loss() -> None:
    a = torch.ones(4, 4)
    with autocast(torch.device("cpu"), "bfloat16"):
        assert (a @ a).dtype == torch.bfloat16
    with autocast(torch.device("cpu"), "float32"):
        assert (a @ a).dtype == torch.float32
