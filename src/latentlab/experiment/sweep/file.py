"""A sweep of a study: its file is found, read, and checked against the study before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError
from latentlab.core.validation import validate
from latentlab.experiment.declaration import Declaration, merged
from latentlab.experiment.study import Study
from latentlab.search.parameters import CategoricalParameter, FloatParameter, IntParameter, Scalar
from latentlab.search.proposals import Direction
from latentlab.search.sampling import values_at
from latentlab.search.settings import SearchedMetric, SweepSettings
from latentlab.search.space import Configuration
from latentlab.search.sweep_files.reader import read_sweep, rename
from latentlab.search.table import Objective
from latentlab.training.config import TrialConfig


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
        return resolve(self.study, self.declaration, configuration)


def load_sweep(study: Study, declaration: Declaration, folders: Sequence[str], root: Path) -> Sweep:
    """Find, read and check the sweep that `<study>.sweep` names.

    Args:
        study: whose it is.
        declaration: names the sweep.
        folders: where to look, relative to `root`.
        root: of the project.

    Raises:
        UserError: no such file, or something in it that the study does not know.
    """
    name = declaration.sweep
    path = sweep_path(study.name, name, folders, root)
    settings, warnings = read_sweep(path)
    settings = rename(settings, declaration.parameter_aliases)
    _check(study, declaration, settings, path)
    return Sweep(
        study,
        declaration,
        name,
        settings,
        _objectives(declaration, settings, path),
        tuple(warnings),
    )


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


def resolve(
    study: Study, declaration: Declaration, configuration: Mapping[str, Any]
) -> TrialConfig:
    """Return the control arm's configuration with some values changed, by dotted key.

    Raises:
        UserError: a key does not exist, or a value is out of range.
    """
    block: dict[str, Any] = {}
    for name, value in configuration.items():
        *outer, last = name.split(".")
        inner = block
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value
    control = declaration.configs[declaration.control(study.control)]
    return validate(
        declaration.config_class, merged(control.model_dump(mode="json"), block), where=""
    )


def _objectives(
    declaration: Declaration, settings: SweepSettings, path: Path
) -> tuple[Objective, ...]:
    wanted = settings.objectives or [SearchedMetric(metric=declaration.champion.metric)]
    objectives = []
    for searched in wanted:
        metric = declaration.metric_table.get(searched.metric)
        if metric is None or (metric.better == "none" and searched.direction is None):
            known = [n for n, m in declaration.metric_table.items() if m.better != "none"]
            raise UserError(
                f"{path.name}: objectives: '{searched.metric}' is no metric with a better "
                "direction",
                f"Use one of: {', '.join(sorted(known))}.",
            )
        better: Direction = "maximize" if metric.better == "higher" else "minimize"
        objectives.append(Objective(searched.metric, searched.direction or better))
    return tuple(objectives)


def _check(study: Study, declaration: Declaration, settings: SweepSettings, path: Path) -> None:
    """Resolve every fixed value, and every parameter at its ends, before anything is trained."""
    space, halving = settings.space, settings.halving
    middle = values_at(space, [0.5] * len(space.parameters))
    try:
        configs = [resolve(study, declaration, space.configuration(middle))]
        for name, parameter in space.parameters.items():
            for value in _ends(parameter):
                where: Configuration = {
                    controller: wanted[0] if isinstance(wanted, list) else wanted
                    for controller, wanted in parameter.when.items()
                }
                values = {**middle, **where, name: value}
                configs.append(resolve(study, declaration, space.configuration(values)))
    except UserError as error:
        raise UserError(f"{path.name}: {error.what}", error.remedy) from error
    settled = max(config.warmup_end_epoch() for config in configs)
    if halving is not None and halving.earliest < settled and not halving.force:
        key = "first" if halving.rungs is None else "rungs"
        raise UserError(
            f"{path.name}: halving.{key}: {halving.earliest} epochs are fewer than the "
            f"{settled:g} after which every scheduled mechanism is on",
            "Raise it, or set halving.force: true to stop configurations before that.",
        )


def _ends(parameter: FloatParameter | IntParameter | CategoricalParameter) -> tuple[Scalar, ...]:
    if isinstance(parameter, CategoricalParameter):
        return parameter.choices
    return parameter.low, parameter.high
