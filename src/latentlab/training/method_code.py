"""The code of a method, module by module, so that what changes under one version is noticed."""

from __future__ import annotations

import ast
import functools
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import resolve_name
from pathlib import Path

from latentlab.training.contract import AnyMethod


@functools.cache
def method_code(kind: type[AnyMethod]) -> Mapping[str, str]:
    """Return a digest of the module of a method, and of each that it uses of its own package.

    Args:
        kind: class of the method.

    Returns:
        Name of the module -> digest; empty of a class without a file, as in a notebook.
    """
    package = kind.__module__.rpartition(".")[0]
    found: dict[str, str] = {}
    waiting = [kind.__module__]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in found or path is None:
            continue
        try:
            source = path.read_text("utf-8")
            found[name] = hashlib.sha256(formulas(source).encode()).hexdigest()[:16]
        except (OSError, SyntaxError, ValueError):
            # Somebody goes on writing what is loaded: of this file nothing can be said.
            continue
        waiting += [one for one in _imported(source, name) if one.startswith(f"{package}.")]
    return found


def changed_code(method: AnyMethod, trained: Iterable[tuple[AnyMethod, Mapping[str, str]]]) -> str:
    """Say which code of a method changed since trials were trained; empty where none did.

    Args:
        method: of the study, whose version names its trials.
        trained: of each trial its own method, and the versions that its record holds; those of
            trials that were trained before code was recorded say nothing.
    """
    trials, modules = 0, set[str]()
    for own, then in trained:
        now = method_code(type(own))
        changed = [name for name in now if then.get(name, now[name]) != now[name]]
        trials += bool(changed)
        modules.update(changed)
    if not modules:
        return ""
    return (
        f"Known trials were trained by other code ({trials} of them, before "
        f"{', '.join(map(_shown, sorted(modules)))} changed): raise `version` in "
        f"{_shown(type(method).__module__)} to train them anew, or keep it if they would end with "
        "the same weights."
    )


def formulas(source: str) -> str:
    """Return the code of a module without comments, docstrings, messages and layout.

    Example:
        >>> formulas('x = Field(1, description="one")  # the first')
        'x = Field(1)'
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and body:
            # A docstring, and strings that document a constant.
            node.body = [
                item
                for item in body
                if not (
                    isinstance(item, ast.Expr)
                    and isinstance(item.value, ast.Constant)
                    and isinstance(item.value.value, str)
                )
            ] or [ast.Pass()]
        if isinstance(node, ast.Call):
            # The description of a field is for people.
            node.keywords = [word for word in node.keywords if word.arg != "description"]
    return ast.unparse(tree)


def _imported(source: str, module: str) -> Iterator[str]:
    """Yield what may be modules among the names that a module imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            named = "." * node.level + (node.module or "")
            of = resolve_name(named, module.rpartition(".")[0])
            yield of
            yield from (f"{of}.{alias.name}" for alias in node.names)


def _file(module: str) -> Path | None:
    """Return the source of a module that is loaded; None of what is none, or has none."""
    path = Path(getattr(sys.modules.get(module), "__file__", None) or "")
    return path if path.suffix == ".py" and path.is_file() else None


def _shown(module: str) -> str:
    """Write the file of a module, as seen from the present folder."""
    path = _file(module)
    if path is None:
        return module
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
