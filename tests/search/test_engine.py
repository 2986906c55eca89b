"""Asking, telling, leases: a killed sweep asks what an undisturbed one would have asked."""

import json

import pytest

from latentlab.core.errors import UserError
from latentlab.search.engine import run_sweep
from latentlab.search.halving import rungs_of, survivors
from latentlab.search.proposals import propose
from latentlab.search.settings import Halving, SweepSettings
from latentlab.search.storage import SweepStorage
from latentlab.search.suggestion import Result, Suggestion

PARAMETERS = {
    "encoder": {"type": "categorical", "choices": ["cnn", "context"]},
    "rate": {"type": "float", "low": 1e-5, "high": 1e-1, "log": True},
    "depth": {"type": "int", "low": 2, "high": 6, "when": {"encoder": "cnn"}},
    "heads": {"type": "categorical", "choices": [4, 8], "when": {"encoder": "context"}},
}


def settings(method="tpe", **changes):
    block = {"method": method, "configurations": 20, "cohort": 4, "startup": 8}
    return SweepSettings.model_validate({**block, "parameters": PARAMETERS, **changes})


def score(values):
    return values.get("depth", 0) + (values["encoder"] == "cnn") - abs(values["rate"] - 1e-3)


def storage_at(path, chosen, owner="here"):
    return SweepStorage(str(path), "study/sweep", chosen.space, ["maximize"], "{}", owner)


def train(suggestions):
    return {one.number: Result("complete", (score(one.values),)) for one in suggestions}


def told(number, values, state, *objectives):
    """A configuration of a first cohort with its result."""
    return Suggestion(number, 0, values, False, result=Result(state, objectives))


class Killed(Exception):
    """Stands for `kill -9`."""


def asked_by(storage):
    return [one.values for one in storage.suggestions()]


@pytest.mark.parametrize("method", ["random", "quasi_random", "tpe"])
def test_a_sweep_keeps_to_its_budget_and_conditions(tmp_path, method):
    chosen = settings(method)
    storage = storage_at(tmp_path / "a.journal", chosen)
    run_sweep(chosen, ["maximize"], storage, train)
    asked = asked_by(storage)
    assert len(asked) == 20
    for values in asked:
        assert ("depth" in values) == (values["encoder"] == "cnn")
        assert ("heads" in values) == (values["encoder"] == "context")
        assert 1e-5 <= values["rate"] <= 1e-1
    run_sweep(chosen, ["maximize"], storage, train)
    assert len(storage.suggestions()) == 20


def test_every_cohort_says_how_it_ended(tmp_path, caplog):
    caplog.set_level("INFO", "latentlab.search.engine")
    chosen = settings("random", configurations=8)
    ends = [Result("complete", (float(k),)) for k in (3, 1, 7, 5)] + [Result("diverged")] * 4
    storage = storage_at(tmp_path / "a.journal", chosen)
    run_sweep(
        chosen, ["minimize"], storage, lambda asked: {s.number: ends[s.number] for s in asked}
    )
    lines = [line for line in caplog.messages if "best so far" in line]
    assert lines == [
        "Cohort 0: 4 complete; the best so far is configuration 1 at 1",
        "Cohort 1: 4 diverged; the best so far is configuration 1 at 1",
    ]


def test_tpe_is_adaptive_after_its_start_and_finds_the_better_encoder(tmp_path):
    chosen = settings(configurations=60)
    storage = storage_at(tmp_path / "a.journal", chosen)
    run_sweep(chosen, ["maximize"], storage, train)
    adaptive = [one.adaptive for one in storage.suggestions()]
    assert adaptive == [False] * 8 + [True] * 52
    late = [one.values["encoder"] for one in storage.suggestions()[30:]]
    assert late.count("cnn") > 20


