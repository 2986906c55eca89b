import sys
import types

import numpy as np
import pytest

import generate_designs
from labs.project_copies import CHECKOUT
from latentlab.core.errors import UserError
from latentlab.data import prepare
from topology import PROBLEMS, optimise

SMALL = ["--size", "5", "8"]


def made(tmp_path, *arguments):
    path = tmp_path / "folder" / "designs.npz"
    generate_designs.run([*arguments, "--out", str(path)])
    return path, dict(np.load(path))


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_larger_set_begins_with_the_smaller(tmp_path, name):
    _, two = made(tmp_path, name, "--designs", "2", "--seed", "3", *SMALL)
    _, three = made(tmp_path, name, "--designs", "3", "--seed", "3", *SMALL)
    _, other = made(tmp_path, name, "--designs", "3", "--seed", "4", *SMALL)
    assert set(three) == {"designs", "origin", "compliance", *PROBLEMS[name].conditions}
    for key in set(three) - {"origin"}:
        np.testing.assert_array_equal(two[key], three[key][:2])
        assert (three[key] != other[key]).any()
    for key, (low, high) in PROBLEMS[name].conditions.items():
        assert low <= three[key].min() <= three[key].max() <= high
    assert three["designs"].shape == (3, 5, 8)
    assert three["designs"].dtype == np.uint8


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_source_reads_what_was_made(tmp_path, name):
    path, arrays = made(tmp_path, name, "--designs", "24", *SMALL)
    prepared = prepare(name, None, path.parent)
    assert prepared.origin.startswith(f"{name}, made by latentlab's own generator, seed 0")
    together = np.concatenate([split.features[:, 0] for split in prepared.splits.values()])
    assert sorted(x.tobytes() for x in together) == sorted(x.tobytes() for x in arrays["designs"])


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_embedded_set_is_what_the_command_makes(name):
    folder = CHECKOUT / "data" / "01_raw" / name
    arrays = np.load(folder / "designs.npz")
    assert arrays["designs"].shape == (560, *PROBLEMS[name].size)
    problem, index = PROBLEMS[name], 17
    conditions = problem.draw_conditions(0, index)
    assert all(arrays[key][index] == value for key, value in conditions.items())
    optimised = optimise(problem.pose(*problem.size, conditions), generate_designs.ITERATIONS)
    # Another LAPACK rounds otherwise, and the iterations may carry that on a little.
    np.testing.assert_allclose(arrays["designs"][index] / 255, optimised.densities, atol=0.02)
    assert arrays["compliance"][index] == pytest.approx(optimised.compliance, rel=1e-3)
    np.testing.assert_allclose(
        arrays["designs"].mean(axis=(1, 2)) / 255, arrays["volfrac"], atol=0.002
    )
    prepared = prepare(name, None, folder)
    assert {key: len(split) for key, split in prepared.splits.items()} == {
        "train": 448,
        "test": 112,
    }
    assert len(prepared.schema.classes) == 4


def test_engibench_is_asked_only_when_wanted(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "engibench", None)
    with pytest.raises(UserError, match=r'pip install -e "\.\[engibench\]"'):
        made(tmp_path, "beams2d", "--engibench", "optimiser")
    with pytest.raises(UserError, match="heat_conduction2d, which is a problem of our own"):
        made(tmp_path, "heat_conduction2d", "--engibench", "dataset")
    made(tmp_path, "beams2d", "--designs", "1", *SMALL)


class FakeRows(dict):
    """The columns of a data set."""

    def __len__(self):
        return len(self["c"])

    def select(self, places):
        return FakeRows({name: [column[p] for p in places] for name, column in self.items()})


class FakeBeams:
    """EngiBench's problem as its documentation describes it."""

    def __init__(self, seed=0, config=None):
        self.shape = (config["nely"], config["nelx"])
        designs = np.full((5, *self.shape), 0.25).tolist()
        names = ("c", "volfrac", "rmin", "forcedist")
        self.dataset = {
            "train": FakeRows({"optimal_design": designs} | {n: [0.3] * 5 for n in names})
        }

    def optimize(self, starting_point=None, config=None):
        return np.full(self.shape, config["volfrac"]).ravel(), ["history"]


class FarBeams(FakeBeams):
    """As it is without a network."""

    @property
    def dataset(self):
        raise FileNotFoundError("Couldn't find 'beams_2d' on the Hub\nand more")

    @dataset.setter
    def dataset(self, _):
        pass


def installed(monkeypatch, beams):
    for name in ("engibench", "engibench.problems", "engibench.problems.beams2d"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    module = types.ModuleType("engibench.problems.beams2d.v0")
    module.Beams2D = beams
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_a_set_that_cannot_be_downloaded_is_one_line(tmp_path, monkeypatch):
    installed(monkeypatch, FarBeams)
    with pytest.raises(UserError, match=r"EngiBench's set of 5x8 elements cannot be had: .+"):
        made(tmp_path, "beams2d", "--engibench", "dataset", *SMALL)


@pytest.mark.parametrize("way", ["optimiser", "dataset"])
def test_designs_of_engibench(tmp_path, monkeypatch, way):
    installed(monkeypatch, FakeBeams)
    _, arrays = made(tmp_path, "beams2d", "--engibench", way, "--designs", "3", *SMALL)
    assert arrays["designs"].shape == (3, 5, 8)
    assert "EngiBench" in str(arrays["origin"])
    expected = 0.25 if way == "dataset" else arrays["volfrac"][:, None, None]
    np.testing.assert_allclose(
        arrays["designs"] / 255, np.broadcast_to(expected, (3, 5, 8)), atol=0.002
    )


def test_mistakes_on_the_command_line(tmp_path, capsys):
    for arguments in (["plates"], ["beams2d", "--designs", "0"], ["beams2d", "--seed", "-1"]):
        with pytest.raises(SystemExit):
            made(tmp_path, *arguments)
        assert "error" in capsys.readouterr().err
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(UserError, match=r"file/designs\.npz cannot be written"):
        generate_designs.run(
            ["beams2d", "--designs", "1", *SMALL, "--out", str(blocked / "designs.npz")]
        )
