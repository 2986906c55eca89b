"""Known trials that other code has trained under the same version are told."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from types import ModuleType

import pytest

from labs.trainer import INLINE, load, train_trials, trial, write_digits
from latentlab.training.method_code import changed_code, method_code
from latentlab.training.store import TrialStore

FILES = {
    "__init__": "",
    "weight": "WEIGHT = 1.0\n",
    "model": "from .weight import WEIGHT\n\n\ndef half():\n    return WEIGHT / 2\n",
    "method": (
        "from latentlab.studies.derp_vae.method import DerpVaeMethod\n"
        "from own_study import model\n\n\n"
        "class Method(DerpVaeMethod):\n    version = 7\n    half = model.half()\n"
    ),
}


@pytest.fixture
def own_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A study's package with a method, a module that it uses, and one that this uses."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_study").mkdir()
    for name, text in FILES.items():
        (tmp_path / "own_study" / f"{name}.py").write_text(text)
    yield importlib.import_module("own_study.method")
    for name in [name for name in sys.modules if name.partition(".")[0] == "own_study"]:
        del sys.modules[name]
    method_code.cache_clear()


def write(study: ModuleType, name: str, text: str) -> Path:
    """Change a file of the study, as if before the next run."""
    path = Path(study.__file__).with_name(f"{name}.py")
    path.write_text(text)
    method_code.cache_clear()
    return path


def test_code_that_changed_under_one_version_is_told_once(
    own_study: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_digits(tmp_path / "prepared", 200)
    method, store = own_study.Method(), TrialStore(tmp_path / "store")
    planned = [trial(load(folder), seed, method=method, training={"epochs": 1}) for seed in (0, 1)]

    def warnings() -> list[str]:
        caplog.clear()
        train_trials(method, planned, folder, store, INLINE)
        return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]

    assert warnings() == []
    assert {"own_study.method", "own_study.model", "own_study.weight"} <= set(
        store.record(planned[0].id).versions
    )
    write(own_study, "model", f'"""Words."""\n\n{FILES["model"]}    # and a comment\n')
    assert warnings() == []
    changed = write(own_study, "weight", "WEIGHT = 2.0\n")
    (told,) = warnings()
    assert told == (
        f"Known trials were trained by other code (2 of them, before {changed} changed): raise "
        f"`version` in {own_study.__file__} to train them anew, or keep it if they would end with "
        "the same weights."
    )
    # Trials of the new code are as they should be; of older ones nobody knows.
    train_trials(method, planned, folder, store, INLINE, retrain=True)
    assert warnings() == []
    assert changed_code(method, [(method, {"torch": "2"})]) == ""


def test_a_search_that_asks_trials_again_and_again_is_told_once(
    own_study: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from latentlab.training.runner import Trainer

    folder = write_digits(tmp_path / "prepared", 200)
    method, store = own_study.Method(), TrialStore(tmp_path / "store")
    planned = [trial(load(folder), method=method, training={"epochs": 1})]
    train_trials(method, planned, folder, store, INLINE)
    write(own_study, "weight", "WEIGHT = 2.0\n")
    with Trainer(method, folder, store, INLINE) as trainer:
        for _ in range(3):
            trainer.train(planned)
    assert caplog.text.count("trained by other code") == 1


def test_a_file_that_somebody_is_writing_stops_no_training(own_study: ModuleType) -> None:
    whole = method_code(own_study.Method)
    write(own_study, "weight", "WEIGHT = (")
    left = method_code(own_study.Method)
    assert left == {name: one for name, one in whole.items() if name != "own_study.weight"}


def test_a_method_of_a_notebook_has_no_code_to_compare() -> None:
    kind = type("Method", (), {"__module__": "no_such_module"})
    assert method_code(kind) == {}
