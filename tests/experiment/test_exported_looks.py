"""What an exported study says of its declared looks."""

from __future__ import annotations

import pytest

from latentlab.evidence.stopping import Stopping
from latentlab.experiment.paper import looks_said

DECLARED = {"design": "group_sequential", "looks": [5, 10, 20], "spending": "obrien_fleming"}


@pytest.mark.parametrize(
    ("seeds", "futility", "words"),
    [
        (10, 0.1, "below 0.1. The study stopped at look 2 of 3, with 10 seeds, since no claim"),
        (20, "none", "no stop for futility. The study stopped at look 3 of 3, with 20 seeds, the "),
        (7, "none", "7 seeds are there, which is none of the looks."),
    ],
)
def test_looks_spending_futility_and_the_end_are_said(seeds, futility, words):
    said = looks_said(Stopping.model_validate(DECLARED | {"futility": futility}), seeds)
    assert "at 3 looks that were declared before: at 5, 10, 20 seeds." in said
    assert "function of O'Brien and Fleming's kind" in said
    assert words in said


def test_without_looks_nothing_is_said():
    assert not looks_said(None, 5)
