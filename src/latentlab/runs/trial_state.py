"""How a run ended, in one word from the sampler to the disk."""

from __future__ import annotations

from typing import Literal, get_args

TrialState = Literal["complete", "pruned", "diverged", "failed"]
"""`pruned`: stopped early by the search, its value being that of the epoch it reached."""

STATES: tuple[TrialState, ...] = get_args(TrialState)
"""From best to worst: a configuration has the worst state of its seeds."""

_FIRST_EDITION = {"halved": "pruned"}


def stored_state(word: str) -> TrialState:
    """Return the state that a stored word means; the first edition wrote `halved` for `pruned`.

    >>> stored_state("halved"), stored_state("diverged")
    ('pruned', 'diverged')

    Raises:
        ValueError: it is no state.
    """
    state = _FIRST_EDITION.get(word, word)
    if state not in STATES:
        raise ValueError(f"{word!r} is no state of a trial")
    return state
