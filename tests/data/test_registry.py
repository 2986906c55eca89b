import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.datasets import load_digits

from latentlab.core.errors import UserError
from latentlab.data import SOURCES, prepare
from latentlab.data.images.digits import DigitsConfig
from latentlab.data.images.mnist import MnistConfig


def test_digits_are_scikit_learns(tmp_path):
    data = prepare("digits", None, tmp_path)
    bunch = load_digits()
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 1438, "test": 359}
    parts = [data.splits[name] for name in ("train", "test")]
    features = np.concatenate([part.features for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    assert features.shape == (1797, 1, 8, 8)
    assert features.dtype == np.uint8
    assert (features.min(), features.max()) == (0, 16)
    # Images repeat never, so sorting by content matches the two orders.
    ours = sorted(zip((f.tobytes() for f in features), labels, strict=True))
    raw = bunch.images.astype(np.uint8)
    assert (raw == bunch.images).all()
    assert ours == sorted(zip((f.tobytes() for f in raw), bunch.target, strict=True))
    assert np.bincount(data.splits["test"].labels).min() >= 34


def test_digits_split_never_changes(tmp_path):
    """Results of different days compare only while the test split stays."""
    assert prepare("digits", {}, tmp_path).fingerprint.startswith("1e7b4f403054cfe7")


def test_subset_of_digits(tmp_path):
    data = prepare("digits", DigitsConfig(subset=100), tmp_path)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 100, "test": 25}
    assert "100 training examples" in data.origin
    assert data.fingerprint == prepare("digits", {"subset": 100}, tmp_path).fingerprint


def test_registry():
    names = [
        "digits",
        "mnist",
        "fashion_mnist",
        "cifar10",
        "celeba",
        "dsprites",
        "shapes3d",
        "arc_like",
        "arc",
        "concept_arc",
        "beams2d",
        "heat_conduction2d",
        "low_rank",
        "manifolds",
        "shapes",
        "correlated_shapes",
        "handwriting",
        "textcaps",
        "image_table",
    ]
    assert list(SOURCES) == names
    for name, source in SOURCES.items():
        assert source.name == name
        for key, field in source.config.model_fields.items():
            assert field.description, f"{name}.{key} has no description"


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("minst", None, "no source 'minst'.*mnist"),
        ("qqq", None, "celeba, cifar10, concept_arc, correlated_shapes"),
        ("digits", {"subst": 3}, "'digits': subst: there is no such key.*Did you mean subset"),
        ("digits", {"subset": 1}, "'digits': subset: must be greater than or equal to 2"),
        ("digits", {"subset": 5}, "all 10 classes"),
        ("digits", MnistConfig(), "download: there is no such key"),
    ],
)
def test_mistakes(tmp_path, name, config, message):
    with pytest.raises(UserError, match=message):
        prepare(name, config, tmp_path)


def test_configs_are_frozen():
    config = MnistConfig()
    with pytest.raises(ValidationError):
        config.download = False


def test_importing_sources_is_light():
    code = (
        "import sys, latentlab.data\n"
        "heavy = {'torch', 'kedro', 'mlflow', 'sklearn', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
