"""Scores, baselines and figures: against scikit-learn, and the report's own facts."""

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from sklearn import metrics as theirs
from torch.nn import functional

from labs.arc import SPEC, built, config, draw_tokens, embeddings, features_of
from labs.example_means import assert_means_know_their_values
from latentlab.experiment.figures import FigureContext
from latentlab.experiment.trained_model import TrainedModel
from latentlab.reporting import comparison_table
from latentlab.studies.arc_classifier.baselines import baselines
from latentlab.studies.arc_classifier.evaluation import evaluate, pictures, predict
from latentlab.studies.arc_classifier.figures import FIGURES, category_heat_map
from latentlab.studies.arc_classifier.method import METHOD
from latentlab.studies.arc_classifier.metrics import CATEGORIES, METRICS, batch_mean_accuracy
from latentlab.studies.arc_classifier.reported import EFFECTS, effects_table
from latentlab.studies.arc_classifier.tasks import demonstrations
from latentlab.training.contract import DataSpec

VALIDATION = {"S1": 10, "S2": 7, "S3": 21, "C1": 19, "C2": 5, "K1": 1, "L1": 4, "A1": 1, "A2": 5}
"""Validation tasks of the report by category, in the order of its files."""
TRAINING = {"S1": 42, "S2": 31, "S3": 87, "C1": 80, "C2": 23, "K1": 6, "L1": 17, "A1": 4, "A2": 23}


def labels_of(counts):
    return np.repeat([CATEGORIES.index(name) for name in counts], list(counts.values()))


@pytest.mark.parametrize(
    ("batch", "reported"), [(8, 0.2625), (16, 0.2625), (32, 0.21875), (64, 0.1640625)]
)
def test_the_constant_answer_scores_by_batch_size_as_in_the_report(batch, reported):
    """11 of the report's 20 trials have exactly these values; the share of S3 is 21 of 73."""
    labels = labels_of(VALIDATION)
    correct = labels == CATEGORIES.index("S3")
    assert len(labels) == 73
    assert correct.mean() == pytest.approx(21 / 73)
    assert batch_mean_accuracy(correct, batch) == reported


def test_whole_batches_weigh_alike():
    correct = np.random.default_rng(0).random(64) < 0.3
    assert batch_mean_accuracy(correct, 16) == pytest.approx(correct.mean())
    assert batch_mean_accuracy(correct, 1000) == pytest.approx(correct.mean())


# Baselines.


def empty(count):
    return np.zeros((count, *SPEC.shape), np.float32)


def test_the_majority_of_the_report_is_s3():
    train, held = labels_of(TRAINING), labels_of(VALIDATION)
    splits = {"validation": (empty(len(held)), held)}
    found = baselines(
        config(training={"batch_size": 64}), SPEC, (empty(len(train)), train), splits, 0
    )
    majority = found["majority"]["validation"]
    assert majority["accuracy"] == pytest.approx(21 / 73)
    assert majority["legacy_batch_mean_accuracy"] == 0.1640625
    assert majority["balanced_accuracy"] == pytest.approx(1 / 9)
    assert majority["accuracy_S3"] == 1
    assert majority["accuracy_C1"] == 0
    wrong = theirs.log_loss(
        held, np.tile(np.array(list(TRAINING.values())) / 313, (73, 1)), labels=range(9)
    )
    assert majority["cross_entropy"] == pytest.approx(wrong)
    chance = found["chance"]["validation"]
    assert chance["accuracy"] == chance["accuracy_K1"] == pytest.approx(1 / 9)
    assert chance["cross_entropy"] == pytest.approx(math.log(9))
    assert "macro_f1" not in chance


def test_other_classes_have_no_categories():
    labels = np.arange(16)
    spec = DataSpec(SPEC.shape, 16, names=tuple("abcdefghijklmnop"))
    found = baselines(config(), spec, (empty(16), labels), {"test": (empty(16), labels)}, 0)
    for scores in (found["majority"]["test"], found["chance"]["test"]):
        assert scores["accuracy"] == pytest.approx(1 / 16)
        assert not [name for name in scores if name.startswith("accuracy_")]


# Trained weights.


@pytest.fixture(scope="module")
def trial():
    settings_ = config(model={"cosine": True, "temperature": 5.0}, training={"batch_size": 16})
    weights = {name: p.detach() for name, p in built(settings_, seed=3).named_parameters()}
    labels = torch.arange(70) % 8
    return settings_, weights, draw_tokens(70, seed=5), labels


