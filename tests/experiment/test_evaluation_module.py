"""The module that says what a study measures."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from latentlab.core.errors import UserError
from latentlab.experiment.study import Study


def test_a_function_that_is_missing_is_one_line(monkeypatch):
    module = ModuleType("theirs.evaluation")
    module.evaluate = module.predict = lambda *_: {}
    monkeypatch.setitem(sys.modules, "theirs", ModuleType("theirs"))
    monkeypatch.setitem(sys.modules, "theirs.evaluation", module)
    study = SimpleNamespace(package="theirs")
    with pytest.raises(UserError, match=r"theirs\.evaluation has no function pictures"):
        Study.evaluation.fget(study)
    module.pictures = lambda *_: {}
    assert Study.evaluation.fget(study) is module
