"""Addresses of databases: read, shown without their password, and why one cannot be used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import URL

_PASSWORD = re.compile(r"(?<=://)([^/:@\s]*):\S*@")
_QUERY = re.compile(r"(?i)([?&]password=)[^&#\s'\"]*")

_EXTRA = "Install it: pip install -e '.[postgresql]'."
_START = "Start the server, or correct host and port. What was trained is kept."
_REMEDIES = (
    (
        r"password authentication failed|no password supplied",
        "Correct the user and the password, which may stand in ~/.pgpass or PGPASSWORD instead.",
    ),
    (r"no pg_hba\.conf entry", "Let the server's pg_hba.conf admit this user from this machine."),
    (r'role ".*" does not exist', "Correct the user's name, or make it: createuser NAME."),
    (r'database ".*" does not exist', "Correct the database's name, or make it: createdb NAME."),
    (r"permission denied", "Let its owner grant it: GRANT ALL ON SCHEMA public TO NAME."),
)
"""What a server of PostgreSQL says, which has no code of its own before there is a connection."""


def shown(value: Any) -> Any:
    """Return an address, or what holds some, as it may be printed and stored: without passwords.

    Args:
        value: text, or dictionaries and lists of it; anything else is returned as it is.

    >>> shown("postgresql://me:s3c/re@t@host/lab")
    'postgresql://me:***@host/lab'
    """
    if isinstance(value, str):
        return _QUERY.sub(r"\1***", _PASSWORD.sub(r"\1:***@", value))
    if isinstance(value, dict):
        return {key: shown(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(shown(one) for one in value)
    return value


def url_of(address: str) -> URL:
    """Return an address in its parts.

    Raises:
        ArgumentError: it is no URL; without SQLAlchemy's words, which may be a part of a password.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(address)
    except (ArgumentError, ValueError):
        raise ArgumentError(
            "it is no URL, perhaps by a sign in its password that must be escaped (%40 for @)"
        ) from None


def failure(error: BaseException) -> tuple[str, str | None]:
    """Say why a database cannot be used, and what to do about it.

    Args:
        error: of SQLAlchemy, or of what uses it, from its address to a statement.

    Returns:
        What happened, and the remedy; None where the caller knows better.
    """
    error = error.__cause__ or error
    if isinstance(error, ModuleNotFoundError):
        remedy = _EXTRA if error.name == "psycopg" else f"Install it: pip install {error.name}."
        return f"its driver {error.name} is not installed", remedy
    original = getattr(error, "orig", None) or error
    lines = [line.strip(" -") for line in str(original).splitlines()]
    what = " ".join(lines)[:400] or type(original).__name__
    if type(original).__module__.partition(".")[0] != "psycopg":
        return what, None
    for words, remedy in _REMEDIES:
        if re.search(words, what):
            return what, remedy
    return what, _START if type(original).__name__ == "OperationalError" else None