def test_evaluation_is_the_models_own_answer(trial):
    settings_, weights, tokens, labels = trial
    scores = evaluate(
        TrainedModel.of(METHOD, settings_, SPEC, weights), features_of(tokens), labels
    )
    assert set(scores) <= {metric.name for metric in METRICS}
    assert_means_know_their_values(scores, METRICS)
    model = built(settings_, seed=3)
    found = embeddings(model, demonstrations(tokens, None)).detach()
    prototypes = model.prototypes.detach()
    logits = 5 * functional.cosine_similarity(found[:, None], prototypes[None], dim=-1)
    predicted = logits.argmax(1)
    assert scores["accuracy"] == pytest.approx(float((predicted == labels).float().mean()))
    wanted = functional.cross_entropy(logits, labels)
    assert scores["cross_entropy"] == pytest.approx(float(wanted), rel=1e-5)
    correct = (predicted == labels).float()
    batches = [float(part.mean()) for part in correct.split(16)]
    assert scores["legacy_batch_mean_accuracy"] == pytest.approx(np.mean(batches))
    # No task is labelled A2.
    assert "accuracy_A2" not in scores
    assert scores["accuracy_S2"] == pytest.approx(float(correct[labels == 1].mean()))
    shares = np.mean([scores[f"accuracy_{name}"] for name in CATEGORIES[:8]])
    assert scores["balanced_accuracy"] == pytest.approx(shares)

    drawn = pictures(TrainedModel.of(METHOD, settings_, SPEC, weights), features_of(tokens))
    np.testing.assert_allclose(drawn["latent"], found.numpy(), atol=1e-5)
    assert np.array_equal(drawn["predicted"], predicted.numpy())
    answers = predict(TrainedModel.of(METHOD, settings_, SPEC, weights), features_of(tokens))
    assert np.array_equal(answers["label"], predicted.numpy())
    best = logits.softmax(1).max(1).values
    np.testing.assert_allclose(answers["probability"], best.numpy(), rtol=1e-4)


def test_categories_go_by_name_and_not_by_number(trial):
    settings_, weights, tokens, labels = trial
    own = evaluate(TrainedModel.of(METHOD, settings_, SPEC, weights), features_of(tokens), labels)
    others = DataSpec(SPEC.shape, 9, names=("A1", "b", "S1", *"defghi"))
    found = evaluate(
        TrainedModel.of(METHOD, settings_, others, weights), features_of(tokens), labels
    )
    named = {name: value for name, value in found.items() if name.startswith("accuracy_")}
    assert named == {"accuracy_A1": own["accuracy_S1"], "accuracy_S1": own["accuracy_S3"]}
    nameless = DataSpec(SPEC.shape, 9)
    found = evaluate(
        TrainedModel.of(METHOD, settings_, nameless, weights), features_of(tokens), labels
    )
    assert not [name for name in found if name.startswith("accuracy_")]


# Figures, and the table beside the report.


def score_table():
    rows = [
        (f"{arm}{seed}", arm, seed, "test", metric, level + 0.01 * (seed - 1))
        for arm, level in {"reference": 0.5, "cosine": 0.4, "own <b>": 0.3}.items()
        for seed in range(3)
        for metric in (
            "balanced_accuracy",
            "legacy_batch_mean_accuracy",
            *(f"accuracy_{name}" for name in CATEGORIES[:-1]),
        )
    ]
    return pd.DataFrame(rows, columns=["trial_id", "arm", "seed", "split", "metric", "value"])


def test_categories_are_drawn_in_their_order():
    figure = category_heat_map(score_table())
    assert isinstance(figure, go.Figure)
    drawn = figure.data[0]
    assert list(drawn.y) == ["reference", "cosine", "own &lt;b&gt;"]
    # There are no scores of the last category.
    assert list(drawn.x) == list(CATEGORIES[:-1])
    np.testing.assert_allclose(drawn.z, np.repeat([[0.5], [0.4], [0.3]], 8, axis=1))
    assert not category_heat_map(score_table().head(0)).data


def draw(name, **arrays):
    return FIGURES[name].draw(FigureContext(None, None, None, None, None, arrays))


def test_confusions_and_embeddings():
    names = np.array(["a", "b", "c <i>"])
    known = {"labels": np.array([0, 0, 1, 2]), "classes": names}
    figure = draw("confusions", **known, **{"predicted/reference": np.array([0, 1, 1, 0])})
    np.testing.assert_allclose(figure.data[0].z, [[0.5, 0.5, 0], [0, 1, 0], [1, 0, 0]])
    assert list(figure.data[0].x) == ["a", "b", "c &lt;i&gt;"]
    assert figure.layout.yaxis.title.text == "category"
    assert not draw("confusions", **known).data
    points = {"latent/reference": np.random.default_rng(0).random((40, 5))}
    figure = draw("embeddings", labels=np.arange(40) % 3, classes=names, **points)
    assert [trace.name for trace in figure.data] == ["a", "b", "c &lt;i&gt;"]
    many = np.array([str(n) for n in range(16)])
    figure = draw("embeddings", labels=np.arange(40) % 16, classes=many, **points)
    assert len(figure.data) == 1


def test_the_table_shows_changes_that_both_have():
    scores = score_table()
    metrics = [metric for metric in METRICS if metric.name in set(scores["metric"])]
    table = effects_table(comparison_table(scores, metrics, "reference"))
    assert list(table["metric"]) == ["balanced_accuracy", "legacy_batch_mean_accuracy"]
    assert list(table["change"]) == 2 * ["cosine"]
    assert set(table["reported"]) == {EFFECTS["cosine"]}
    assert table["seeds"].tolist() == [3, 3]
    assert table["measured"].str.startswith("-0.1").all()
    assert effects_table(comparison_table(scores, metrics, "cosine")).empty
