import numpy as np
import pytest

from labs.source_files import SHARED
from latentlab.core.errors import UserError
from latentlab.data import load_prepared, prepare, save_prepared
from latentlab.data.card import data_card

ENGIBENCH = SHARED / "beams2d"
RNG = np.random.default_rng(0)
DENSITIES = RNG.random((40, 6, 9))
VOLUMES = RNG.uniform(0.2, 0.5, 40)


def read(folder, name="beams2d", **config):
    return prepare(name, config, folder)


def test_archive_of_densities(tmp_path):
    np.savez(tmp_path / "designs.npz", designs=DENSITIES, volfrac=VOLUMES, origin="by hand")
    data = read(tmp_path)
    assert data.schema.shape == (1, 6, 9)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 32, "test": 8}
    assert data.origin.startswith("by hand; densities in 256 levels")
    known = {design.tobytes(): place for place, design in enumerate(np.rint(255 * DENSITIES))}
    edges = np.sort(VOLUMES).reshape(4, 10)
    assert data.schema.classes == tuple(f"volfrac {b[0]:.2f}-{b[-1]:.2f}" for b in edges)
    seen = set()
    for split in data.splits.values():
        assert np.ptp(np.bincount(split.labels)) == 0
        for design, label in zip(split.features[:, 0], split.labels, strict=True):
            place = known[design.astype(float).tobytes()]
            assert edges[label][0] <= VOLUMES[place] <= edges[label][-1]
            seen.add(place)
    assert seen == set(range(40))
    assert read(tmp_path).fingerprint == data.fingerprint
    assert read(tmp_path, split_seed=1).fingerprint != data.fingerprint
    assert len(read(tmp_path, test_fraction=0.5).splits["test"]) == 20
    assert len(read(tmp_path, subset=16).splits["train"]) == 16


def test_bytes_floats_and_keys_are_the_same_designs(tmp_path):
    levels = np.rint(255 * DENSITIES).astype(np.uint8)
    contents = {"x": levels}, {"designs": DENSITIES}, {"optimal_design": DENSITIES + 1e-7}
    prints = set()
    for content in contents:
        np.savez(tmp_path / "mine.npz", **content)
        prints.add(read(tmp_path, files="mine.npz").fingerprint)
    np.save(tmp_path / "designs.npy", DENSITIES.astype(np.float32))
    data = read(tmp_path, files="*.npy")
    assert {*prints, data.fingerprint} == {data.fingerprint}
    assert data.schema.classes[0].startswith("density 0.")


def test_one_design_a_file(tmp_path):
    for place, design in enumerate(DENSITIES):
        np.save(tmp_path / f"{place:03}.npy", design)
    data = read(tmp_path, name="heat_conduction2d", files="*.npy")
    assert sum(len(split) for split in data.splits.values()) == 40
    assert data.schema.name == "heat_conduction2d"
    np.save(tmp_path / "100.npy", np.zeros((6, 8)))
    with pytest.raises(UserError, match=r"mixed size: 6x9 in .*000.npy, 6x8 in .*100.npy"):
        read(tmp_path, files="*.npy")


def test_equal_volumes_are_banded_by_density(tmp_path):
    np.savez(tmp_path / "designs.npz", designs=DENSITIES, volfrac=np.full(40, 0.3))
    assert read(tmp_path).schema.classes[0].startswith("density")
    steps = np.repeat([0.2, 0.3, 0.4], [10, 20, 10])
    np.savez(tmp_path / "designs.npz", designs=DENSITIES, volfrac=steps)
    counts = {c[-4:]: n for c, n in data_card(read(tmp_path))["splits"]["train"]["classes"].items()}
    assert counts == {"0.20": 8, "0.30": 16, "0.40": 8}


def _without(value):
    changed = DENSITIES.copy()
    changed[3, 2, 1] = value
    return {"designs": changed}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (_without(1.5), r"values .*\.\.1.5, outside \[0, 1\]"),
        (_without(-0.1), r"values -0.1\.\."),
        (_without(np.nan), "NaN or infinite"),
        ({"designs": DENSITIES[:15]}, "has 15 designs. Give at least 16"),
        ({"designs": np.full((20, 4, 4), 0.5)}, "same volume"),
        ({"designs": DENSITIES[:, None]}, r"float64 of shape \(40, 1, 6, 9\)"),
        ({"designs": np.full((20, 4, 4), "a")}, r"<U1 of shape"),
        ({"designs": (DENSITIES > 0.5).astype(np.uint8)}, "all 0 or 1"),
        ({"pictures": DENSITIES}, "holds pictures. It has to be"),
        ({"designs": DENSITIES, "volfrac": VOLUMES[:5]}, "not one finite number for each"),
        ({"designs": DENSITIES, "volfrac": VOLUMES * np.nan}, "not one finite number for each"),
        ({"designs": np.array([DENSITIES[0], 1], dtype=object)}, "mixed size"),
    ],
)
def test_bad_designs(tmp_path, contents, message):
    np.savez(tmp_path / "designs.npz", **contents)
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_files(tmp_path):
    with pytest.raises(UserError, match=r"generate_designs.py beams2d --out .*designs.npz"):
        read(tmp_path / "nowhere")
    with pytest.raises(UserError, match="has no file '/etc/passwd'"):
        read(tmp_path, files="/etc/passwd")
    np.savez(tmp_path / "whole.npz", designs=DENSITIES)
    content = (tmp_path / "whole.npz").read_bytes()
    for damaged in (content[:-100], content[:1000], b"", b"hello"):
        (tmp_path / "designs.npz").write_bytes(damaged)
        with pytest.raises(UserError, match=r"designs\.npz"):
            read(tmp_path)
    (tmp_path / "designs.npz").write_bytes(content[:3000] + b"\0" * 99 + content[3099:])
    with pytest.raises(UserError, match=r"designs\.npz"):
        read(tmp_path)


def test_designs_of_engibench(tmp_path):
    if not (ENGIBENCH / "beams_25x50_200.npz").exists():
        pytest.skip("no designs of EngiBench here")
    data = read(ENGIBENCH, files="beams_25x50_200.npz")
    assert data.schema.shape == (1, 25, 50)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 160, "test": 40}
    save_prepared(data, tmp_path / "prepared")
    assert load_prepared(tmp_path / "prepared").schema == data.schema
