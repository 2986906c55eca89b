"""Small tasks and classifiers for the tests of the study."""

import numpy as np
import torch

from latentlab.studies.arc_classifier.config import ArcClassifierConfig
from latentlab.studies.arc_classifier.method import METHOD
from latentlab.training.contract import Batch, Clock, DataSpec
from latentlab.training.per_trial import per_trial_values

PADDING = 10
SPEC = DataSpec((8, 6, 6), 9, names=("S1", "S2", "S3", "C1", "C2", "K1", "L1", "A1", "A2"))
SMALL = {
    "model": {
        "embedding": 12,
        "cnn": {"channels": 4, "mlp_hidden": 8},
        "context": {"width": 8, "heads": 2, "feed_forward": 12},
    }
}


def merged(base, changes):
    out = dict(base)
    for name, value in changes.items():
        out[name] = merged(out.get(name, {}), value) if isinstance(value, dict) else value
    return out


def config(**changes):
    return ArcClassifierConfig.model_validate(merged(SMALL, changes))


def draw_tokens(count, pairs=4, side=6, seed=0, fewest=1):
    """Random tasks of `fewest` to `pairs` pairs, the missing ones anywhere: int64 tokens."""
    rng = np.random.default_rng(seed)
    tokens = np.full((count, pairs, 2, side, side), PADDING)
    for task in tokens:
        there = rng.permutation(pairs)[: rng.integers(fewest, pairs + 1)]
        for pair in there:
            for grid in task[pair]:
                height, width = rng.integers(2, side + 1, 2)
                grid[:height, :width] = rng.integers(0, 10, (height, width))
    return torch.from_numpy(tokens)


def features_of(tokens):
    """Tokens [n, pairs, 2, h, w] as the trainer gives them: floats in [0, 1]."""
    return tokens.flatten(1, 2).float() / 10


def built(settings, spec=SPEC, seed=0):
    return METHOD.build(settings, spec, np.random.default_rng(seed))


def hyper_of(settings):
    return {name: torch.tensor(value) for name, value in per_trial_values(settings).items()}


def embeddings(model, tokens):
    """Embeddings of tokens [n, 3, 2, h, w] without dropout."""
    return model.embed(tokens, {}, hyper_of(model.config))


def step_inputs(settings, spec=SPEC, examples=10, seed=0, training=True):
    """Batch, hyper, noise, state and clock of one step."""
    rng = torch.Generator().manual_seed(seed)
    channels, side, _ = spec.shape
    batch = Batch(
        features_of(draw_tokens(examples, channels // 2, side, seed)),
        torch.randint(0, spec.classes, (examples,), generator=rng),
    )
    wanted = METHOD.noise_spec if training else METHOD.evaluation_noise_spec
    noise = {
        name: torch.rand(shape, generator=rng)
        for name, (shape, _) in wanted(settings, spec, examples).items()
    }
    clock = Clock(torch.tensor(3.0), torch.tensor(0.0), torch.tensor(30.0))
    return batch, hyper_of(settings), noise, {}, clock


def trained(cohort):
    while not cohort.finished:
        cohort.advance()
    return cohort
