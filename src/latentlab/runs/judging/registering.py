"""Claims about runs of any origin, registered before the runs: a chain beside their file.

It is the chain of a study's registration. Of runs that are trained elsewhere neither arms nor data
nor seeds are known beforehand: what is registered is what each claim states and how it is tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from latentlab.core.errors import UserError, together
from latentlab.evidence.claims.base import Claim
from latentlab.evidence.departures import departures
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.registration import (
    Declared,
    Look,
    Record,
    Registered,
    digest_of,
    rows_digest,
)
from latentlab.evidence.standing import (
    JudgeStanding,
    Standing,
    standing_under,
    unregistered,
)
from latentlab.evidence.statements import statements
from latentlab.metrics.metric import Metric
from latentlab.reporting.formatting import plural
from latentlab.runs.judging.claims import read_claims
from latentlab.runs.metric_names import better_of

_SUBJECT = "runs"
_JUDGED = ["arm", "seed", "split", "metric", "value"]


def record_path(claims: Path) -> Path:
    """Where the registration of a file of claims is kept.

    >>> record_path(Path("claims.yml")).name
    'claims.registration.yml'
    """
    return claims.with_name(f"{claims.stem}.registration.yml")


@dataclass(frozen=True)
class RegisteredClaims:
    """What is registered of a file of claims.

    Attributes:
        record: the file of the registration.
        entry: digest of the entry that holds.
        at: when that was written.
        is_new: whether it was written now.
        claims: their names.
        exploratory: families whose verdicts stay exploratory, since they are declared so.
    """

    record: Path
    entry: str
    at: datetime
    is_new: bool
    claims: Sequence[str]
    exploratory: Sequence[str]

    def lines(self) -> list[str]:
        """Say it in sentences."""
        if not self.is_new:
            return [f"{self.record} has these claims, registered at {_shown(self.at)}."]
        count = plural(len(self.claims), "claim")
        said = [f"{count} registered in {self.record}. Commit it, then start the runs."]
        if self.exploratory:
            said.append(
                f"Verdicts of the family {', '.join(self.exploratory)} stay exploratory, since it "
                "is declared so: write status: confirmatory and register it anew."
            )
        return said


def register_claims(
    claims: Path, amendment: str, ratios: Sequence[str], at: datetime
) -> RegisteredClaims:
    """Write down what the claims state, where it is not written yet.

    Args:
        claims: their file.
        amendment: why they change; empty where they are registered first, or stay.
        ratios: metrics that will be compared by ratios.
        at: the present time, with a time zone.

    Raises:
        UserError: a mistake in the claims, one that does not say which way its metric is better, a
            damaged record, or claims that were registered otherwise and no word of why.
    """
    hypotheses, path = read_claims(claims), record_path(claims)
    _refuse_undirected(claims, hypotheses)
    metrics = {name: Metric(name, "none", "", name, scale="log") for name in ratios}
    now, record = _declared(hypotheses, metrics), Record.read(path)
    registered = record.registered(_SUBJECT)
    is_new = registered is None or registered.declared != now
    if registered is not None and is_new and not amendment:
        raise UserError(
            f"{claims} was registered otherwise at {_shown(registered.at)}: "
            f"{_changes(now, registered.declared)}",
            'Restore it, or register it anew for runs to come with --amendment "why".',
        )
    if is_new:
        registered = Registered(**record.next_at(at), reason=amendment, declared=now)
        record.append(registered, path)
    assert registered is not None
    families = {claim.family["name"]: claim.family["status"] for claim in now.claims.values()}
    return RegisteredClaims(
        record=path,
        entry=digest_of(registered),
        at=registered.at,
        is_new=is_new,
        claims=list(now.claims),
        exploratory=[name for name, status in families.items() if status == "exploratory"],
    )


def standing_of(
    claims: Path,
    hypotheses: Hypotheses,
    metrics: Mapping[str, Metric],
    trials: pd.DataFrame,
    scores: pd.DataFrame,
) -> JudgeStanding:
    """Return what verdicts may be called under the registration of a file of claims, if any.

    No seeds are registered, so that nothing else forbids judging again and again as runs come in:
    a verdict is confirmatory at the first look alone. Runs cannot begin after they are judged, so
    that nobody knows when those began which say so. A direction that is said of the runs alone was
    not registered.

    Args:
        claims: their file.
        hypotheses: the claims in it.
        metrics: name -> metric.
        trials: trial_id, arm, seed, started_at, config.
        scores: that are judged.

    Raises:
        UserError: the record is damaged.
    """
    record = Record.read(record_path(claims))
    registered = record.registered(_SUBJECT)
    if registered is None:
        return unregistered
    under = standing_under(record, _declared(hypotheses, metrics), trials, {})
    digest = rows_digest(scores[_JUDGED])
    now = pd.Timestamp.now("UTC")
    before = [look for look in record.looks(digest_of(registered)) if look.scores != digest]

    def standing(name: str, used: pd.DataFrame | None) -> Standing:
        found = under(name, used)
        started = pd.Series([]) if used is None else used["started_at"]
        later = int((pd.to_datetime(started, utc=True) > now).sum())
        if later and found.status != "exploratory":
            verb = "begins" if later == 1 else "begin"
            reason = f"{plural(later, 'run')} {verb} in the future"
            return replace(found, status="exploratory", reason=reason)
        claim = hypotheses.hypotheses[name]
        known = metrics.get(claim.metric.name)
        turned = known is not None and known.better != better_of(claim.metric.name)
        if found.status == "confirmatory" and _undirected(claim) and turned:
            reason = f"which way {claim.metric.name} is better was not registered"
            return replace(found, status="deviated", reason=reason)
        if found.status != "confirmatory" or not any(name in look.verdicts for look in before):
            return found
        reason = f"it was judged on other runs before, at {before[-1].at:%Y-%m-%d %H:%M}"
        return replace(found, status="deviated", reason=reason)

    return standing


def note_look(claims: Path, scores: pd.DataFrame, verdicts: pd.DataFrame, at: datetime) -> None:
    """Write down that verdicts of registered claims were seen, and on what.

    Args:
        claims: their file.
        scores: that were judged: arm, seed, split, metric, value.
        verdicts: one row per claim.
        at: the present time, with a time zone.
    """
    path = record_path(claims)
    record = Record.read(path)
    registered = record.registered(_SUBJECT)
    if registered is None:
        return
    under, digest = digest_of(registered), rows_digest(scores[_JUDGED])
    if any(look.scores == digest for look in record.looks(under)):
        return
    look = Look(
        **record.next_at(at),
        under=under,
        scores=digest,
        weights="",
        seeds=sorted({int(seed) for seed in scores["seed"]}),
        verdicts=dict(zip(verdicts["hypothesis"], verdicts["verdict"], strict=True)),
    )
    record.append(look, path)


def _undirected(claim: Claim) -> bool:
    """Whether a claim speaks of better and worse, and leaves it to the metric which is which."""
    return claim.needs_direction and claim.metric.better is None


def _refuse_undirected(claims: Path, hypotheses: Hypotheses) -> None:
    """Name the metrics of which neither claim nor name says which way they are better.

    Raises:
        UserError: there are some; who judges the runs could choose the direction that suits them.
    """
    mistakes = [
        UserError(
            f"{claims}: hypothesis {name} does not say which way {claim.metric.name} is better",
            f"Say better: higher or lower of {claim.metric.name}",
        )
        for name, claim in hypotheses.hypotheses.items()
        if _undirected(claim) and better_of(claim.metric.name) is None
    ]
    if mistakes:
        raise together(mistakes)


def _declared(hypotheses: Hypotheses, metrics: Mapping[str, Metric]) -> Declared:
    # Which way a metric is better is known of runs alone: before them, claims say it themselves.
    metrics = {name: replace(metric, better="none") for name, metric in metrics.items()}
    return Declared(
        subject=_SUBJECT,
        fingerprint="",
        precision="",
        versions={},
        seeds=[],
        arms={},
        claims=statements(hypotheses, metrics),
    )


def _changes(now: Declared, then: Declared) -> str:
    found = [
        f"{name}: {'; '.join(what)}"
        for name in now.claims
        if (what := departures(now, then, name) if name in then.claims else ["it is new"])
    ]
    found += [f"{name} is gone" for name in then.claims if name not in now.claims]
    return "; ".join(found) or "its words"


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
