"""The sources by name, and the one function that prepares any of them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError
from latentlab.data.arc.arc_like.source import ARC_LIKE
from latentlab.data.arc.files import ARC, CONCEPT_ARC
from latentlab.data.copies import with_copies_counted
from latentlab.data.designs.beams2d import BEAMS2D
from latentlab.data.designs.heat_conduction2d import HEAT_CONDUCTION2D
from latentlab.data.image_text.handwriting import HANDWRITING
from latentlab.data.image_text.image_table import IMAGE_TABLE
from latentlab.data.image_text.textcaps import TEXTCAPS
from latentlab.data.images.celeba import CELEBA
from latentlab.data.images.cifar10 import CIFAR10
from latentlab.data.images.digits import DIGITS
from latentlab.data.images.dsprites import DSPRITES
from latentlab.data.images.fashion_mnist import FASHION_MNIST
from latentlab.data.images.mnist import MNIST
from latentlab.data.images.shapes3d import SHAPES3D
from latentlab.data.prepared import Prepared
from latentlab.data.source import Source, SourceConfig
from latentlab.data.synthetic.low_rank import LOW_RANK
from latentlab.data.synthetic.manifolds import MANIFOLDS_SOURCE
from latentlab.data.synthetic.shapes import CORRELATED_SHAPES, SHAPES_SOURCE
from latentlab.data.validation import check

SOURCES: dict[str, Source[Any]] = {
    source.name: source
    for source in (
        DIGITS,
        MNIST,
        FASHION_MNIST,
        CIFAR10,
        CELEBA,
        DSPRITES,
        SHAPES3D,
        ARC_LIKE,
        ARC,
        CONCEPT_ARC,
        BEAMS2D,
        HEAT_CONDUCTION2D,
        LOW_RANK,
        MANIFOLDS_SOURCE,
        SHAPES_SOURCE,
        CORRELATED_SHAPES,
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
        The data set, with uint8 features; large ones are memory-mapped. Its origin says how many
        examples are in more than one split.

    Raises:
        UserError: an unknown source or key, a missing or corrupt file, no network, or data that
            `check` refuses.
    """
    source = find_source(name)
    prepared: Prepared = source.read(source.validate(config), Path(folder))
    check(prepared)
    return with_copies_counted(prepared)
