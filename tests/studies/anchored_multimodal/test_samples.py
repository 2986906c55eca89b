"""Samples come out of the rows as they went in, alone and in a cohort."""

import numpy as np
import torch

from latentlab.data import prepare
from latentlab.data.image_text_layout import TEXT, VISUAL, encode, group_numbers, pictures, texts
from latentlab.studies.anchored_multimodal.samples import unpack
from latentlab.training.data import Examples, StudyData


def _data():
    return prepare("handwriting", {"subset": 80}, "unused")


def test_rows_are_unpacked_as_they_were_packed():
    data = _data()
    split, parts = data.splits["train"], data.schema.parts
    examples = Examples(split, data.schema.scale, torch.device("cpu"))
    samples = unpack(examples.batch(torch.arange(len(split))).features, parts)
    groups = group_numbers(split.features)
    assert samples.group.tolist() == groups.tolist()
    shown = torch.from_numpy(pictures(split.features, parts).astype(np.float32)) / 255
    torch.testing.assert_close(samples.image, shown, rtol=0, atol=0)
    written = [encode(text, parts.text) for text in texts(split.features, parts)]
    np.testing.assert_array_equal(samples.tokens.numpy(), written)
    assert samples.tokens.dtype == samples.group.dtype == torch.int64
    assert not samples.image[groups == TEXT].any()
    assert not samples.tokens[groups == VISUAL].any()


def test_every_byte_survives():
    from latentlab.data import ImageTextLayout

    parts = ImageTextLayout(image=(1, 1, 1), text=256)
    row = torch.cat([torch.zeros(1), torch.arange(256.0), torch.ones(1)]) / 255
    samples = unpack(row[None, None, None], parts)
    assert samples.tokens[0].tolist() == list(range(256))
    assert samples.group.tolist() == [1]


def test_a_cohort_unpacks_alike():
    data = _data()
    rows = torch.from_numpy(data.splits["train"].features[:60]).float() / 255
    parts = data.schema.parts
    cohort = torch.vmap(lambda one: tuple(unpack(one, parts)))(rows.unflatten(0, (3, 20)))
    for whole, alone in zip(cohort, unpack(rows, parts), strict=True):
        assert torch.equal(whole.flatten(0, 1), alone)


def test_a_model_is_told_the_parts():
    data = _data()
    spec = StudyData.of(data, torch.device("cpu")).spec
    assert spec.parts == data.schema.parts
    assert spec.shape == (1, 1, spec.parts.length)
