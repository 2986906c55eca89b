"""The one exception for mistakes a user can make and mend.

Everything a person can cause (a key that does not exist, a truncated file, a GPU that is not
there) is raised as a `UserError`: one line that names the file or key and the remedy. The command
line prints that line alone. Programming errors keep their traceback.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from latentlab.core.databases import shown

SHOWN = 20
"""Mistakes beyond this many are counted, not shown."""


class UserError(Exception):
    """A mistake that the user can mend.

    Args:
        what: what is wrong, naming the file or the configuration key.
        remedy: what to do about it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        # Both may name an address with a password in it.
        self.what, self.remedy = shown(what), shown(remedy)
        # One line, whatever the parts hold: the command line prints it as it stands.
        super().__init__(" ".join(f"{_stopped(self.what)} {self.remedy}".split()))

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str]]:
        """Pickle by the two parts, so that a worker process can hand the error back."""
        return type(self), (self.what, self.remedy)


def together(mistakes: Sequence[UserError], remedy: str = "") -> UserError:
    """Return one error for several mistakes, so that all can be mended before the next run.

    Args:
        mistakes: at least one, in the order in which they are told.
        remedy: a sentence at the end, after the remedies of the mistakes.
    """
    first, *others = mistakes
    further = [
        f"{m.what.rstrip('.')} ({m.remedy[:1].lower()}{m.remedy[1:].rstrip('.')})"
        for m in others[: SHOWN - 1]
    ]
    if len(others) >= SHOWN:
        further.append(f"and {len(others) - SHOWN + 1} more")
    sentences = [_stopped(first.remedy)]
    sentences += [f"Also {'; '.join(further)}."] if further else []
    sentences += [remedy] if remedy else []
    return UserError(first.what, " ".join(sentences))


def what_and_remedy(sentence: str) -> tuple[str, str]:
    """Part what a validator says into what is wrong and what to do about it.

    Validators raise a ValueError of one sentence, "what is wrong; the remedy". What is wrong may
    repeat what a person wrote, so that the last semicolon parts them.

    >>> what_and_remedy("'2 h; 3 h' is no duration; write one such as 2h")
    ("'2 h; 3 h' is no duration", 'Write one such as 2h')
    >>> what_and_remedy("a choice is missing")
    ('a choice is missing', 'Correct it')
    """
    what, parted, remedy = sentence.rpartition("; ")
    return (what, f"{remedy[:1].upper()}{remedy[1:]}") if parted else (sentence, "Correct it")


@contextmanager
def noting(mistakes: list[UserError]) -> Iterator[None]:
    """Keep a mistake that the block makes, so that what comes after it is looked at too."""
    try:
        yield
    except UserError as mistake:
        mistakes.append(mistake)


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith(("?", ".")) else f"{sentence}."
