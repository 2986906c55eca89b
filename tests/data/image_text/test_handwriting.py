"""Digits and their misread names: what decides their difficulty, their sizes, and what is kept."""

import hashlib

import numpy as np
import pytest
from sklearn.datasets import load_digits

from latentlab.core.errors import UserError
from latentlab.data import prepare
from latentlab.data.image_text.handwriting import (
    CLASSES,
    PARTS,
    HandwritingConfig,
    pretraining_split,
    spoil,
)
from latentlab.data.image_text.ocr_noise import LOOK_ALIKES, SPECKS, add_ocr_noise
from latentlab.data.image_text_layout import TEXT, VISUAL, group_numbers, pictures, texts

CLEAN = {"visual_noise": 0, "occlusion": 0, "text_noise": 0}


def _made(**config):
    return prepare("handwriting", config, "unused")


def _groups(data):
    """Pictures, their labels, texts and their labels, of all splits."""
    features = np.concatenate([split.features for split in data.splits.values()])
    labels = np.concatenate([split.labels for split in data.splits.values()])
    visual = group_numbers(features) == VISUAL
    return (
        pictures(features[visual], PARTS),
        labels[visual],
        texts(features[~visual], PARTS),
        labels[~visual],
    )


def _digits():
    return {
        np.rint(image * 255 / 16).astype(np.uint8).tobytes(): target
        for image, target in zip(*load_digits(return_X_y=True), strict=True)
    }


def test_study_and_pretraining_share_no_digit():
    data = _made(**CLEAN)
    images, labels, words, named = _groups(data)
    held = pretraining_split(HandwritingConfig())
    ours = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    theirs = {i.tobytes(): label for i, label in zip(held.features, held.labels, strict=True)}
    assert not ours.keys() & theirs.keys()
    # Together they are the digits of scikit-learn, with their labels.
    assert ours | theirs == _digits()
    assert len(held) == 535
    assert np.bincount(held.labels).min() >= 52
    assert [CLASSES[k] for k in named] == words
    assert data.schema.classes == CLASSES


def test_a_larger_share_holds_a_smaller_one():
    small = pretraining_split(HandwritingConfig())
    large = pretraining_split(HandwritingConfig(pretraining_share=0.61, seed=5))
    known = {image.tobytes() for image in small.features}
    assert known <= {image.tobytes() for image in large.features}
    with pytest.raises(UserError, match="pretraining_share"):
        _made(pretraining_share=0.29)


def test_the_pretraining_split_never_changes():
    """Shipped weights have learned from these digits."""
    held = pretraining_split(HandwritingConfig())
    digest = hashlib.sha256(held.features.tobytes() + held.labels.tobytes()).hexdigest()
    assert digest[:16] == "be9ed282fb483a20"


@pytest.mark.parametrize(
    ("share", "sizes"), [(0.5, (1262, 1262)), (0.2, (1262, 316)), (0.75, (421, 1262))]
)
def test_sizes_follow_the_share_of_texts(share, sizes):
    data = _made(text_share=share)
    for name, part in (("train", 0.7), ("test", 0.3)):
        counts = np.bincount(group_numbers(data.splits[name].features))
        np.testing.assert_allclose(counts, np.array(sizes) * part, atol=6)
        for group in (VISUAL, TEXT):
            members = group_numbers(data.splits[name].features) == group
            per_class = np.bincount(data.splits[name].labels[members], minlength=10)
            assert per_class.min() > 0.8 * per_class.max() or sizes[group] * part < 150


def test_the_default_never_changes():
    """Results of different days compare only while the samples stay."""
    assert _made().fingerprint.startswith("f62a290997afef64")


def test_what_is_drawn_is_the_seeds():
    assert _made(seed=1).fingerprint == _made(seed=1).fingerprint
    assert _made(seed=1).fingerprint != _made(seed=2).fingerprint
    # The pictures stay as they are when only the texts become harder.
    one, other = _made(text_noise=0.1), _made(text_noise=0.9)
    np.testing.assert_array_equal(_groups(one)[0], _groups(other)[0])
    assert _groups(one)[2] != _groups(other)[2]


