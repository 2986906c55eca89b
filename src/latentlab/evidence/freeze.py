"""Freezing hypotheses before the data: what was declared, and since when."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import AwareDatetime

from latentlab.core.errors import UserError
from latentlab.core.model import StrictModel
from latentlab.core.validation import validate
from latentlab.evidence.claims.base import Claim
from latentlab.evidence.claims.defaults import Defaults
from latentlab.evidence.hypotheses import Family, Hypotheses

# Defaults that an entry of the record counts with the file, not with the claim.
_SHARED = ("min_seeds", "pairing", "missing")


class FrozenHypothesis(StrictModel):
    """What one hypothesis said, and since when it has said so.

    Args:
        digest: sha256 of the declaration, 64 hexadecimal digits.
        frozen_at: the time of freezing, with a time zone.
        family: the family that it is corrected with.
        removed_at: since when it is no longer declared.
    """

    digest: str
    frozen_at: AwareDatetime
    family: str
    removed_at: AwareDatetime | None = None


class Freeze(StrictModel):
    """The record of a study's frozen hypotheses, kept beside them."""

    hypotheses: dict[str, FrozenHypothesis]

    def to_json(self) -> str:
        """The record as text, in an order that gives small differences in version control.

        With a digest of its own: a time that was changed would make other verdicts confirmatory.
        """
        content = {**self.model_dump(mode="json"), "digest": self._digest()}
        return json.dumps(content, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str = "the freeze record") -> Freeze:
        """Read what `to_json` wrote.

        Raises:
            UserError: when the text is something else.
        """
        remedy = (
            "Restore it, or delete it: hypotheses are then frozen anew, and trials that were "
            "trained before make their verdicts exploratory."
        )
        try:
            content = json.loads(text)
        except ValueError as error:
            raise UserError(f"{source} is damaged", remedy) from error
        # Records of the first edition have none.
        known = content.pop("digest", None) if isinstance(content, dict) else None
        record = validate(cls, content, f"{source} is damaged", remedy)
        if known not in (None, record._digest()):
            raise UserError(f"{source} is damaged (its digest differs)", remedy)
        return record

    def _digest(self) -> str:
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def digest(hypothesis: Claim, family: Family, defaults: Defaults) -> str:
    """Return the sha256 of all that decides how a hypothesis is judged, as canonical JSON.

    A claim that spells a default out has the digest of one that inherits it.

    Args:
        hypothesis: the declaration.
        family: its family.
        defaults: the defaults of its file.

    Returns:
        64 hexadecimal digits, the same on every machine and for every order of keys.
    """
    shared = defaults.model_dump(mode="json", include=set(_SHARED))
    contents = {
        "hypothesis": _stated(hypothesis, shared),
        "family": family.model_dump(mode="json"),
        "defaults": shared,
    }
    text = json.dumps(contents, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _stated(claim: Claim, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a claim says, and with it what once was written out in every file.

    Those keys had one legal value; they stay in the digest, so that records keep their times.
    """
    stated = {
        key: None if key in shared and value == shared[key] else value
        for key, value in claim.model_dump(mode="json").items()
    }
    test: dict[str, Any] = stated.get("test") or {}
    once: dict[str, Any] = {"hold_fixed": "*", "varies": []}
    once |= {"pairing": None} if "primary" in test else {}
    return once | stated | {"test": {"primary": "permutation"} | test}


def freeze(hypotheses: Hypotheses, previous: Freeze | None, now: datetime.datetime) -> Freeze:
    """Stamp every hypothesis that is new or has changed; the others keep their time.

    A hypothesis that was taken out stays on record with the time: taking a claim out after the
    data would make the correction of its family too mild.

    Args:
        hypotheses: the declarations.
        previous: the record so far.
        now: the present time, with a time zone.

    Raises:
        UserError: when a hypothesis names a family that is not declared.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone: trials and freezes are compared in UTC")
    known = {} if previous is None else previous.hypotheses
    now = now.astimezone(datetime.UTC)
    record = {
        name: entry if entry.removed_at else entry.model_copy(update={"removed_at": now})
        for name, entry in known.items()
        if name not in hypotheses.hypotheses
    }
    for name, hypothesis in hypotheses.hypotheses.items():
        current = digest(hypothesis, hypotheses.family_of(name), hypotheses.defaults)
        old = known.get(name)
        unchanged = old is not None and old.digest == current and old.removed_at is None
        record[name] = (
            old
            if old is not None and unchanged
            else FrozenHypothesis(
                digest=current,
                frozen_at=now,
                family=hypothesis.family,
            )
        )
    return Freeze(hypotheses=record)


def why_exploratory(
    hypotheses: Hypotheses,
    name: str,
    started: Iterable[datetime.datetime | None],
    record: Freeze | None,
) -> str | None:
    """Say why the verdict on a hypothesis cannot be confirmatory, or None where it can.

    Args:
        hypotheses: the declarations.
        name: the hypothesis.
        started: when each trial that the verdict uses was started, None where unknown.
        record: what was frozen.

    Returns:
        A clause that continues "exploratory because", or None.
    """
    family = hypotheses.family_of(name)
    if family.status == "exploratory":
        return f"its family {hypotheses.hypotheses[name].family} is declared so"
    frozen = None if record is None else record.hypotheses.get(name)
    if frozen is None:
        return "the hypothesis was not frozen before its trials"
    if frozen.digest != digest(hypotheses.hypotheses[name], family, hypotheses.defaults):
        return "the hypothesis changed after it was frozen"
    times = list(started)
    earliest = min((time for time in times if time is not None), default=None)
    if earliest is None or None in times:
        return "not every trial says when it was started"
    if earliest <= frozen.frozen_at:
        return "some of its trials started before the hypothesis was frozen"
    assert record is not None
    for other, entry in record.hypotheses.items():
        same = entry.family == hypotheses.hypotheses[name].family
        if same and entry.removed_at is not None and earliest <= entry.removed_at:
            return f"{other} was taken out of its family after some of its trials had started"
    return None


def confirming_command(study: str, last_seed: int) -> str:
    """Return the command that repeats a study on seeds that no verdict has seen.

    Example:
        >>> confirming_command("derp_vae", 9)
        'kedro run --pipelines derp_vae --params derp_vae.seeds.first=10'
    """
    return f"kedro run --pipelines {study} --params {study}.seeds.first={last_seed + 1}"
