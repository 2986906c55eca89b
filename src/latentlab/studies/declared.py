"""Studies that are declared in `conf/` alone: their trials are programs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from latentlab.core.errors import UserError
from latentlab.core.strict_yaml import parse_yaml
from latentlab.experiment.programs.study import ProgramStudy, program_study
from latentlab.experiment.study import Study

ENVIRONMENTS = ("base", "local")
"""Those that are read in every run; `local` is a person's own."""


def declared_programs(start: Path, known: Collection[str]) -> dict[str, Study]:
    """Return the studies in `conf/<base or local>/<name>/parameters.yml` that have a `program`.

    Such files alone are read, so that starting costs nothing where there are none.

    Args:
        start: a folder of the project, or one below.
        known: names of studies that have code.
    """
    root = next((one for one in (start, *start.parents) if (one / "conf" / "base").is_dir()), None)
    found = {} if root is None else {study.name: study for study in _found(root / "conf", known)}
    return dict(sorted(found.items()))


def _found(conf: Path, known: Collection[str]) -> Iterator[ProgramStudy]:
    for environment in ENVIRONMENTS:
        for path in sorted((conf / environment).glob("*/parameters.yml")):
            name = path.parent.name
            if name in known:
                continue
            try:
                content = parse_yaml(path.read_bytes(), str(path))
            except (OSError, UserError):
                # Whoever reads the configuration tells it.
                continue
            block = content.get(name) if isinstance(content, dict) else None
            program = block.get("program") if isinstance(block, dict) else None
            if isinstance(program, dict):
                yield program_study(name, program.get("history") is not None)