@pytest.mark.parametrize("method", ["random", "tpe"])
@pytest.mark.parametrize("moment", ["asking", "training", "telling"])
def test_a_killed_sweep_asks_what_an_undisturbed_one_asks(tmp_path, method, moment, monkeypatch):
    chosen = settings(method)
    calm = storage_at(tmp_path / "calm.journal", chosen)
    run_sweep(chosen, ["maximize"], calm, train)

    path = tmp_path / "killed.journal"
    trained = []

    def attempt(owner):
        """One run of the sweep; the first five are killed, each at another place."""
        storage = storage_at(path, chosen)
        dies = owner < 6
        add = storage.add

        def killing(asked):
            for place, one in enumerate(asked):
                if dies and moment == "training" and place == owner % 4:
                    raise Killed
                trained.append(one.number)
            results = train(asked)
            if dies and moment == "telling":
                for number in list(results)[: 1 + owner % 3]:
                    storage.tell(number, results[number])
                raise Killed
            return results

        def adding(proposals):
            add(proposals[: owner % 4] if dies and moment == "asking" else proposals)
            if dies and moment == "asking":
                raise Killed

        monkeypatch.setattr(storage, "add", adding)
        run_sweep(chosen, ["maximize"], storage, killing)
        return storage

    for owner in range(1, 6):
        with pytest.raises(Killed):
            attempt(owner)
    storage = attempt(6)
    assert asked_by(storage) == asked_by(calm)
    assert storage.suggestions() == calm.suggestions()
    assert set(trained) == set(range(20))


def test_what_a_gone_driver_had_in_work_is_taken_up_by_another(tmp_path):
    chosen = settings("random", configurations=2)
    address = f"sqlite:///{tmp_path}/sweeps.db"
    first = storage_at(address, chosen)
    first.add(propose(chosen, ["maximize"], [], 0, 0, 2))
    with pytest.raises(UserError, match=r"Another run works on .* several at once need PostgreSQL"):
        storage_at(address, chosen, "elsewhere")
    first.close()
    second = storage_at(address, chosen, "elsewhere")
    run_sweep(chosen, ["maximize"], second, train)
    assert [one.result.state for one in second.suggestions()] == ["complete"] * 2
    assert not any(one.elsewhere for one in second.suggestions())
    second.close()
    assert all(one.elsewhere for one in storage_at(address, chosen).suggestions())


@pytest.mark.parametrize(
    "damage",
    [b'{"op_code":4,"worker_id"', b"garbage\n", bytes(range(256)) * 40],
    ids=["cut", "garbage", "binary"],
)
@pytest.mark.parametrize("where", [0.0, 0.4, 1.0])
def test_a_damaged_journal_loses_only_what_is_asked_again(tmp_path, damage, where, caplog):
    chosen = settings()
    calm = storage_at(tmp_path / "calm.journal", chosen)
    run_sweep(chosen, ["maximize"], calm, train)
    path = tmp_path / "sweep.journal"
    lines = (tmp_path / "calm.journal").read_bytes().splitlines(keepends=True)
    place = max(1, int(where * len(lines)))
    rest = damage + b"".join(lines[place:])
    path.write_bytes(b"".join(lines[:place]) + rest)
    path.with_name("sweep.journal.lock").symlink_to(path)
    storage = storage_at(path, chosen)
    assert "could not be read from line" in caplog.text
    (aside,) = tmp_path.glob("sweep.journal.damaged*")
    assert aside.read_bytes().endswith(rest)
    run_sweep(chosen, ["maximize"], storage, train)
    assert storage.suggestions() == calm.suggestions()
    caplog.clear()
    assert storage_at(path, chosen).suggestions() == calm.suggestions()
    assert not caplog.text


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff" * 99,
        b"[]\n",
        b'{"op_code":4}\n',
        b'{"op_code":77}\n',
        b'{"op_code":0,"worker_id":"w","study_name":"study/sweep","directions":[7]}\n',
    ],
)
def test_what_makes_no_sense_is_left_alone_until_the_sweep_is_begun_again(tmp_path, content):
    chosen = settings("random")
    path = tmp_path / "sweep.journal"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"sweep\.journal is damaged. Set `sweeps.restart=true`"):
        storage_at(path, chosen)
    assert path.read_bytes() == content
    SweepStorage.delete(str(path), "study/sweep")
    assert storage_at(path, chosen).suggestions() == []
    assert (tmp_path / "sweep.journal.damaged").read_bytes() == content


def test_a_configuration_without_its_attributes_is_damage(tmp_path):
    chosen = settings("random", configurations=4)
    path = tmp_path / "sweep.journal"
    run_sweep(chosen, ["maximize"], storage_at(path, chosen), train)
    path.write_text(path.read_text().replace("latentlab.replicates", "latentlab.replicatez"))
    with pytest.raises(UserError, match=r"sweep\.journal is damaged. Set `sweeps.restart=true`"):
        storage_at(path, chosen)
    SweepStorage.delete(str(path), "study/sweep")
    assert storage_at(path, chosen).suggestions() == []


