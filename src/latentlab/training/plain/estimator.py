"""A scikit-learn estimator, fitted once on the whole training split: no epochs, no gradients.

A fitted estimator is stored as its pickle, in the file of the trial's weights. It is read back by a
reader that admits classes that scikit-learn defines, estimators of this project, arrays and sparse
matrices, and calls nothing else: a store that somebody else made cannot run code.
"""

from __future__ import annotations

import io
import pickle
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from latentlab.core.errors import UserError
from latentlab.training.contract import Batch, DataSpec, Tensors
from latentlab.training.plain.method import PlainMethod, Step

_ARRAYS = {
    *("ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer", "RandomState", "Generator"),
    *("__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor", "MT19937", "PCG64"),
    *("SeedSequence", "__pyx_unpickle_SeedSequence", "mean"),
    *("float32", "float64", "int32", "int64", "bool_", "bool", "str_"),
}
_NAMED = {
    "builtins": {"set", "frozenset", "slice", "complex", "bytearray", "object", "range"},
    "collections": {"OrderedDict", "defaultdict", "Counter"},
    "copyreg": {"_reconstructor"},
    # Functions: empty objects of a class, and scores of single features.
    "sklearn.neighbors._ball_tree": {"newObj"},
    "sklearn.neighbors._kd_tree": {"newObj"},
    "sklearn.metrics._dist_metrics": {"newObj"},
    "sklearn.feature_selection._univariate_selection": {"f_classif", "f_regression", "chi2"},
}


class Fitted(nn.Module):
    """An estimator as a module: its fitted form is the one buffer, [bytes]."""

    pickled: Tensor

    def __init__(self, estimator: Any) -> None:
        super().__init__()
        self.estimator = estimator
        self.register_buffer("pickled", torch.zeros(0, dtype=torch.uint8))

    def fit(self, features: Tensor, labels: Tensor) -> None:
        """Fit on examples [examples, ...], flattened to rows."""
        self.estimator.fit(rows(features), labels.cpu().numpy())
        content = np.frombuffer(pickle.dumps(self.estimator), dtype=np.uint8)
        self.pickled = torch.from_numpy(content.copy())


class EstimatorMethod(PlainMethod):
    """A study names the estimator, and its loss where 1 - score is not what it watches.

    Its `training.epochs` is 1.
    """

    one_step = True
    packages: ClassVar[tuple[str, ...]] = ("sklearn",)
    """Packages whose classes a fitted estimator may be made of."""

    @abstractmethod
    def estimator(self, config: Any, spec: DataSpec, seed: int) -> Any:
        """Return an estimator that is not fitted; `seed` is its `random_state`."""

    def loss(self, estimator: Any, features: Any, labels: Any) -> float:
        """Return what is watched, lower is better, of a fitted estimator on rows and labels."""
        return 1.0 - float(estimator.score(features, labels))

    def build(self, config: Any, spec: DataSpec, rng: np.random.Generator) -> nn.Module:
        """Return the estimator as a module."""
        return Fitted(self.estimator(config, spec, int(rng.integers(2**31))))

    def optimisers(self, module: nn.Module, config: Any) -> Sequence[Optimizer]:
        """Return none."""
        return []

    def update(
        self, module: Any, optimisers: Sequence[Optimizer], batch: Batch, step: Step
    ) -> tuple[Tensor, Tensors]:
        """Fit."""
        module.fit(batch.features, batch.labels)
        return self.validation_step(module, batch, step)

    def validation_step(self, module: Any, batch: Batch, step: Step) -> tuple[Tensor, Tensors]:
        """Return the loss; of an estimator that is not fitted NaN."""
        if not len(module.pickled):
            return torch.tensor(torch.nan), {}
        watched = self.loss(module.estimator, rows(batch.features), batch.labels.cpu().numpy())
        return torch.tensor(watched), {}

    def restore(self, module: Any, tensors: Mapping[str, Tensor]) -> None:
        """Read a fitted estimator back.

        Raises:
            UserError: it is made of something else than estimators and arrays.
        """
        module.pickled = tensors["pickled"].cpu().clone()
        if len(module.pickled):
            content = io.BytesIO(module.pickled.numpy().tobytes())
            module.estimator = _Reader(content, self.packages).load()


def rows(features: Tensor) -> Any:
    """Return examples [examples, ...] as the rows of an array."""
    return features.flatten(1).cpu().numpy()


class _Reader(pickle.Unpickler):
    """Reads a pickle of estimators and arrays."""

    def __init__(self, content: io.BytesIO, packages: Sequence[str]) -> None:
        super().__init__(content)
        self._packages = packages

    def find_class(self, module: str, name: str) -> Any:
        # A name with dots would lead on, to whatever the module has imported.
        if "." not in name:
            package = module.partition(".")[0]
            if (package == "numpy" and name in _ARRAYS) or name in _NAMED.get(module, ()):
                return super().find_class(module, name)
            if package in {*self._packages, "latentlab", "scipy"}:
                found = super().find_class(module, name)
                if isinstance(found, type) and self._admits(found):
                    return found
        raise UserError(
            f"A stored estimator asks for {module}.{name}, which is no class of "
            f"{' or '.join(self._packages)} and no estimator of latentlab",
            "Name its package in `packages` of the method if you trust whoever stored it.",
        )

    def _admits(self, found: type) -> bool:
        """Whether it is a class that an admitted package defines, not one that it imported."""
        package = found.__module__.partition(".")[0]
        if package == "latentlab" and package not in self._packages:
            from sklearn.base import BaseEstimator

            return issubclass(found, BaseEstimator)
        return package in self._packages or found.__module__.startswith("scipy.sparse.")
