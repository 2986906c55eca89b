"""Studies as `conf/base` declares them, with changes."""

from __future__ import annotations

from typing import Any

import yaml

from labs.project_copies import CHECKOUT
from latentlab.experiment.blocks import merged
from latentlab.studies.registry import STUDIES

CONF = CHECKOUT / "conf" / "base"


def block(study: str, **over: Any) -> dict[str, Any]:
    """A study's block of parameters, with changes laid over it."""
    found: dict[str, Any] = {}
    for path in sorted((CONF / study).glob("*.yml")):
        found = merged(found, yaml.safe_load(path.read_text())[study])
    return merged(found, over)


def declared(study: str = "derp_vae", **over: Any) -> Any:
    """The declaration that such a block makes."""
    return STUDIES[study].declaration.model_validate(block(study, **over))
