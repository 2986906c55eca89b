"""Studies that are declared in `conf/` alone: their trials are programs."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from latentlab.core.errors import UserError
from latentlab.core.strict_yaml import parse_yaml
from latentlab.experiment.programs.study import ProgramStudy, program_study
from latentlab.experiment.study import Study

ENVIRONMENTS = ("base", "local")
"""Those that are read in every run; `local` is a person's own."""


def declared_programs(start: Path, known: Collection[str]) -> dict[str, Study]:
    """Return the studies in `conf/<base or local>/<name>/parameters.yml` that have a `program`.

    Such files alone are read, so that starting costs nothing where there are none. Where the
    command line has a `--conf-source`, they are looked for in that folder.

    Args:
        start: a folder of the project, or one below.
        known: names of studies that have code.
    """
    asked = _conf_source(sys.argv)
    above = (one / "conf" for one in (start, *start.parents) if (one / "conf" / "base").is_dir())
    conf = next(above, None) if asked is None else start / asked
    found = {} if conf is None else {study.name: study for study in _found(conf, known)}
    return dict(sorted(found.items()))


def _conf_source(command: Sequence[str]) -> str | None:
    """Return the folder that a command line names: Kedro reads it after the registry's import."""
    for position, part in enumerate(command):
        name, _, value = part.partition("=")
        if name == "--conf-source":
            return value or next(iter(command[position + 1 :]), None)
    return None


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
