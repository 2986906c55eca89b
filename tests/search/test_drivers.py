"""Several drivers of one sweep on PostgreSQL: none asks what another has asked."""

import json
import multiprocessing
import os
import re
import signal
import sys
import threading

import pytest

from latentlab.core.errors import UserError
from latentlab.search import engine
from latentlab.search.engine import run_sweep
from latentlab.search.proposals import propose
from latentlab.search.settings import SweepSettings
from latentlab.search.storage import SweepStorage
from latentlab.search.suggestion import Result

CHOSEN = SweepSettings.model_validate(
    {
        "method": "random",
        "configurations": 24,
        "cohort": 3,
        "parameters": {"rate": {"type": "float", "low": 0, "high": 1}},
    }
)


@pytest.fixture(scope="module")
def address(postgresql_server):
    return postgresql_server.new_database("sweeps")


def driver(address, owner, name="study/sweep"):
    return SweepStorage(address, name, CHOSEN.space, ["maximize"], "{}", owner)


def train(suggestions):
    return {one.number: Result("complete", (one.values["rate"],)) for one in suggestions}


def work(address, owner, asked, dies):
    """A driver in a process of its own; one that dies does so in its second cohort."""
    storage = driver(address, owner)
    cohorts = 0

    def noting(suggestions):
        nonlocal cohorts
        cohorts += 1
        for one in suggestions:
            asked.put((owner, one.number, json.dumps(one.values)))
        if dies and cohorts == 2:
            asked.close()
            asked.join_thread()
            os.kill(os.getpid(), signal.SIGKILL)
        return train(suggestions)

    run_sweep(CHOSEN, ["maximize"], storage, noting)


def test_drivers_at_once_ask_nothing_twice_and_the_work_of_one_that_is_gone_is_done(address):
    context = multiprocessing.get_context("fork")
    asked = context.Queue()
    drivers = {
        owner: context.Process(target=work, args=(address, owner, asked, owner == "first"))
        for owner in ("first", "second", "third")
    }
    for process in drivers.values():
        process.start()
    for process in drivers.values():
        process.join(60)
    assert [process.exitcode for process in drivers.values()] == [-signal.SIGKILL, 0, 0]
    told = driver(address, "later").suggestions()
    assert [one.number for one in told] == list(range(24))
    assert all(one.result is not None and one.elsewhere for one in told)
    calm = [one.values for one in propose(CHOSEN, ["maximize"], [], 0, 0, 24)]
    assert [one.values for one in told] == calm
    seen = [asked.get() for _ in range(27)]
    assert asked.empty()
    twice = [number for _, number, _ in seen if [n for _, n, _ in seen].count(number) > 1]
    # What the first had in work when it was killed, and nothing else.
    assert len(set(twice)) == 3
    assert {owner for owner, number, _ in seen if number in twice} > {"first"}


def test_a_driver_waits_for_the_others_and_ends_with_the_whole_table(address, monkeypatch):
    monkeypatch.setattr(engine, "WAIT", 0.05)
    slow, fast = (driver(address, owner, "study/waits") for owner in ("slow", "fast"))
    began, goes_on = threading.Event(), threading.Event()

    def slowly(suggestions):
        began.set()
        goes_on.wait(30)
        return train(suggestions)

    one = CHOSEN.model_copy(update={"configurations": 3})
    thread = threading.Thread(target=run_sweep, args=(one, ["maximize"], slow, slowly))
    thread.start()
    assert began.wait(30)
    # Nothing is left to ask: it waits until the other has told.
    threading.Timer(0.3, goes_on.set).start()
    run_sweep(one, ["maximize"], fast, train)
    thread.join(30)
    assert [one.result.state for one in fast.suggestions()] == ["complete"] * 3
    with pytest.raises(UserError, match="Other runs work on the sweep study/waits, which"):
        SweepStorage.delete(address, "study/waits")
    slow.close()
    fast.close()
    SweepStorage.delete(address, "study/waits")
    assert driver(address, "slow", "study/waits").suggestions() == []


def test_two_runs_of_one_store_and_a_connection_that_breaks(address, monkeypatch):
    monkeypatch.setattr("latentlab.search.drivers._TRIES", 1)
    held = driver(address, "here", "study/breaks")
    with pytest.raises(UserError, match=r"under the name of these trials. .* sweeps/owner.txt"):
        driver(address, "here", "study/breaks")

    def broken(suggestions):
        held.close()
        return train(suggestions)

    # Another may have its configurations by now: it writes nothing more.
    with pytest.raises(Exception, match="closed"):
        run_sweep(CHOSEN, ["maximize"], held, broken)
    again = driver(address, "there", "study/breaks")
    assert [one.number for one in again.acquire()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        (("open-sesame", "a-secret"), "password authentication failed", "Correct the user and"),
        (("/sweeps", "/nowhere"), 'database "nowhere" does not exist', "createdb NAME"),
        ((r":\d+/", ":1/"), "refused", "Start the server, or correct host and port"),
    ],
)
def test_a_server_that_refuses_is_one_line_without_the_password(address, change, what, remedy):
    with pytest.raises(UserError) as caught:
        driver(re.sub(*change, address), "here")
    line = str(caught.value)
    assert line.startswith("The storage of sweeps at postgresql://lab:***@127.0.0.1:")
    assert what in line
    assert remedy in line
    assert "\n" not in line
    assert "sesame" not in line
    assert "secret" not in line


def test_a_missing_driver_names_the_extra(address, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"psycopg is not installed. .*'\.\[postgresql\]"):
        driver(address, "here")
