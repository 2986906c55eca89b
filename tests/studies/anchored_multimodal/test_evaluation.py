"""What is measured: against scikit-learn and scipy, by group, and only where it means something."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from sklearn import metrics as theirs

from labs.example_means import assert_means_know_their_values
from latentlab.data import ImageTextLayout
from latentlab.data.image_text_layout import GROUPS, TEXT, VISUAL
from latentlab.experiment.blocks import merged
from latentlab.experiment.trained_model import TrainedModel
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal.evaluation import CHUNK, evaluate, pictures, predict
from latentlab.studies.anchored_multimodal.method import METHOD
from latentlab.studies.anchored_multimodal.metrics import METRICS
from latentlab.studies.anchored_multimodal.samples import unpack
from latentlab.training.contract import DataSpec

PARTS = ImageTextLayout(image=(1, 8, 8), text=10)
CLASSES = 5
SPEC = DataSpec((1, 1, PARTS.length), CLASSES, parts=PARTS)
NEVER, ABSENT = 2, 4
"""A class that no sample is named, and one that no sample is of."""
NO_DROPOUT = {"model.dropout": torch.tensor(0.2)}
"""Nothing is dropped without noise, whatever the rate."""
SMALL = {
    "model": {
        "visual_encoder": "simple_cnn_visual",
        "width_multiplier": 0.05,
        "latent_dim": 4,
        "head_hidden": 64,
    },
    "objective": {"anchor_floor": 0.01},
}


def config(**changes):
    return AnchoredMultimodalConfig.model_validate(merged(SMALL, changes))


def samples(count=3 * CHUNK + 7, seed=0):
    """Every third is a text; labels without `ABSENT`."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, 1, 1, PARTS.length), np.uint8)
    text = np.arange(count) % 3 == 0
    rows[~text, 0, 0, : PARTS.pixels] = rng.integers(0, 256, ((~text).sum(), PARTS.pixels))
    rows[text, 0, 0, PARTS.pixels : -1] = rng.integers(0, 40, (text.sum(), PARTS.text))
    rows[text, 0, 0, -1] = TEXT
    return torch.from_numpy(rows).float() / 255, torch.from_numpy(rng.integers(0, ABSENT, count))


def trained(settings, seed=4):
    """A model and state with all of their numbers moved, and both as they are stored."""
    rng = np.random.default_rng(seed)
    model = METHOD.build(settings, SPEC, rng)
    state = METHOD.init_state(settings, SPEC, rng)
    state = {name: entry * 0.7 + 0.2 for name, entry in state.items()}
    state["group_weights"] = torch.tensor([0.3, 0.7])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.from_numpy(rng.standard_normal(parameter.shape)))
        # Centred, so that different samples are named differently.
        z = model.encode(unpack(samples()[0], PARTS), state, {}, NO_DROPOUT, training=False)[0]
        model.head.out.bias -= model.head(z).mean(0)
        model.head.out.bias[NEVER] = -25
    stored = {name: p.detach() for name, p in model.named_parameters()}
    return model, state, stored | {f"state.{name}": entry for name, entry in state.items()}


@pytest.fixture(scope="module")
def trial():
    settings = config(objective={"groups": {"objective": "weighted"}})
    model, state, weights = trained(settings)
    features, labels = samples()
    found = unpack(features, PARTS)
    with torch.no_grad():
        z, _ = model.encode(found, state, {}, NO_DROPOUT, training=False)
        logits = model.head(z)
    return settings, model, weights, features, labels, z, logits


def test_scores_equal_those_of_scikit_learn(trial):
    settings, _, weights, features, labels, _, logits = trial
    scores = evaluate(TrainedModel.of(METHOD, settings, SPEC, weights), features, labels)
    named, truth = logits.argmax(1).numpy(), labels.numpy()
    assert NEVER not in named
    assert set(named) >= {0, 1, 3}
    assert scores["accuracy"] == pytest.approx(theirs.accuracy_score(truth, named))
    macro = {"labels": np.unique(truth), "average": "macro", "zero_division": 0}
    for name, score in (
        ("macro_precision", theirs.precision_score),
        ("macro_recall", theirs.recall_score),
        ("macro_f1", theirs.f1_score),
    ):
        assert scores[name] == pytest.approx(score(truth, named, **macro))
    shares = logits.double().softmax(1).numpy()
    classes = range(CLASSES)
    loss = theirs.log_loss(truth, shares, labels=classes)
    assert scores["cross_entropy"] == pytest.approx(loss, rel=1e-4)
    accuracies = []
    for number, group in enumerate(GROUPS):
        own = (np.arange(len(truth)) % 3 == 0) == (number == TEXT)
        accuracies.append(theirs.accuracy_score(truth[own], named[own]))
        assert scores[f"{group}_accuracy"] == pytest.approx(accuracies[-1])
        loss = theirs.log_loss(truth[own], shares[own], labels=classes)
        assert scores[f"{group}_cross_entropy"] == pytest.approx(loss, rel=1e-4)
    assert accuracies[VISUAL] != accuracies[TEXT]
    assert scores["worst_group_accuracy"] == pytest.approx(min(accuracies))
    assert scores["balanced_group_accuracy"] == pytest.approx(np.mean(accuracies))
    assert scores["group_weight_visual"] == pytest.approx(0.3)
    assert set(scores) == {metric.name for metric in METRICS}
    assert_means_know_their_values(scores, METRICS)
    for metric in METRICS:
        assert metric.low <= scores[metric.name] <= metric.high


