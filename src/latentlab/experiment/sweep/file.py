"""A sweep of a study: its file is found, read, and checked against the study before it runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError, noting, together
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.programs.declaration import ProgramDeclaration
from latentlab.experiment.study import Made, Study
from latentlab.experiment.sweep.checks import check
from latentlab.experiment.sweep.configurations import resolve
from latentlab.experiment.sweep.vocabulary import Vocabulary
from latentlab.search.settings import SweepSettings
from latentlab.search.sweep_files.reader import read_sweep, rename
from latentlab.search.table import Objective
from latentlab.training.config import TrialConfig
from latentlab.training.trial import Trial

_DATA_SET = {"dataset", "problem_id"}
"""What files call the data set, which a sweep cannot change."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sweep:
    """A sweep that is ready to run.

    Attributes:
        study: whose configurations are searched.
        declaration: the study as declared; its control arm is the default configuration.
        name: of the file.
        settings: its content, with the study's own names of parameters.
        objectives: what is searched for.
        warnings: what the reader of a foreign file changed or left out.
    """

    study: Study
    declaration: Declaration
    name: str
    settings: SweepSettings
    objectives: tuple[Objective, ...]
    warnings: tuple[str, ...]

    def config(self, configuration: Mapping[str, Any]) -> TrialConfig:
        """Return the default configuration with these values, by dotted key.

        Raises:
            UserError: a key does not exist, or a value is out of range.
        """
        # What a sweep of programs fixes is a part of how they are called: of the default too.
        own = self.settings
        fixed = {**own.arguments, **own.fixed} if own.command else {}
        return resolve(self.study, self.declaration, {**fixed, **configuration})

    def trial(
        self, arm: str, seed: int, config: TrialConfig, made_from: Made, precision: str
    ) -> Trial:
        """Return a configuration with one seed."""
        return self.study.trial(
            self.declaration, arm, seed, config, made_from.fingerprint, precision
        )


def load_sweep(
    study: Study,
    declaration: Declaration,
    folders: Sequence[str],
    root: Path,
    run_cap: int | None = None,
) -> Sweep:
    """Find, read and check the sweep that `<study>.sweep` names.

    Args:
        study: whose it is.
        declaration: names the sweep.
        folders: where to look, relative to `root`.
        root: of the project.
        run_cap: runs of a W&B file that has none.

    Raises:
        UserError: no such file, or all that is wrong in it, or that the study does not know.
    """
    name = declaration.sweep
    path = sweep_path(study.name, name, folders, root)
    file = read_sweep(path, run_cap)
    vocabulary = Vocabulary.of(declaration)
    mistakes: list[UserError] = []
    settings: SweepSettings | None = None
    objectives: tuple[Objective, ...] = ()
    warnings = list(file.translation.warnings)
    if not study.runs_programs:
        warnings += file.translation.of_code
    with noting(mistakes):
        settings = _without_data_set(rename(file.settings(), declaration.parameter_aliases))
        if not study.runs_programs:
            # What W&B's agent would run is not run.
            settings = settings.model_copy(update={"command": None, "nested": (), "arguments": {}})
        declaration = called_by(declaration, settings)
        vocabulary = Vocabulary.of(declaration)
    mistakes += vocabulary.unknown(name for name in file.names if name not in _DATA_SET)
    with noting(mistakes):
        objectives = vocabulary.objectives(file.objectives)
        warnings += [
            f"{theirs} is {declaration.metric_aliases[theirs]} here"
            for theirs in [one.metric for one in file.objectives]
            if theirs in declaration.metric_aliases
        ]
    for word in sorted(_DATA_SET & set(file.fixed)):
        with noting(mistakes):
            warnings.append(_same_data_set(word, file.fixed[word], study, declaration))
    if settings is not None:
        found = check(study, declaration, file, settings)
        mistakes += found.mistakes
        warnings += found.warnings
        if found.runs_through:
            settings = settings.model_copy(update={"halving": None})
    # The folder of reports may lie outside the project.
    where = path.relative_to(root) if path.is_relative_to(root) else path
    for warning in warnings:
        logger.warning("%s: %s", where, warning)
    if settings is None or mistakes:
        told = together(mistakes)
        raise UserError(f"{where}: {told.what}", told.remedy)
    return Sweep(study, declaration, name, settings, objectives, tuple(warnings))


def called_by(declaration: Declaration, settings: SweepSettings) -> Declaration:
    """Return a study's declaration with the command that a sweep brings, if it brings one."""
    if settings.command is None or not isinstance(declaration, ProgramDeclaration):
        return declaration
    return declaration.with_command(settings.command, settings.nested)


def _without_data_set(settings: SweepSettings) -> SweepSettings:
    fixed = {name: value for name, value in settings.fixed.items() if name not in _DATA_SET}
    return settings.model_copy(update={"fixed": fixed})


def _same_data_set(word: str, value: Any, study: Study, declaration: Declaration) -> str:
    """Return that a file names the data set of the study.

    Raises:
        UserError: it names another.
    """
    own = f"{study.name}.dataset"
    if value == declaration.dataset:
        return f"{word}: {value} is not used; the data set is that of {own}, the same"
    if value in list(declaration.datasets):
        remedy = f"Run it with --params {own}={value}, or take it out"
    else:
        remedy = f"Take it out; data sets are {', '.join(declaration.datasets)}"
    raise UserError(f"{word} is {value}, but {own} is {declaration.dataset}", remedy)


def sweep_path(study: str, name: str, folders: Sequence[str], root: Path) -> Path:
    """Return the file of a sweep, `<folder>/<study>/sweeps/<name>.yml` or `.yaml`.

    Args:
        study: whose sweep it is.
        name: of the sweep.
        folders: where to look, in this order, relative to `root`; they need not exist.
        root: of the project.

    Raises:
        UserError: no folder has it, or one has it twice.
    """
    present = [folder for folder in dict.fromkeys(folders) if (root / folder).is_dir()]
    known: set[str] = set()
    for folder in present:
        files = [p for p in sorted((root / folder / study / "sweeps").glob("*")) if _is_yaml(p)]
        found = [path for path in files if path.stem == name]
        if len(found) > 1:
            raise UserError(
                f"{study}.sweep: both {found[0]} and {found[1].name} are the sweep {name}",
                "Keep one of the two",
            )
        if found:
            return found[0]
        known.update(path.stem for path in files)
    raise UserError(
        f"{study}.sweep: there is no {name}.yml in {study}/sweeps of {', '.join(present)}",
        f"Those that are there: {', '.join(sorted(known)) or 'none'}.",
    )


def _is_yaml(path: Path) -> bool:
    return path.suffix in {".yml", ".yaml"} and path.is_file()
