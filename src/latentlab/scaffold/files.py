"""Writes the first files of a study from templates: all of them, or none."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from latentlab.core.errors import UserError
from latentlab.core.files import write_atomically

TEST = "tests/studies/test_{name}.py"


def write_study(
    root: Path, kind: str, places: Mapping[str, str], words: Mapping[str, str]
) -> list[Path]:
    """Write the files of a study.

    Args:
        root: of the project.
        kind: the folder of templates.
        places: where each template, a file with the ending .txt, goes, seen from `root`.
        words: what stands for `$name` and other words in the templates.

    Returns:
        The files.

    Raises:
        UserError: one of them is there already, or a folder cannot be written.
    """
    found = {root / place: template for template, place in places.items()}
    there = [str(path.relative_to(root)) for path in found if path.exists()]
    if there:
        raise UserError(
            f"{', '.join(there)} exists already", "Choose another name, or move it away"
        )
    templates = files("latentlab.scaffold") / kind
    for path, template in found.items():
        text = (templates / f"{template}.txt").read_text(encoding="utf-8")
        write_atomically(path, Template(text).substitute(words).encode())
    return list(found)


def plain_places(name: str) -> dict[str, str]:
    """Return where the files of a study with a module of its own go, by template."""
    package, conf = f"src/latentlab/studies/{name}", f"conf/base/{name}"
    modules = ("config", "method", "metrics", "evaluation")
    return {
        "init.py": f"{package}/__init__.py",
        **{f"{module}.py": f"{package}/{module}.py" for module in modules},
        "parameters.yml": f"{conf}/parameters.yml",
        "hypotheses.yml": f"{conf}/hypotheses.yml",
        "test.py": TEST.format(name=name),
    }


def register(root: Path, name: str) -> Path:
    """Add a study's line to the registry; return the file.

    Raises:
        UserError: the registry has no list of names where it had one.
    """
    path = root / "src/latentlab/studies/registry.py"
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^NAMES = \[\n(?:    .*\n)*(?=\])", text, re.MULTILINE)
    if found is None:
        raise UserError(f"{path} has no list NAMES", f'Add the line "{name}", to it by hand.')
    line = f'    "{name}",\n'
    write_atomically(path, (text[: found.end()] + line + text[found.end() :]).encode())
    return path


def require_name(name: str, known: Collection[str]) -> None:
    """Refuse what cannot be the name of a study.

    Raises:
        UserError: it is no name of a Python module, or there is such a study.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(
            f"'{name}' is no name of a study", "Use small letters, digits and _, as in my_study"
        )
    if name in known:
        raise UserError(f"There is a study {name} already", "Choose another name")
