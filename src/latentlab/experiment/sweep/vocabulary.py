"""What a study calls its parameters and metrics, beside what sweep files call them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from latentlab.core.errors import UserError
from latentlab.experiment.blocks import leaves
from latentlab.experiment.declaration import Declaration
from latentlab.search.proposals import Direction
from latentlab.search.settings import SearchedMetric
from latentlab.search.table import Objective


@dataclass(frozen=True)
class Vocabulary:
    """The words of a study.

    Attributes:
        declaration: has short names of parameters and metrics.
        keys: dotted keys of a configuration.
    """

    declaration: Declaration
    keys: tuple[str, ...]

    @classmethod
    def of(cls, declaration: Declaration) -> Vocabulary:
        """Return the words of a declared study."""
        config = next(iter(declaration.configs.values()))
        return cls(declaration, tuple(dict(leaves(config.model_dump()))))

    def knows(self, name: str) -> bool:
        """Return whether a name means a key of the configuration."""
        known = name in self.keys or name in self.declaration.parameter_aliases
        return known or self.declaration.takes(name)

    def unknown(self, names: Iterable[str]) -> list[UserError]:
        """Return one mistake for all names that mean nothing, with those that exist."""
        known = [*self.declaration.parameter_aliases, *self._unnamed()]
        unknown = [name for name in names if not self.knows(name)]
        return [_no_such("parameters: the study has no", unknown, known)] if unknown else []

    def _unnamed(self) -> list[str]:
        """Keys that no short name means."""
        meant = {alias.key for alias in self.declaration.parameter_aliases.values()}
        return [key for key in self.keys if key not in meant]

    def objectives(self, wanted: Iterable[SearchedMetric]) -> tuple[Objective, ...]:
        """Return what is searched for.

        Args:
            wanted: by a name of the study or of its files; none: what chooses the champion.

        Raises:
            UserError: there is no such metric, or none is better in either direction.
        """
        chosen = list(wanted) or [SearchedMetric(metric=self.declaration.champion.metric)]
        table, aliases = self.declaration.metric_table, self.declaration.metric_aliases
        objectives: list[Objective] = []
        unknown: list[str] = []
        for one in chosen:
            name = aliases.get(one.metric, one.metric)
            if name not in table or (table[name].better == "none" and one.direction is None):
                unknown.append(one.metric)
                continue
            better: Direction = "maximize" if table[name].better == "higher" else "minimize"
            objectives.append(Objective(name, one.direction or better))
        known = [name for name, metric in table.items() if metric.better != "none"]
        if unknown:
            what = "objectives: the study has no metric with a better direction called"
            raise _no_such(what, unknown, sorted(known))
        return tuple(objectives)


def _no_such(what: str, names: list[str], known: list[str]) -> UserError:
    """Return one mistake for all names, with the nearest of those that exist, and all of them."""
    close = {name: difflib.get_close_matches(name, known, n=1) for name in names}
    meant = [f"{found[0]} for {name}" for name, found in close.items() if found]
    remedy = f"Did you mean {', '.join(meant)}? " if meant else ""
    return UserError(f"{what} {', '.join(names)}", f"{remedy}There are: {', '.join(known)}")
