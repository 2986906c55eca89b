"""Scores of a classifier, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from latentlab.metrics.classification import (
    classification_scores,
    confusion_table,
    f1_scores,
    precisions,
    recalls,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40),
)
def test_scores_equal_those_of_scikit_learn(pairs):
    labels, predicted = np.array(pairs).T
    table = confusion_table(labels, predicted, 5)
    present = np.unique(labels)
    ours = classification_scores(table)
    assert ours["accuracy"] == pytest.approx(theirs.accuracy_score(labels, predicted))
    each = {"labels": present, "average": None, "zero_division": 0}
    recall = theirs.recall_score(labels, predicted, **each)
    np.testing.assert_allclose(recalls(table)[present], recall)
    np.testing.assert_allclose(
        precisions(table)[present], theirs.precision_score(labels, predicted, **each)
    )
    np.testing.assert_allclose(
        f1_scores(table)[present], theirs.f1_score(labels, predicted, **each)
    )
    assert ours["balanced_accuracy"] == pytest.approx(recall.mean())
    macro = theirs.f1_score(labels, predicted, labels=present, average="macro", zero_division=0)
    assert ours["macro_f1"] == pytest.approx(macro)
    absent = np.setdiff1d(np.arange(5), present)
    assert np.isnan(recalls(table)[absent]).all()
    assert np.isnan(precisions(table)[absent]).all()
    assert np.isnan(f1_scores(table)[absent]).all()