def test_distances_of_anchors_equal_those_by_matrix_roots(trial):
    settings, model, weights, features, labels, _, _ = trial
    mean = model.anchor_means.detach().double().numpy()
    factor = model.anchor_factors.detach().double().numpy()
    covariance = factor @ factor.transpose(0, 2, 1) + 0.01 * np.eye(4)
    table = np.zeros((CLASSES, CLASSES))
    for one in range(CLASSES):
        for other in range(CLASSES):
            root = sqrtm(covariance[one])
            cross = np.real(sqrtm(root @ covariance[other] @ root))
            table[one, other] = ((mean[one] - mean[other]) ** 2).sum() + np.trace(
                covariance[one] + covariance[other] - 2 * cross
            )
    drawn = pictures(TrainedModel.of(METHOD, settings, SPEC, weights), features)["anchor_distances"]
    np.testing.assert_allclose(drawn, table, atol=1e-6)
    scores = evaluate(TrainedModel.of(METHOD, settings, SPEC, weights), features, labels)
    pairs = table[np.triu_indices(CLASSES, 1)]
    assert scores["anchor_distance"] == pytest.approx(pairs.mean(), rel=1e-6)
    assert scores["nearest_anchor_distance"] == pytest.approx(pairs.min(), rel=1e-6)


def test_a_split_without_a_group_has_no_scores_of_it(trial):
    settings, _, weights, features, labels, _, logits = trial
    text = torch.arange(len(labels)) % 3 == 0
    for own, group, other in ((text, "text", "visual"), (~text, "visual", "text")):
        scores = evaluate(
            TrainedModel.of(METHOD, settings, SPEC, weights), features[own], labels[own]
        )
        correct = (logits[own].argmax(1) == labels[own]).double().mean()
        assert scores["accuracy"] == scores[f"{group}_accuracy"] == pytest.approx(float(correct))
        left_out = {metric.name for metric in METRICS} - set(scores)
        assert left_out == {
            f"{other}_accuracy",
            f"{other}_cross_entropy",
            "worst_group_accuracy",
            "balanced_group_accuracy",
        }


def test_what_an_arm_does_not_train_is_not_measured():
    features, labels = samples(40)
    bare = config(
        objective={"fit_weight": 0, "separation_weight": 0, "groups": {"objective": "max"}}
    )
    _, _, weights = trained(bare)
    scores = evaluate(TrainedModel.of(METHOD, bare, SPEC, weights), features, labels)
    assert not {"anchor_distance", "nearest_anchor_distance", "group_weight_visual"} & set(scores)
    assert "anchor_distances" not in pictures(
        TrainedModel.of(METHOD, bare, SPEC, weights), features
    )
    fitted = config(objective={"separation_weight": 0})
    scores = evaluate(TrainedModel.of(METHOD, fitted, SPEC, trained(fitted)[2]), features, labels)
    assert {"anchor_distance", "nearest_anchor_distance"} <= set(scores)


def test_pictures_and_answers_are_the_models_own(trial):
    settings, _, weights, features, _, z, logits = trial
    drawn = pictures(TrainedModel.of(METHOD, settings, SPEC, weights), features)
    np.testing.assert_allclose(drawn["latent"], z.numpy(), atol=1e-5)
    assert np.array_equal(drawn["predicted"], logits.argmax(1).numpy())
    assert np.array_equal(drawn["group"], np.arange(len(features)) % 3 == 0)
    answers = predict(TrainedModel.of(METHOD, settings, SPEC, weights), features)
    assert np.array_equal(answers["label"], logits.argmax(1).numpy())
    best = logits.softmax(1).max(1).values.numpy()
    np.testing.assert_allclose(answers["probability"], best, rtol=1e-4)


def test_a_stored_trial_does_not_need_the_file_it_began_with(trial):
    _, _, weights, features, labels, _, _ = trial
    gone = config(model={"pretrained": "nowhere/gone.safetensors#0123456789abcdef"})
    scores = evaluate(TrainedModel.of(METHOD, gone, SPEC, weights), features, labels)
    plain = evaluate(TrainedModel.of(METHOD, config(), SPEC, weights), features, labels)
    assert scores == plain