def test_subsets_keep_both_groups():
    data = _made(subset=60)
    assert [len(split) for split in data.splits.values()] == [60, 26]
    assert np.bincount(group_numbers(data.splits["train"].features)).tolist() == [30, 30]


def test_noise_and_occlusion_are_as_large_as_said():
    rng = np.random.default_rng(0)
    grey = np.full((4000, 1, 8, 8), 128, dtype=np.uint8)
    noisy = spoil(grey, 0.1, 0.0, rng)
    assert noisy.std() / 255 == pytest.approx(0.1, rel=0.02)
    hidden = spoil(grey, 0.0, 0.5, rng) == 0
    assert (hidden.sum((1, 2, 3)) == 16).all()
    # Each of the 25 places of a 4x4 square: a corner is hidden by one of them, the middle by 16.
    assert hidden[:, 0, 0, 0].mean() == pytest.approx(1 / 25, abs=0.015)
    assert hidden[:, 0, 3, 3].mean() == pytest.approx(16 / 25, abs=0.03)
    np.testing.assert_array_equal(spoil(grey, 0.0, 0.0, rng), grey)
    assert not spoil(grey, 0.0, 1.0, rng).any()


def test_words_are_misread_at_the_rate():
    rng = np.random.default_rng(1)
    assert [add_ocr_noise(word, 0.0, rng) for word in CLASSES] == list(CLASSES)
    read = [add_ocr_noise("seven", 0.2, rng) for _ in range(4000)]
    # No error in five letters; a swap of the last letter, or of equal ones, leaves a word as it is.
    whole = 0.8**5
    swapped = 0.2 * 0.1 * 0.8**4
    assert np.mean([word == "seven" for word in read]) == pytest.approx(whole + swapped, abs=0.025)
    # Lost letters (.4) outnumber specks (.1): .2 * 5 * .3 characters shorter, less empty words.
    assert np.mean([len(word) for word in read]) == pytest.approx(5 - 0.3, abs=0.04)


def test_misread_words_consist_of_look_alikes_and_specks():
    rng = np.random.default_rng(2)
    for word in CLASSES:
        allowed = set(word) | set(SPECKS)
        for letter in word:
            allowed |= set(LOOK_ALIKES[letter]) | set(LOOK_ALIKES[letter.upper()])
        for _ in range(300):
            read = add_ocr_noise(word, 1.0, rng)
            assert set(read) <= allowed
            assert 1 <= len(read) <= 2 * len(word) <= PARTS.text


def test_noise_makes_a_group_harder_and_leaves_the_other():
    """A classifier that is no neural network finds the difficulty that the settings promise."""
    from sklearn.neighbors import KNeighborsClassifier

    def accuracies(**config):
        data = _made(**(CLEAN | config))
        scores = []
        for group in (VISUAL, TEXT):
            parts = []
            for name in ("train", "test"):
                split = data.splits[name]
                members = group_numbers(split.features) == group
                rows = split.features[members, 0, 0, :-1]
                pixels, tokens = rows[:, : PARTS.pixels], rows[:, PARTS.pixels :]
                letters = (tokens[:, :, None] == np.arange(1, 45)).sum(1)
                parts += [pixels if group == VISUAL else letters, split.labels[members]]
            fitted = KNeighborsClassifier(3).fit(parts[0], parts[1])
            scores.append(fitted.score(parts[2], parts[3]))
        return scores

    clean = accuracies()
    assert clean[0] > 0.95
    assert clean[1] == 1.0
    spoiled = accuracies(visual_noise=0.4, occlusion=0.3)
    assert spoiled[0] < 0.8
    assert spoiled[1] == 1.0
    misread_ones = accuracies(text_noise=0.8)
    assert misread_ones[0] == clean[0]
    assert misread_ones[1] < 0.85
