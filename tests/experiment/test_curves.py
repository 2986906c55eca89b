"""Which learning curves a report draws."""

from types import SimpleNamespace

import pandas as pd
import pytest

from latentlab.experiment.figures import FIGURES, FigureContext


@pytest.mark.parametrize(
    ("curves", "drawn"),
    [
        (("validation_kl",), ["validation_kl"]),
        (("validation_kl", "train_other"), ["validation_kl"]),
        (("train_other",), ["train_KLD", "validation_kl"]),
        ((), ["train_KLD", "validation_kl"]),
    ],
)
def test_named_curves_are_drawn_or_else_those_that_the_history_has(curves, drawn):
    """A model from elsewhere has other terms than those that the scaffold names."""
    history = pd.DataFrame(
        [
            {"trial_id": "a", "arm": "one", "seed": 0, "epoch": e, "step": e, "metric": m}
            for m in ("validation_kl", "train_KLD")
            for e in (1, 2)
        ]
    ).assign(value=1.0)
    study = SimpleNamespace(curves=curves)
    declaration = SimpleNamespace(configs={"one": None})
    context = FigureContext(study, declaration, pd.DataFrame(), history, pd.DataFrame(), {})
    figure = FIGURES["curves"].draw(context)
    assert [note.text for note in figure.layout.annotations] == drawn
