"""Nested settings as the flat names that MLflow compares and filters by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LONGEST = 6000
"""MLflow refuses longer parameter values."""


def flatten(value: Any, name: str) -> dict[str, str]:
    """Leaves by dotted name, such as `derp_vae.model.latent_dim`; lists as JSON."""
    if isinstance(value, Mapping):
        flat: dict[str, str] = {}
        for key, inner in value.items():
            flat |= flatten(inner, f"{name}.{key}" if name else str(key))
        return flat
    text = value if isinstance(value, str) else json.dumps(value)
    return {name: text[:LONGEST]}
