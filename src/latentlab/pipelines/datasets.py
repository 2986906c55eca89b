"""What the catalog stores in forms of its own: prepared data, trials, arrays, reports."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import ImagePreview
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.core.files import atomic_file, write_atomically
from latentlab.data import Prepared, load_prepared
from latentlab.data.packing import CARD, PREVIEW, latest_folder, save_latest

if TYPE_CHECKING:
    import pandas as pd

    from latentlab.experiment.programs.source import ProgramSource
    from latentlab.reporting.document import Document
    from latentlab.search.archive import SweepArchive
    from latentlab.search.report.composition import SweepReport
    from latentlab.search.table import SweepTable
    from latentlab.training.store import TrialStore


class _PathDataset(AbstractDataset[Any, Any]):
    """A dataset in one file or folder, relative to the project."""

    collection = False
    """Whether it is a folder of things by name, of which a run writes one."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._filepath.exists()


class PreparedDataset(_PathDataset):
    """The prepared data set: memory-mapped arrays with a card and a preview, by fingerprint."""

    def load(self) -> Prepared:
        """Open the one that was prepared last."""
        return load_prepared(latest_folder(self._filepath))

    def save(self, data: Prepared) -> None:
        """Keep a data set in place of the one before."""
        save_latest(data, self._filepath)

    def preview(self) -> ImagePreview:
        """Some examples of each class, for Kedro-Viz."""
        return _image(latest_folder(self._filepath) / PREVIEW)

    def _exists(self) -> bool:
        try:
            return (latest_folder(self._filepath) / CARD).exists()
        except UserError:
            return False


class ProgramSourceDataset(_PathDataset):
    """The program of a study as it was found: where it runs, its code and its inputs."""

    def load(self) -> ProgramSource:
        """The program."""
        from latentlab.experiment.programs.source import ProgramSource

        return ProgramSource.model_validate_json(self._filepath.read_bytes())

    def save(self, data: ProgramSource) -> None:
        """Replace the file in one step."""
        write_atomically(self._filepath, data.model_dump_json(indent=1).encode())


class TrialStoreDataset(_PathDataset):
    """The trained trials of a study; the trainer itself writes them."""

    def load(self) -> TrialStore:
        """The store, which need not exist yet."""
        from latentlab.training.store import TrialStore

        return TrialStore(self._filepath)

    def save(self, data: object) -> None:
        """Refuse: a store is an input.

        Raises:
            DatasetError: always.
        """
        raise DatasetError("Trials are written by the trainer, one by one as they finish.")

    def _exists(self) -> bool:
        return True


class SweepPlansDataset(_PathDataset):
    """How the sweeps of a study are declared: one JSON file each, by name."""

    collection = True

    def load(self) -> dict[str, dict[str, Any]]:
        """All plans by name of the sweep."""
        return {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(self._filepath.glob("*.json"))
        }

    def save(self, data: dict[str, Any]) -> None:
        """Keep a plan in place of an older one of its name."""
        text = json.dumps(data, indent=1)
        write_atomically(self._filepath / f"{data['name']}.json", text.encode())


class SweepTableDataset(_PathDataset):
    """The tables of a study's finished sweeps, by name; the latest is what is loaded."""

    collection = True

    def load(self) -> SweepTable:
        """The table that was saved last."""
        return self._archive().latest()

    def save(self, data: SweepTable) -> None:
        """Keep a table in place of an older one of its name."""
        self._archive().keep(data)

    def _exists(self) -> bool:
        return self._archive().has_latest()

    def _archive(self) -> SweepArchive:
        from latentlab.search.archive import SweepArchive

        return SweepArchive(self._filepath)


class SweepArchiveDataset(_PathDataset):
    """All finished sweeps of a study, by name."""

    def load(self) -> SweepArchive:
        """The archive, which need not exist yet."""
        from latentlab.search.archive import SweepArchive

        return SweepArchive(self._filepath)

    def save(self, data: object) -> None:
        """Refuse: an archive is an input.

        Raises:
            DatasetError: always.
        """
        raise DatasetError("Sweeps are kept one by one, as they finish.")

    def _exists(self) -> bool:
        return True


class SweepReportDataset(_PathDataset):
    """Reports of sweeps, a folder each, and beside them the sweeps that they propose."""

    collection = True

    def load(self) -> dict[str, str]:
        """All reports as Markdown, by name of the sweep."""
        found = sorted(self._filepath.glob("*/report.md"))
        return {path.parent.name: path.read_text(encoding="utf-8") for path in found}

    def save(self, data: SweepReport) -> None:
        """Write a report in place of an older one of its name."""
        from latentlab.reporting.document import write_document

        write_document(self._filepath / data.folder, data.document())
        for proposed in (one for one in data.next_sweeps if one.text):
            write_atomically(self._filepath / f"{proposed.name}.yml", proposed.text.encode())


class DocumentDataset(_PathDataset):
    """A report: one self-contained folder with `index.html`, `report.md` and its files."""

    def load(self) -> str:
        """The report as Markdown."""
        return (self._filepath / "report.md").read_text(encoding="utf-8")

    def save(self, data: Document) -> None:
        """Write the report in place of the old one."""
        from latentlab.reporting.document import write_document

        write_document(self._filepath, data)


class ProblemScoresDataset(_PathDataset):
    """Scores of a study by data set: a run keeps its own beside those of the others."""

    collection = True

    def load(self) -> dict[str, pd.DataFrame]:
        """All tables by data set."""
        import pandas as pd

        return {
            path.stem: pd.read_parquet(path) for path in sorted(self._filepath.glob("*.parquet"))
        }

    def save(self, data: pd.DataFrame) -> None:
        """Keep a table in place of an older one of its data set."""
        with atomic_file(self._filepath / f"{data['dataset'].iloc[0]}.parquet") as file:
            data.to_parquet(file)


class ArraysDataset(_PathDataset):
    """Named arrays in one .npz file."""

    def load(self) -> dict[str, NDArray[Any]]:
        """All arrays by name."""
        with np.load(self._filepath, allow_pickle=False) as arrays:
            return dict(arrays)

    def save(self, data: dict[str, NDArray[Any]]) -> None:
        """Replace the file in one step."""
        with atomic_file(self._filepath) as file:
            np.savez(file, allow_pickle=False, **data)


def _image(path: Path) -> ImagePreview:
    return ImagePreview(base64.b64encode(path.read_bytes()).decode())
