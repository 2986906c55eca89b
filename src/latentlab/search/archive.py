"""Tables of sweeps on disk: a folder each, replaced in one step."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_folder, remove_partials, write_atomically
from latentlab.runs.trial_state import stored_state
from latentlab.search.space import Space
from latentlab.search.table import Objective, SweepTable, typed_parameters

_META, _PARAMETERS, _OUTCOMES, _REPLICATES = (
    "sweep.json",
    "parameters.json",
    "outcomes.parquet",
    "replicates.parquet",
)


class SweepArchive:
    """The finished sweeps of a study, by name.

    Args:
        root: a folder of its own, which need not exist.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pointer = root / "latest.txt"

    @property
    def noise(self) -> Path:
        """Where samplers run on noise are kept, for the p-values of adaptive sweeps."""
        return self._root / "noise"

    def keep(self, table: SweepTable) -> None:
        """Write a table in place of an older one of its name; it is the latest now."""
        save_table(table, self._root / table.name)
        write_atomically(self._pointer, table.name.encode())

    def has_latest(self) -> bool:
        """Whether there is a table."""
        return self._pointer.exists()

    def latest(self) -> SweepTable:
        """The table that was kept last."""
        return load_table(self._root / self._pointer.read_text(encoding="utf-8"))

    def table(self, name: str) -> SweepTable:
        """The table of a sweep.

        Raises:
            UserError: there is none of this name.
        """
        folder = self._root / name
        if not (folder / _META).exists():
            known = sorted(path.parent.name for path in self._root.glob(f"*/{_META}"))
            raise UserError(
                f"There is no finished sweep {name} in {self._root}",
                f"Run it first. Those that are there: {', '.join(known) or 'none'}.",
            )
        return load_table(folder)


def save_table(table: SweepTable, folder: Path) -> None:
    """Write a table in place of an older one."""
    meta = {
        "name": table.name,
        "sampler": table.sampler,
        "space": table.space.model_dump(mode="json"),
        "objectives": [vars(objective) for objective in table.objectives],
        "notes": list(table.notes),
    }
    # As JSON: a column of choices may hold truth values, numbers and text beside one another.
    rows = {
        str(number): {name: _plain(value) for name, value in row.items() if not pd.isna(value)}
        for number, row in zip(
            table.parameters.index, table.parameters.to_dict("records"), strict=True
        )
    }
    remove_partials(folder.parent)
    with atomic_folder(folder, marker=_META) as partial:
        (partial / _META).write_text(json.dumps(meta, indent=1))
        (partial / _PARAMETERS).write_text(json.dumps(rows))
        table.outcomes.to_parquet(partial / _OUTCOMES)
        table.replicates.to_parquet(partial / _REPLICATES)


def load_table(folder: Path) -> SweepTable:
    """Read what `save_table` wrote."""
    meta = json.loads((folder / _META).read_text())
    rows = json.loads((folder / _PARAMETERS).read_text())
    space = Space.model_validate(meta["space"])
    outcomes, replicates = (pd.read_parquet(folder / name) for name in (_OUTCOMES, _REPLICATES))
    return SweepTable(
        name=meta["name"],
        space=space,
        sampler=meta["sampler"],
        objectives=tuple(Objective(**objective) for objective in meta["objectives"]),
        parameters=typed_parameters(space, {int(number): row for number, row in rows.items()}),
        outcomes=outcomes.assign(state=outcomes["state"].map(stored_state)),
        replicates=replicates.assign(state=replicates["state"].map(stored_state)),
        notes=tuple(meta["notes"]),
    )


def _plain(value: object) -> object:
    """A number of numpy's as Python's."""
    return value.item() if hasattr(value, "item") else value
