"""What only the study can tell about a sweep, before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from latentlab.core.errors import UserError
from latentlab.experiment.blocks import leaves
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.programs.command import macro_mistakes, takes_seed
from latentlab.experiment.programs.declaration import ProgramConfig, ProgramDeclaration
from latentlab.experiment.study import Study
from latentlab.experiment.sweep.configurations import Extremes, default_block, extremes, resolve
from latentlab.experiment.sweep.unread import unread
from latentlab.experiment.sweep.vocabulary import Vocabulary
from latentlab.search.settings import MOST_EPOCHS, Halving, SweepSettings
from latentlab.search.sweep_files.reader import SweepFile
from latentlab.search.sweep_files.wandb_early_stopping import later_bands
from latentlab.training.config import TrialConfig

_EPOCHS = "training.epochs"


@dataclass(frozen=True)
class Found:
    """What a study has to say about a sweep, in the words of its file.

    Attributes:
        mistakes: for which it is refused.
        warnings: with which it runs.
        runs_through: whether it can stop nothing early, although it is asked to.
    """

    mistakes: list[UserError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    runs_through: bool = False


def check(
    study: Study, declaration: Declaration, file: SweepFile, settings: SweepSettings
) -> Found:
    """Resolve every fixed value, and every parameter at its ends.

    Args:
        study: whose sweep it is.
        declaration: of the study.
        file: as it was read.
        settings: of the sweep, in the study's names; those that it does not know are left out.
    """
    found = Found()
    vocabulary = Vocabulary.of(declaration)

    def config(values: Mapping[str, Any]) -> TrialConfig:
        known = {name: value for name, value in values.items() if vocabulary.knows(name)}
        return resolve(study, declaration, {**settings.arguments, **known})

    ends = extremes(settings.space, config)
    found.mistakes.extend(ends.mistakes)
    if isinstance(declaration, ProgramDeclaration):
        return _of_programs(declaration, settings, ends)
    halving = settings.halving
    if halving is not None:
        if not ends.configs:
            # Bands and mechanisms can be compared all the same, in a training that fits the bands.
            last = halving.earliest if halving.rungs is None else halving.rungs[-1]
            longer = {_EPOCHS: min(last * halving.factor, MOST_EPOCHS)}
            ends = extremes(settings.space, lambda values: config({**values, **longer}))
        elif last := _too_short(halving, ends):
            where = "early_terminate" if file.layout == "wandb" else "halving"
            found.warnings.append(
                f"{where}: nothing is stopped early: the first rung, after {halving.earliest} "
                f"epochs, is not before the end of training, {last} epochs"
            )
        found.mistakes.extend(_early_rungs(halving, ends, file))
    vain = unread(
        file.settings(),
        declaration.conditions,
        declaration.parameter_aliases,
        dict(leaves(default_block(study, declaration))),
    )
    if vain is not None and settings.method == "grid":
        found.mistakes.append(vain)
    elif vain is not None:
        found.warnings.append(str(vain))
    words = {
        alias.key: name
        for name, alias in declaration.parameter_aliases.items()
        if name in file.names
    }
    return Found([_in_words(words, mistake) for mistake in found.mistakes], found.warnings)


def _of_programs(declaration: ProgramDeclaration, settings: SweepSettings, ends: Extremes) -> Found:
    """What there is to say about a sweep whose configurations are calls of a program."""
    mistakes = list(ends.mistakes)
    for mistake in macro_mistakes(declaration.program):
        mistakes.append(UserError(f"command: {mistake.what}", mistake.remedy))
    found = Found(mistakes)
    seeds = len(settings.seeds.numbers())
    default = cast("ProgramConfig", next(iter(declaration.configs.values())))
    given = (*settings.arguments.values(), *default.settings().values())
    if seeds > 1 and not takes_seed(declaration.program, given):
        found.warnings.append(
            f"the command takes no seed, so that the {seeds} seeds of a configuration are {seeds} "
            "runs of one command; name its seed by a parameter, `seed: {values: [..]}`"
        )
    named = [one.metric for one in settings.objectives] or [declaration.champion.metric]
    found.warnings.extend(
        f"{name} is by its name a score on test data, which the search then has seen"
        for name in named
        if "test" in name.lower()
    )
    if settings.halving is None:
        return found
    if declaration.program.history is None:
        why = "program.history is not declared"
    elif any(declaration.epochs_of(config) is None for config in ends.configs.values()):
        why = "no setting says how many epochs a configuration trains (program.epochs names it)"
    else:
        return found
    found.warnings.append(f"nothing is stopped early: {why}")
    return replace(found, runs_through=True)


def _too_short(halving: Halving, ends: Extremes) -> int:
    """Epochs of the longest training, if no rung lies before its end; else 0."""
    last = max(config.training.epochs for config in ends.configs.values())
    return last if halving.earliest >= last else 0


def _early_rungs(halving: Halving, ends: Extremes, file: SweepFile) -> Iterator[UserError]:
    """Rungs before the last scheduled mechanism of a configuration is on."""
    if halving.force or not ends.configs:
        return
    settled, at = max((config.warmup_end_epoch(), at) for at, config in ends.configs.items())
    if halving.earliest >= settled:
        return
    after = f"the {settled:g} after which every scheduled mechanism is on" + (
        f" where {at}" if at and settled > ends.configs[""].warmup_end_epoch() else ""
    )
    if file.layout == "wandb":
        yield UserError(
            f"early_terminate: its first band, {halving.earliest} epochs, lies before {after}",
            later_bands(file.content["early_terminate"], settled),
        )
        return
    key = "first" if halving.rungs is None else "rungs"
    yield UserError(
        f"halving.{key}: {halving.earliest} epochs are fewer than {after}",
        "Raise it, or set halving.force: true to stop configurations before that",
    )


def _in_words(words: Mapping[str, str], mistake: UserError) -> UserError:
    """The mistake with the names of the file for the study's own."""

    def said(text: str) -> str:
        return re.sub(r"[\w.]*\w", lambda match: words.get(match[0], match[0]), text)

    return UserError(said(mistake.what), said(mistake.remedy))