def test_other_settings_are_refused_by_name(tmp_path):
    chosen = settings("random")
    args = (str(tmp_path / "a.journal"), "study/sweep", chosen.space, ["maximize"])
    SweepStorage(*args, json.dumps({"method": "random", "cohort": 4}), "here")
    with pytest.raises(UserError, match="`cohort` differs"):
        SweepStorage(*args, json.dumps({"method": "random", "cohort": 5}), "here")
    SweepStorage.delete(args[0], "study/sweep")
    SweepStorage(*args, json.dumps({"method": "random", "cohort": 5}), "here")


def test_a_database_serves_as_storage(tmp_path):
    chosen = settings("tpe", configurations=10)
    address = f"sqlite:///{tmp_path}/sweeps.db"
    storage = storage_at(address, chosen)
    run_sweep(chosen, ["maximize"], storage, train)
    assert len(storage.suggestions()) == 10
    for wrong in (
        "nonsense://x",
        f"sqlite:///{tmp_path}/no/folder.db",
        "mysql://x@127.0.0.1:1/x",
        "postgresql://me:secret@host:port/x",
    ):
        with pytest.raises(UserError, match=r"cannot be used: .*Mend `sweeps.storage`") as error:
            storage_at(wrong, chosen)
        assert "\n" not in str(error.value)
        assert "secret" not in str(error.value)


def test_a_grid_runs_every_cell_once_and_a_part_of_it_at_random(tmp_path):
    grid = {
        "encoder": PARAMETERS["encoder"],
        "depth": PARAMETERS["depth"],
        "heads": PARAMETERS["heads"],
    }
    whole = SweepSettings.model_validate({"method": "grid", "parameters": grid, "cohort": 3})
    storage = storage_at(tmp_path / "a.journal", whole)
    run_sweep(
        whole, ["maximize"], storage, lambda cohort: {s.number: Result("failed") for s in cohort}
    )
    cells = {json.dumps(values, sort_keys=True) for values in asked_by(storage)}
    assert len(cells) == len(storage.suggestions()) == 5 + 2
    part = whole.model_copy(update={"configurations": 4})
    first = [p.values for p in propose(part, ["maximize"], [], 0, 0, 4)]
    assert {json.dumps(v, sort_keys=True) for v in first} < cells
    known = [told(number, values, "complete", 1.0) for number, values in enumerate(first)]
    assert propose(part, ["maximize"], known, 1, 0, 4) == []


def test_the_wall_clock_ends_a_sweep_at_a_barrier(tmp_path):
    chosen = settings("random", configurations=None, seconds=10)
    storage = storage_at(tmp_path / "a.journal", chosen)
    ticks = iter(range(0, 1000, 4))
    run_sweep(chosen, ["maximize"], storage, train, clock=lambda: next(ticks))
    assert len(storage.suggestions()) == 8  # asked at 4 and 8 seconds; at 12 it is too late
    assert all(one.result is not None for one in storage.suggestions())


def test_rungs_and_survivors():
    assert rungs_of(Halving(first=3, factor=3), 0, 20) == (3, 9)
    brackets = Halving(first=1, factor=3, brackets=3)
    assert [rungs_of(brackets, cohort, 27) for cohort in range(4)] == [
        (1, 3, 9),
        (3, 9),
        (9,),
        (1, 3, 9),
    ]
    listed = Halving(rungs=(277, 833), brackets=2)
    assert [rungs_of(listed, cohort, 2500) for cohort in range(3)] == [
        (277, 833),
        (833,),
        (277, 833),
    ]
    assert rungs_of(listed, 0, 833) == (277,)
    assert (listed.earliest, brackets.earliest) == (277, 1)
    scores = {0: 0.5, 1: float("inf"), 2: 0.1, 3: 0.5, 4: 0.4, 5: 0.9}
    assert survivors(scores, 3) == {2, 4}
    assert survivors(scores, 2) == {2, 4, 0}
    assert survivors({7: float("inf")}, 3) == {7}


def test_divergence_repels_the_sampler():
    """Told as failed, a diverging corner would be proposed as if it had never been tried."""
    parameters = {"x": {"type": "float", "low": 0, "high": 1}}
    chosen = settings(parameters=parameters, startup=0)
    fine = [told(i, {"x": 0.1 + 0.01 * i}, "complete", 1.0 + 0.01 * i) for i in range(10)]
    bad = [told(10 + i, {"x": 0.6 + 0.02 * i}, "diverged") for i in range(20)]
    asked = propose(chosen, ["maximize"], fine + bad, 5, 0, 20)
    assert sum(p.values["x"] < 0.5 for p in asked) > 15
