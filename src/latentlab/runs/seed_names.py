"""Which parameter is a seed, by its name: a seed is a blocking factor, never searched."""

from __future__ import annotations

import re
from collections.abc import Iterable

from latentlab.core.errors import UserError

_SEED = re.compile(r"(^|[._/ -])((random[_ ]?)?seeds?|random_?state)$", re.IGNORECASE)


def is_seed(name: str) -> bool:
    """Return whether a parameter is called a seed, which no sweep searches.

    >>> is_seed("training.random_seed"), is_seed("random_state"), is_seed("seeded")
    (True, True, False)
    """
    return _SEED.search(name) is not None


def only_seed(names: Iterable[str], where: str, remedy: str) -> str | None:
    """Return the one name that is called a seed; none where none is.

    Args:
        names: of parameters or columns.
        where: file or experiment, and what the names are, for messages.
        remedy: what to do about two seeds.

    Raises:
        UserError: several are.
    """
    seeds = [name for name in names if is_seed(name)]
    if len(seeds) > 1:
        raise UserError(f"{where} {' and '.join(seeds)} are both seeds", remedy)
    return seeds[0] if seeds else None
