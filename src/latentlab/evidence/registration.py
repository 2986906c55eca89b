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
from latentlab.metrics.metric import Metric

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

        The last verdict under each counts. A claim of another name that asks the same is the same,
        and so is one whose arms have other names.
        """
        return [verdict for _, verdict, same in self._earlier(subject, claim) if same]

    def asked_otherwise(self, subject: str, claim: str) -> list[str]:
        """Verdicts on a claim of this name that asked something else, under earlier registrations.

        They are attempts at another claim, which readers should know of.
        """
        earlier = self._earlier(subject, claim)
        return [verdict for name, verdict, same in earlier if name == claim and not same]

    def _earlier(self, subject: str, claim: str) -> list[tuple[str, str, bool]]:
        """The last verdict of each claim under each earlier registration, and if it asks the same.

        Of claims that ask the same, one for each registration.
        """
        now = self.registered(subject)
        if now is None or claim not in now.declared.claims:
            return []
        asked = meanings(now.declared, claim)
        found = []
        for entry in self.entries:
            if not isinstance(entry, Registered) or entry.declared.subject != subject:
                continue
            if entry is now:
                break
            seen = {
                name: (name, verdict, bool(asked & meanings(entry.declared, name)))
                for look in self.looks(digest_of(entry))
                for name, verdict in look.verdicts.items()
                if verdict in {"supported", "refuted", "inconclusive"}
                and name in entry.declared.claims
            }
            found += [one for one in seen.values() if not one[2]]
            found += [one for one in seen.values() if one[2]][-1:]
        return found

    def begun(self) -> frozenset[str]:
        """Ids of the trials that began under this record."""
        return frozenset(t for e in self.entries if isinstance(e, Begun) for t in e.trials)


def digest_of(entry: Entry) -> str:
    """Digest of an entry and, through it, of all before it: 64 hexadecimal digits."""
    text = json.dumps(entry.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def statements(
    hypotheses: Hypotheses, metrics: Mapping[str, Metric], grouping: str = ""
) -> dict[str, ClaimStatement]:
    """How each claim is judged: what it states, its family, and the family's other claims.

    The scale that its metric declares is a part of what it states, where it is not linear; and
    which examples belong together, where it is to hold for others.

    Args:
        hypotheses: the claims.
        metrics: name -> metric.
        grouping: digest of the groups of examples; empty where there are none.
    """
    scales = {name: claim.scale(metrics) for name, claim in hypotheses.hypotheses.items()}
    return {
        name: ClaimStatement(
            claim={
                "kind": claim.kind,
                **claim.model_dump(mode="json", exclude_defaults=True),
                **({} if scales[name] == "linear" else {"scale": scales[name]}),
                **({"groups": grouping} if grouping and "examples" in claim.population else {}),
            },
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


def deciding(statement: ClaimStatement) -> dict[str, Any]:
    """What of a claim decides its verdict: no words for readers, no tests reported beside."""
    claim = {key: value for key, value in statement.claim.items() if key not in _WORDS}
    if isinstance(claim.get("test"), dict):
        claim["test"] = {k: v for k, v in claim["test"].items() if k != "sensitivity"}
    return claim


def meanings(declared: Declared, name: str) -> frozenset[str]:
    """What a claim asks: kind, metric, scale, arms, boundary; not how it is tested or corrected.

    Its arms are said twice, by their names and by their configurations: claims ask the same if they
    share either.
    """
    statement = declared.claims[name]
    how = {*_WORDS, "family", "test", "min_seeds", "missing", "pairing", "varies", "search"}
    how |= {"generalises_to", "groups"}
    asked = {key: value for key, value in statement.claim.items() if key not in how}
    return frozenset(
        json.dumps(one, sort_keys=True) for one in (asked, _with_configurations(asked, declared))
    )


def _with_configurations(asked: Any, declared: Declared) -> Any:
    """Return what a claim asks with its arms' configurations in the place of their names."""
    if isinstance(asked, Mapping):
        keyed = {
            json.dumps(declared.arms[key], sort_keys=True) if key in declared.arms else key: value
            for key, value in asked.items()
        }
        return {key: _with_configurations(value, declared) for key, value in keyed.items()}
    if isinstance(asked, list):
        return [_with_configurations(one, declared) for one in asked]
    return declared.arms.get(asked, asked) if isinstance(asked, str) else asked
