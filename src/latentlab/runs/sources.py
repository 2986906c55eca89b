"""Where runs that exist already are read from: every kind of source, and who reads it."""

from __future__ import annotations

from latentlab.core.errors import UserError
from latentlab.runs.importers import csv, hydra, mlflow, optuna, parquet, records, wandb
from latentlab.runs.importers.importer import Asked, Found, Importer
from latentlab.runs.setting_names import setting

IMPORTERS: tuple[Importer, ...] = (
    mlflow.IMPORTER,
    optuna.IMPORTER,
    wandb.IMPORTER,
    hydra.IMPORTER,
    parquet.IMPORTER,
    records.IMPORTER,
    # Whatever nobody else knows is a table.
    csv.IMPORTER,
)
"""In the order in which they are asked whether a source is theirs."""

_SPREADSHEETS = (".xlsx", ".xls", ".ods")
_OPTIONAL = ("study", "seed", "state", "table", "value", "scores")
_OF_ONE_USE = ("parameters", "epochs", "seconds", "started")


def open_source(source: str, asked: Asked) -> Found:
    """Return what is in a source of runs, whichever kind it is of.

    Raises:
        UserError: it cannot be read, or a setting has no meaning for it.
    """
    path = asked.root / source
    if path.suffix.lower() in _SPREADSHEETS:
        raise UserError(f"{source} is a spreadsheet", "Save its table as CSV")
    for importer in IMPORTERS[:-1] if path.is_dir() else IMPORTERS:
        place = importer.place_of(source, path)
        if place is not None:
            _refuse_unused(importer, source, asked)
            return importer.found(place, asked)
    remedy = "Give a folder wandb, Hydra's multirun, or a file"
    if any(path.glob("*/meta.yaml")):
        remedy = f"It is a store of MLflow: give mlflow:{source}#<experiment>"
    raise UserError(f"{source} is a folder without runs of W&B or Hydra", remedy)


def _refuse_unused(importer: Importer, source: str, asked: Asked) -> None:
    """Name every setting that was given and has no meaning for a source.

    Raises:
        UserError: some were.
    """
    said = {name: getattr(asked.said, name) for name in _OPTIONAL}
    said |= {name: getattr(asked, name) for name in _OF_ONE_USE}
    given = [
        setting(name, block=asked.block)
        for name, value in said.items()
        if value is not None and name not in importer.uses
    ]
    if given:
        remedy = f"Leave {'it' if len(given) == 1 else 'them'} out"
        if importer is optuna.IMPORTER:
            remedy += ", or give study.trials_dataframe() as CSV"
        raise UserError(f"{source}: {', '.join(given)} cannot be used of {importer.called}", remedy)
    if asked.said.value is not None and asked.metrics is None:
        metric = "objective" if asked.block == "analysis" else "metric"
        raise UserError(
            f"{source}: {setting('value', block=asked.block)} is said, and of no metric",
            f"Name it too: {setting(metric, 'accuracy', asked.block)}, for example",
        )
