"""What the stages of a study wrote, and from what: a damaged file is seen, and so is a mixture.

```
<store>/outputs.json
    {"scores": {"files": {"scores.parquet": <sha256>},
                "content": <what tells it from other scores>,
                "inputs": {"trials": <content of the trials they were made from>, ..},
                "settings": <digest of what the run was started with>, "at": <time>}, ..}
<store>/settings.json
    {<digest>: {"env": "smoke", "params": {..}, "declared": {"toy.training.epochs": 2, ..}}, ..}
```

A file that is not in the record, of an earlier version say, is taken as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from latentlab.core.databases import shown
from latentlab.core.files import write_atomically
from latentlab.core.model import StrictModel


class Output(StrictModel):
    """A dataset as it was written last.

    Args:
        files: sha256 by path, relative to the folder that the dataset lies in.
        content: differs where the dataset does.
        inputs: content of the datasets that it was made from, by name.
        settings: digest of those of the run that wrote it; empty in an earlier version's record.
        at: when; none there.
    """

    files: dict[str, str]
    content: str
    inputs: dict[str, str]
    settings: str = ""
    at: datetime | None = None


class RunSettings(StrictModel):
    """With what a run was started.

    Args:
        env: its environment.
        params: what its --params said.
        declared: what conf/ and they come to, by dotted key; what decides no table is left out.
    """

    env: str
    params: dict[str, Any]
    declared: dict[str, Any]

    def differing(self, other: RunSettings) -> list[str]:
        """Return the keys that are declared otherwise there."""
        keys = sorted(self.declared.keys() | other.declared.keys())
        return [key for key in keys if self.declared.get(key) != other.declared.get(key)]


def run_settings(
    study: str, catalog: Any, env: str | None, params: dict[str, Any] | None
) -> RunSettings:
    """Return what a run of a study is started with.

    Args:
        study: its name.
        catalog: with the parameters as they are for this run.
        env: as the command has it; none: base.
        params: those of the command.
    """
    from latentlab.evidence.configurations import flatten

    declaration, compute = (catalog.load(f"params:{name}") for name in (study, "compute"))
    decided = {
        **{key: one for key, one in declaration.resolved().items() if key != "champion"},
        "hypotheses": declaration.hypotheses.model_dump(mode="json"),
    }
    declared = flatten({study: decided, "compute": {"precision": compute.precision}})
    settings = RunSettings(env=env or "base", params=shown(params or {}), declared=declared)
    # As it is once it was written: what is a tuple now is a list then.
    return RunSettings.model_validate_json(settings.model_dump_json())


_RECORD = TypeAdapter(dict[str, Output])
_SETTINGS = TypeAdapter(dict[str, RunSettings])


class Outputs:
    """The record of a study.

    Args:
        folder: where its files are, which need not exist; what cannot be read counts as none.
        settings: of the run that is to be recorded; none where nothing is.
    """

    def __init__(self, folder: Path, settings: RunSettings | None = None) -> None:
        self._path, self._settings_path = folder / "outputs.json", folder / "settings.json"
        self._known: dict[str, Output] = _read(self._path, _RECORD)
        self._settings: dict[str, RunSettings] = _read(self._settings_path, _SETTINGS)
        self._present = ""
        if settings is not None:
            self._present = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16]
            self._settings[self._present] = settings

    def record(
        self, name: str, files: Iterable[Path], folder: Path, content: str, inputs: Iterable[str]
    ) -> None:
        """Note that a dataset was written.

        Args:
            name: of the dataset.
            files: all of it.
            folder: where they lie.
            content: what tells it from another one; empty for the digest of its files.
            inputs: names of the datasets that it was made from.

        Raises:
            UserError: the record cannot be written.
        """
        digests = {path.relative_to(folder).as_posix(): _digest(path) for path in sorted(files)}
        self._known[name] = Output(
            files=digests,
            content=content or hashlib.sha256(json.dumps(digests).encode()).hexdigest(),
            inputs={i: self._known[i].content for i in inputs if i in self._known},
            settings=self._present,
            at=datetime.now(UTC),
        )
        used = {output.settings for output in self._known.values()}
        self._settings = {key: one for key, one in self._settings.items() if key in used}
        write_atomically(self._settings_path, _SETTINGS.dump_json(self._settings, indent=1))
        write_atomically(self._path, _RECORD.dump_json(self._known, indent=1))

    def damaged(self, name: str, folder: Path) -> list[Path]:
        """Return the files of a dataset that are there and not as they were written."""
        known = self._known[name].files if name in self._known else {}
        paths = {folder / path: digest for path, digest in known.items()}
        return [path for path, digest in paths.items() if path.exists() and _digest(path) != digest]

    def made(self, name: str) -> tuple[RunSettings, datetime] | None:
        """Return with which settings and when a dataset was written; none where that is unknown."""
        output = self._known.get(name)
        if output is None or output.at is None:
            return None
        settings = self._settings.get(output.settings)
        return None if settings is None else (settings, output.at)

    def mixed(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return datasets and the one among them that each was not made from, but an older one."""
        known = {name: self._known[name] for name in names if name in self._known}
        return [
            (name, other)
            for name, output in known.items()
            for other, content in output.inputs.items()
            if other in known and known[other].content != content
        ]


def _read(path: Path, kind: TypeAdapter[Any]) -> Any:
    try:
        return kind.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}


def _digest(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
