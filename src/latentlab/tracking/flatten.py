"""Nested settings as the flat names that MLflow compares and filters by."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Mapping
from typing import Any

from latentlab.experiment.blocks import leaves

LONGEST = 6000
"""MLflow refuses longer parameter values."""

LONGEST_KEY = 250
"""MLflow refuses longer names of parameters, metrics and tags."""

_REFUSED = re.compile(r"[^/\w.\- :]")


def flatten(block: Mapping[str, Any], name: str) -> dict[str, str]:
    """Leaves by dotted name, such as `derp_vae.model.latent_dim`; lists as JSON.

    Names are such that MLflow takes them; two leaves never share one.
    """
    flat: dict[str, str] = {}
    for key, leaf in leaves(block, f"{name}." if name else ""):
        text = leaf if isinstance(leaf, str) else json.dumps(leaf)
        flat[mlflow_key(key, flat)] = text[:LONGEST]
    return flat


def mlflow_key(name: str, taken: Collection[str] = ()) -> str:
    """The name of a parameter, metric or tag that comes nearest to one that a person chose.

    Args:
        name: such as that of an arm, of any content.
        taken: names that are in use.

    >>> mlflow_key("arms.wide (512).width"), mlflow_key("beta=4", taken=["beta_4"])
    ('arms.wide _512_.width', 'beta_4_2')
    """
    key = _REFUSED.sub("_", name)
    if posixpath.normpath(key) != key or key.startswith(("/", "..")) or key == ".":
        # MLflow takes names for paths, and only those that lead where they say.
        key = key.replace("/", "_").strip(".") or "_"
    key = base = key[:LONGEST_KEY]
    number = 2
    while key in taken:
        ending = f"_{number}"
        key, number = base[: LONGEST_KEY - len(ending)] + ending, number + 1
    return key
