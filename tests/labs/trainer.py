"""Small trials on the embedded digits, for the tests of the trainer."""

import numpy as np
import torch

from latentlab.compute import ComputeConfig
from latentlab.data import load_prepared, prepare, save_prepared
from latentlab.studies.derp_vae.config import DerpVaeConfig
from latentlab.studies.derp_vae.method import METHOD
from latentlab.training.cohort import Cohort
from latentlab.training.data import StudyData
from latentlab.training.runner import Trainer
from latentlab.training.trial import Trial

CPU = torch.device("cpu")
TINY = {
    "model": {"hidden": 16, "latent_dim": 3},
    "training": {"epochs": 4, "batch_size": 64, "learning_rate": 3e-3},
}
INLINE = ComputeConfig(engine="inline", threads=1, compile=False)


def write_digits(folder, subset=None):
    save_prepared(prepare("digits", {"subset": subset}, folder.parent), folder)
    return folder


def merged(base, changes):
    """`base` with `changes` laid over it, block by block."""
    out = dict(base)
    for name, value in changes.items():
        out[name] = merged(out.get(name, {}), value) if isinstance(value, dict) else value
    return out


def config(**changes):
    return DerpVaeConfig.model_validate(merged(TINY, changes))


def trial(data, seed=0, arm="standard", precision="float32", method=METHOD, **changes):
    return Trial(
        study="derp_vae",
        arm=arm,
        seed=seed,
        config=config(**changes),
        data=data.fingerprint,
        precision=precision,
        method_version=method.version,
    )


def load(folder):
    return StudyData.of(load_prepared(folder), CPU)


def cohort(trials, data, method=METHOD, **kwargs):
    return Cohort(method, trials, data, CPU, **kwargs)


def advance(group, steps):
    for _ in range(steps):
        group.advance()
    return group


def weights(group):
    return group.state.weights.detach().clone()


def equal_states(left, right):
    """Names of the tensors in which two states differ by a bit; wall-clock is left out."""
    a, b = left.tensors(), right.tensors()
    assert a.keys() == b.keys()
    return [
        name
        for name in a
        if name != "seconds"
        and not np.array_equal(a[name].numpy(), b[name].numpy(), equal_nan=True)
    ]


def train_trials(method, trials, folder, store, compute, **asked):
    """Train what is not trained yet; the ids of what was."""
    with Trainer(method, folder, store, compute) as trainer:
        return trainer.train(trials, **asked)
