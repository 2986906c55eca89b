"""The sources by name, and the one function that prepares any of them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from latentlab.errors import UserError
from latentlab.sources.arc_files import ARC, CONCEPT_ARC
from latentlab.sources.arc_like import ARC_LIKE
from latentlab.sources.beams2d import BEAMS2D
from latentlab.sources.celeba import CELEBA
from latentlab.sources.checks import check
from latentlab.sources.cifar10 import CIFAR10
from latentlab.sources.digits import DIGITS
from latentlab.sources.fashion_mnist import FASHION_MNIST
from latentlab.sources.handwriting import HANDWRITING
from latentlab.sources.heat_conduction2d import HEAT_CONDUCTION2D
from latentlab.sources.image_table import IMAGE_TABLE
from latentlab.sources.low_rank import LOW_RANK
from latentlab.sources.manifolds import MANIFOLDS_SOURCE
from latentlab.sources.mnist import MNIST
from latentlab.sources.prepared import Prepared
from latentlab.sources.source import Source, SourceConfig
from latentlab.sources.textcaps import TEXTCAPS

SOURCES: dict[str, Source[Any]] = {
    source.name: source
    for source in (
        DIGITS,
        MNIST,
        FASHION_MNIST,
        CIFAR10,
        CELEBA,
        ARC_LIKE,
        ARC,
        CONCEPT_ARC,
        BEAMS2D,
        HEAT_CONDUCTION2D,
        LOW_RANK,
        MANIFOLDS_SOURCE,
        HANDWRITING,
        TEXTCAPS,
        IMAGE_TABLE,
    )
}


def find_source(name: str) -> Source[Any]:
    """The source called `name`.

    Raises:
        UserError: no such source; names the nearest ones.
    """
    if name not in SOURCES:
        near = get_close_matches(name, SOURCES) or sorted(SOURCES)
        raise UserError(f"There is no source '{name}'", f"Use one of: {', '.join(near)}.")
    return SOURCES[name]


def prepare(
    name: str, config: SourceConfig | Mapping[str, object] | None, folder: Path | str
) -> Prepared:
    """Read a source's files and check what was read.

    Args:
        name: key in `SOURCES`.
        config: the source's settings, as its config class or as a mapping; None takes defaults.
        folder: the raw folder, `data/01_raw/<name>`, which the user may have filled.

    Returns:
        The data set, with uint8 features; large ones are memory-mapped.

    Raises:
        UserError: an unknown source or key, a missing or corrupt file, no network, or data that
            `check` refuses.
    """
    source = find_source(name)
    prepared: Prepared = source.read(source.validate(config), Path(folder))
    check(prepared)
    return prepared
