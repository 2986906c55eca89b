"""What the stages of a study wrote, and from what: a damaged file is seen, and so is a mixture.

```
<store>/outputs.json
    {"scores": {"files": {"scores.parquet": <sha256>},
                "content": <what tells it from other scores>,
                "inputs": {"trials": <content of the trials they were made from>, ..}}, ..}
```

A file that is not in the record, of an earlier version say, is taken as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from latentlab.core.files import write_atomically
from latentlab.core.model import StrictModel


class Output(StrictModel):
    """A dataset as it was written last.

    Args:
        files: sha256 by path, relative to the folder that the dataset lies in.
        content: differs where the dataset does.
        inputs: content of the datasets that it was made from, by name.
    """

    files: dict[str, str]
    content: str
    inputs: dict[str, str]


_RECORD = TypeAdapter(dict[str, Output])


class Outputs:
    """The record of a study.

    Args:
        path: its file, which need not exist; what cannot be read counts as none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._known = _RECORD.validate_json(path.read_bytes())
        except (OSError, ValidationError):
            self._known = {}

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
        )
        write_atomically(self._path, _RECORD.dump_json(self._known, indent=1))

    def damaged(self, name: str, folder: Path) -> list[Path]:
        """Return the files of a dataset that are there and not as they were written."""
        known = self._known[name].files if name in self._known else {}
        paths = {folder / path: digest for path, digest in known.items()}
        return [path for path, digest in paths.items() if path.exists() and _digest(path) != digest]

    def mixed(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return datasets and the one among them that each was not made from, but an older one."""
        known = {name: self._known[name] for name in names if name in self._known}
        return [
            (name, other)
            for name, output in known.items()
            for other, content in output.inputs.items()
            if other in known and known[other].content != content
        ]


def _digest(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
