"""Where a result comes from: the command line, the commit, and the versions that computed it."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from latentlab.core.databases import shown

PACKAGES = (
    "latentlab",
    "torch",
    "numpy",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "optuna",
    "kedro",
    "mlflow",
)
"""Packages that decide a result."""
_UNKNOWN, _CHANGED = "unknown", " (with uncommitted changes)"


def provenance() -> dict[str, str]:
    """The command, the commit and the packages, as text by name: what every report says."""
    return {"command": command(), "git": git_state(), "packages": package_versions()}


def package_versions() -> str:
    """Versions of the packages that decide a result."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def command() -> str:
    """The command line of this process, with the program's name alone and without passwords."""
    return shlex.join([Path(sys.argv[0]).name, *(shown(one) for one in sys.argv[1:])])


def git_state() -> str:
    """Commit of the working tree, and whether it was changed; `unknown` outside a repository.

    Registrations keep this text, and `commit_of` reads it.
    """
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return _UNKNOWN
    return f"{commit}{_CHANGED}" if changed else commit


def commit_of(state: str) -> str | None:
    """Return the commit in a text of `git_state`; None where it is unknown.

    >>> commit_of("4f2a (with uncommitted changes)"), commit_of("unknown")
    ('4f2a', None)
    """
    return None if state == _UNKNOWN else state.removesuffix(_CHANGED)


def code_state(folder: Path) -> dict[str, str] | None:
    """Return what tells the code in a folder from other code; None outside a repository.

    Returns:
        `commit`, the last that touched the folder, and, where files in it differ from that,
        `changes`, a digest of the difference.
    """
    try:
        commit = _git("-C", str(folder), "log", "-1", "--format=%H", "--", ".")
        changes = _git("-C", str(folder), "diff", "--binary", "HEAD", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return None
    if not commit:
        return None
    digest = hashlib.sha256(changes.encode("utf-8", "surrogateescape")).hexdigest()
    return {"commit": commit} | ({"changes": digest} if changes else {})


def is_tracked(path: Path) -> bool:
    """Whether git keeps a file, so that its commit tells its content."""
    try:
        _git("-C", str(path.parent), "ls-files", "--error-unmatch", "--", path.name)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def is_ancestor(earlier: str, later: str) -> bool:
    """Whether a commit is an ancestor of another in this repository; unknown ones are not."""
    try:
        _git("merge-base", "--is-ancestor", earlier, later)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, errors="surrogateescape", check=True
    )
    return done.stdout.strip()
