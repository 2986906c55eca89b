"""The registration: what was to decide the verdicts, written down before training, and every look.

An append-only chain. Each entry names the digest of the one before it, so that none can be edited,
taken out of the middle or put in later without a break that `Record.broken` finds; that the newest
ones are all there a copy elsewhere proves, as in git. The file is YAML that reads well in a diff
and can be committed; `standing` says what a verdict may be called under it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd
import yaml
from pydantic import AwareDatetime, Field

from latentlab.core.errors import UserError
from latentlab.core.files import write_atomically
from latentlab.core.model import StrictModel
from latentlab.core.provenance import git_state
from latentlab.core.validation import validate
from latentlab.evidence.statements import ClaimStatement

JUDGED = frozenset({"supported", "refuted", "inconclusive"})
"""Verdicts that say something; of others nothing was seen."""
_SEPARATOR = "---\n"


class Declared(StrictModel):
    """All that decides the verdicts of a study on one subject.

    Args:
        subject: what the registration is about: the data set.
        fingerprint: digest of the prepared data.
        precision: arithmetic of the training steps.
        versions: of the study's formulas, the trainer and the measurements.
        seeds: the seeds that every arm is trained with, all of them or up to a declared look.
        stopping: the looks that are declared, if any.
        arms: arm -> its resolved configuration; empty where it is found later, as that of the
            winner of a sweep.
        claims: hypothesis -> how it is judged.
    """

    subject: str
    fingerprint: str
    precision: str
    versions: dict[str, int]
    seeds: list[int]
    stopping: dict[str, Any] | None = None
    arms: dict[str, dict[str, Any]]
    claims: dict[str, ClaimStatement]


class Entry(StrictModel):
    """One entry of the chain.

    Args:
        at: when it was written, by the clock of the machine.
        previous: digest of the entry before; empty for the first.
        git: the commit, and whether the tree was clean; `unknown` outside a repository.
    """

    at: AwareDatetime
    previous: str
    git: str


class Registered(Entry):
    """What is to decide the verdicts from here on; `reason` says why it was amended."""

    kind: Literal["registered"] = "registered"
    reason: str = ""
    declared: Declared


class Begun(Entry):
    """Trials whose training began now, by id."""

    kind: Literal["begun"] = "begun"
    trials: list[str]


class Look(Entry):
    """Verdicts that were computed, and on what.

    Args:
        under: digest of the registration that held.
        scores: digest of the scores.
        weights: digest of the weights that were scored.
        seeds: the seeds that were seen.
        verdicts: hypothesis -> verdict.
    """

    kind: Literal["look"] = "look"
    under: str
    scores: str
    weights: str
    seeds: list[int]
    verdicts: dict[str, str]


class _AnyEntry(StrictModel):
    entry: Registered | Begun | Look = Field(discriminator="kind")


@dataclass(frozen=True)
class Record:
    """The chain as it was read or made.

    Attributes:
        entries: in the order of writing.
        earlier: hypothesis -> time, from the record of an earlier edition, which named neither
            seeds nor data nor arms.
    """

    entries: tuple[Registered | Begun | Look, ...] = ()
    earlier: Mapping[str, AwareDatetime] = field(default_factory=dict)

    @classmethod
    def from_text(cls, text: str, source: str) -> Self:
        """Read what `to_text` wrote.

        Raises:
            UserError: the text is something else.
        """
        remedy = (
            "Restore it, from version control for example, or move it away: the study is then "
            "registered anew, and what was trained before is exploratory."
        )
        try:
            documents = [d for d in yaml.safe_load_all(text) if d is not None]
        # A date that is none, or a number of thousands of digits, is a ValueError.
        except (yaml.YAMLError, ValueError) as error:
            raise UserError(f"{source} is damaged", remedy) from error
        if not documents:
            raise UserError(f"{source} is damaged: it holds nothing", remedy)
        read = [
            validate(_AnyEntry, {"entry": document}, f"{source} is damaged", remedy).entry
            for document in documents
        ]
        return cls(tuple(read))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `append` wrote; empty where there is none.

        Raises:
            UserError: the file is damaged.
        """
        if not path.exists():
            return cls()
        return cls.from_text(path.read_text("utf-8", errors="replace"), str(path))

    def append(self, entry: Registered | Begun | Look, path: Path) -> Self:
        """Write the chain with one more entry to its file (`UserError` where it cannot be)."""
        longer = replace(self, entries=(*self.entries, entry))
        write_atomically(path, longer.to_text().encode())
        return longer

    def next_at(self, at: datetime) -> dict[str, Any]:
        """What the next entry says of itself: its time, the entry before, the commit."""
        return {"at": at, "previous": self.head(), "git": git_state()}

    def to_text(self) -> str:
        """The chain as YAML, a document an entry."""
        return "".join(
            _SEPARATOR
            + yaml.safe_dump(
                entry.model_dump(mode="json"), sort_keys=False, default_flow_style=None, width=100
            )
            for entry in self.entries
        )

    def head(self) -> str:
        """Digest of the last entry; empty for an empty record."""
        return digest_of(self.entries[-1]) if self.entries else ""

    def broken(self) -> str:
        """Say where the chain does not hold; empty where it does."""
        previous, time = "", None
        for number, entry in enumerate(self.entries):
            if entry.previous != previous:
                return f"entry {number} of the registration was edited, or entries were left out"
            if time is not None and entry.at < time:
                return f"entry {number + 1} of the registration is older than the one before it"
            previous, time = digest_of(entry), entry.at
        return ""

    def registered(self, subject: str) -> Registered | None:
        """The registration that holds for a subject: the last one."""
        found = [
            entry
            for entry in self.entries
            if isinstance(entry, Registered) and entry.declared.subject == subject
        ]
        return found[-1] if found else None

    def looks(self, under: str) -> list[Look]:
        """The looks under the registration of this digest."""
        return [e for e in self.entries if isinstance(e, Look) and e.under == under]

    def begun(self) -> frozenset[str]:
        """Ids of the trials that began under this record."""
        return frozenset(t for e in self.entries if isinstance(e, Begun) for t in e.trials)

    def before(self, entry: Registered) -> Record:
        """What was written before one of the entries."""
        return replace(self, entries=self.entries[: self.entries.index(entry)])

    def seeds_seen(self, subject: str) -> frozenset[int]:
        """The seeds on which verdicts about a subject were computed."""
        registered = (e for e in self.entries if isinstance(e, Registered))
        under = {digest_of(e) for e in registered if e.declared.subject == subject}
        looks = (e for e in self.entries if isinstance(e, Look) and e.under in under)
        return frozenset(seed for look in looks for seed in look.seeds)


def digest_of(entry: Entry) -> str:
    """Digest of an entry and, through it, of all before it: 64 hexadecimal digits."""
    text = json.dumps(entry.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def rows_digest(table: pd.DataFrame) -> str:
    """Digest of a table's rows in any order."""
    rows = sorted(json.dumps(row) for row in table.astype(object).to_numpy().tolist())
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
