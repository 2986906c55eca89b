"""What a pool and a cache do after something went wrong."""

import json

import pytest
import torch
from pydantic import ValidationError

from compute.light_jobs import job
from latentlab.compute import ComputeConfig, ExecutionPlan
from latentlab.compute.device import process_settings_kept
from latentlab.compute.executors.processes import WorkerPool
from latentlab.compute.plan import PlanCache, candidates, even_parts
from latentlab.core.errors import UserError


def named(payloads):
    return {f"job{place}": payload for place, payload in enumerate(payloads)}


def ignore(news):
    pass


def test_answers_to_an_earlier_run_are_not_taken_for_this_ones():
    """One candidate's job fails while the other worker is still busy; then the pool goes on."""
    with WorkerPool(2) as pool:
        # Both are up, so that the failure comes while the other job runs.
        assert pool.run(job, named([("ok", 0), ("ok", 1)]), ignore) == [("ok", 0), ("ok", 1)]
        with pytest.raises(ValueError, match="this job fails") as caught:
            pool.run(job, named([("slow", "stale"), ("fail", 0)]), ignore)
        # Where it happened is told.
        assert "in job" in "".join(caught.value.__notes__)
        news = []
        payloads = [("ok", number) for number in range(4)]
        assert pool.run(job, named(payloads), news.append) == payloads
        assert news == []

        # Errors that do not survive the way back are told in words.
        with pytest.raises(RuntimeError, match="Stubborn: it broke"):
            pool.run(job, named([("stubborn", 0)]), ignore)
        with pytest.raises(RuntimeError, match="RuntimeError: <function"):
            pool.run(job, named([("lambda", 0)]), ignore)

        # A pool with a dead worker says so again, whoever asks.
        for _ in range(2):
            with pytest.raises(UserError, match="A training worker was killed"):
                pool.run(job, named([("die", 0), ("die", 1)]), ignore)


@pytest.mark.parametrize("content", ["[]", "7", '{"a": {"cohorts": 3}}', '{"a": [1]}', '{"a": 3}'])
def test_a_cache_of_another_form_counts_as_empty(tmp_path, content):
    path = tmp_path / "plans.json"
    path.write_text(content)
    assert PlanCache(path).get("a") is None
    PlanCache(path).put("a", ExecutionPlan(3))
    assert PlanCache(path).get("a") == ExecutionPlan(3)
    assert json.loads(path.read_text())["a"]["cohort"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["plans.json"]


@pytest.mark.parametrize("key", ["workers", "cohort", "threads"])
@pytest.mark.parametrize("value", [0, -1, "some", 1.5])
def test_numbers_that_plan_nothing_are_refused(key, value):
    with pytest.raises(ValidationError, match=key):
        ComputeConfig(**{key: value})


def test_one_worker_is_this_process():
    config = ComputeConfig(engine="processes", workers=1, threads=1, cohort=2)
    assert candidates(4, 10, config, "cpu") == [ExecutionPlan(2, 1, 1)]


@pytest.mark.parametrize(
    ("count", "plan", "parts"),
    [
        (60, ExecutionPlan(60), [60]),
        (60, ExecutionPlan(30, 2), [30, 30]),
        (7, ExecutionPlan(3), [3, 2, 2]),
        (7, ExecutionPlan(7, 2), [4, 3]),
        (9, ExecutionPlan(4, 2), [3, 2, 2, 2]),
        (3, ExecutionPlan(8, 4), [1, 1, 1]),
        (3, ExecutionPlan(1, 2), [1, 1, 1]),
        (1, ExecutionPlan(8, 4), [1]),
    ],
)
def test_parts(count, plan, parts):
    assert even_parts(count, plan) == parts


def test_what_a_plan_set_for_the_process_is_undone():
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()

    def plan_that_fails():
        with process_settings_kept():
            torch.set_num_threads(threads + 1)
            torch.set_float32_matmul_precision("high")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        plan_that_fails()
    assert torch.get_num_threads() == threads
    assert torch.get_float32_matmul_precision() == precision


def test_products_do_not_depend_on_where_an_operand_lies():
    """MKL's own default gives other last bits to other alignments."""
    if not torch.backends.mkl.is_available():
        pytest.skip("this torch has no MKL")
    torch.manual_seed(0)
    for rows, inner, columns in ((37, 7, 20), (10, 64, 6), (64, 6, 10), (16, 10, 6)):
        a, b = torch.randn(rows, inner), torch.randn(columns, inner)
        expected = a @ b.T
        for offset in range(1, 17):
            moved, other = (
                torch.empty(x.numel() + offset)[offset:].view_as(x).copy_(x) for x in (a, b)
            )
            assert torch.equal(moved @ other.T, expected)
