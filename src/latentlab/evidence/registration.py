"""The registration: what was to decide the verdicts, written down before training, and every look.

An append-only chain. Each entry names the digest of the one before it, so that none can be edited,
taken out or put in later without a break that `Record.broken` finds. The file is YAML that reads
well in a diff and can be committed; `standing` says what a verdict may be called under it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml
from pydantic import AwareDatetime, Field

from latentlab.core.errors import UserError
from latentlab.core.model import StrictModel
from latentlab.core.validation import validate
from latentlab.evidence.hypotheses import Hypotheses

_SEPARATOR = "---\n"
_WORDS = ("question", "margin_rationale")
"""What of a claim is for readers and decides nothing."""


class ClaimStatement(StrictModel):
    """All that decides how a claim is judged.

    Args:
        claim: its own fields, without those at their defaults.
        family: name, level, correction and status of its family, and the claims in it.
    """

    claim: dict[str, Any]
    family: dict[str, Any]


class Declared(StrictModel):
    """All that decides the verdicts of a study on one subject.

    Args:
        subject: what the registration is about: the data set.
        fingerprint: digest of the prepared data.
        precision: arithmetic of the training steps.
        versions: of the study's formulas, the trainer and the measurements.
        seeds: the seeds that every arm is trained with, all of them or up to a declared look.
        stopping: the looks that are declared, if any.
        arms: arm -> its resolved configuration.
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
    def from_text(cls, text: str, source: str) -> Record:
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
        except yaml.YAMLError as error:
            raise UserError(f"{source} is damaged", remedy) from error
        if not documents:
            raise UserError(f"{source} is damaged: it holds nothing", remedy)
        read = [
            validate(_AnyEntry, {"entry": document}, f"{source} is damaged", remedy).entry
            for document in documents
        ]
        return cls(tuple(read))

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

    def attempts(self, subject: str, claim: str) -> list[str]:
        """Verdicts on what a claim asks, under the registrations before the one that holds.

        The last verdict under each counts. A claim of another name that asks the same is the same.
        """
        now = self.registered(subject)
        if now is None or claim not in now.declared.claims:
            return []
        asked = meaning(now.declared.claims[claim])
        found = []
        for entry in self.entries:
            if not isinstance(entry, Registered) or entry.declared.subject != subject:
                continue
            if entry is now:
                break
            same = [n for n, c in entry.declared.claims.items() if meaning(c) == asked]
            seen = [
                look.verdicts[name]
                for look in self.looks(digest_of(entry))
                for name in same
                if look.verdicts.get(name) in {"supported", "refuted", "inconclusive"}
            ]
            found += seen[-1:]
        return found

    def begun(self) -> frozenset[str]:
        """Ids of the trials that began under this record."""
        return frozenset(t for e in self.entries if isinstance(e, Begun) for t in e.trials)


def digest_of(entry: Entry) -> str:
    """Digest of an entry and, through it, of all before it: 64 hexadecimal digits."""
    text = json.dumps(entry.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def statements(hypotheses: Hypotheses) -> dict[str, ClaimStatement]:
    """How each claim is judged: what it states, its family, and the family's other claims."""
    return {
        name: ClaimStatement(
            claim={"kind": claim.kind, **claim.model_dump(mode="json", exclude_defaults=True)},
            family={
                "name": claim.family,
                **hypotheses.family_of(name).model_dump(mode="json"),
                "claims": sorted(
                    n for n, c in hypotheses.hypotheses.items() if c.family == claim.family
                ),
            },
        )
        for name, claim in hypotheses.hypotheses.items()
    }


def meaning(statement: ClaimStatement) -> str:
    """What a claim asks: kind, metric, arms, boundary; not how it is tested or corrected."""
    how = {*_WORDS, "family", "test", "min_seeds", "missing", "pairing", "varies"}
    asked = {key: value for key, value in statement.claim.items() if key not in how}
    return json.dumps(asked, sort_keys=True)
