"""The auto-encoder of the workloads as one would train many of it with JAX: vmap, jit and scan.

An epoch is one call: the loop over its steps, the gather of each batch, gradients and Adam are one
compiled program, and the weights' buffers are given back to it. Orders are drawn by numpy, as ours
are. It checks nothing: losses and gradients that are not finite, norms and clipping are left out.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

# Read as JAX starts: all work in the calling thread, as the cohort that it is compared with.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import jax
import jax.numpy as jnp

BETAS, EPSILON, RATE = (0.9, 0.999), 1e-8, 1e-3


def epochs_of(
    widths: tuple[int, ...], models: int, features: np.ndarray, batch: int
) -> Callable[[], int]:
    """Train models of these layers on `features` [examples, pixels]; a call is an epoch.

    It returns the number of its steps.
    """
    steps = len(features) // batch
    data = jnp.asarray(features)
    rng = np.random.default_rng(0)

    def initial(key: Any) -> list[tuple[Any, Any]]:
        keys = jax.random.split(key, len(widths) - 1)
        shapes = zip(keys, widths[:-1], widths[1:], strict=True)
        return [(jax.random.normal(k, (a, b)) / a**0.5, jnp.zeros(b)) for k, a, b in shapes]

    def loss(layers: Any, x: Any) -> Any:
        (w1, b1), (w2, b2), (w3, b3), (w4, b4) = layers
        hidden = jax.nn.relu(jax.nn.relu(x @ w1 + b1) @ w2 + b2)
        return jnp.square(jax.nn.relu(hidden @ w3 + b3) @ w4 + b4 - x).mean()

    def step(weights: Any, first: Any, second: Any, x: Any, number: Any) -> tuple[Any, Any, Any]:
        gradient = jax.grad(loss)(weights, x)
        mean, square = BETAS
        first = jax.tree.map(lambda m, g: mean * m + (1 - mean) * g, first, gradient)
        second = jax.tree.map(lambda v, g: square * v + (1 - square) * g * g, second, gradient)
        size, root = RATE / (1 - mean**number), (1 - square**number) ** 0.5
        weights = jax.tree.map(
            lambda w, m, v: w - size * m / (jnp.sqrt(v) / root + EPSILON), weights, first, second
        )
        return weights, first, second

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(carried: Any, orders: Any) -> Any:
        def body(carried: Any, index: Any) -> tuple[Any, None]:
            *trained, number = carried
            trained = jax.vmap(step, in_axes=(0, 0, 0, 0, None))(*trained, data[index], number)
            return (*trained, number + 1), None

        return jax.lax.scan(body, carried, orders)[0]

    weights = jax.vmap(initial)(jax.random.split(jax.random.key(0), models))
    zeros = (jax.tree.map(jnp.zeros_like, weights) for _ in BETAS)
    carried = (weights, *zeros, jnp.float32(1))

    def one() -> int:
        nonlocal carried
        orders = [rng.permutation(len(features))[: steps * batch] for _ in range(models)]
        stacked = np.stack(orders).reshape(models, steps, batch).swapaxes(0, 1)
        carried = jax.block_until_ready(epoch(carried, stacked))
        return steps

    return one
