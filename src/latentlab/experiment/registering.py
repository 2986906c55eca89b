"""A study's registration: what is written before training, at its start, and at every look."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from latentlab.core.errors import UserError
from latentlab.evidence.departures import departures
from latentlab.evidence.registration import (
    Begun,
    Declared,
    Look,
    Record,
    Registered,
    digest_of,
    rows_digest,
)
from latentlab.evidence.statements import statements
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study

logger = logging.getLogger(__name__)

RECORD, OLD_RECORD = "registration.yml", "freeze.json"
"""Files beside the trials: the chain, and what the first edition wrote in its place."""


def declared_now(
    study: Study, declaration: Declaration, fingerprint: str, precision: str, grouping: str = ""
) -> Declared:
    """All that decides the verdicts, as it is declared and prepared now.

    Args:
        study: its formulas' versions.
        declaration: data set, seeds, arms and claims.
        fingerprint: of the prepared data.
        precision: arithmetic of the training steps.
        grouping: of the prepared data: which examples belong together.
    """
    stopping = declaration.hypotheses.stopping
    return Declared(
        subject=declaration.subject,
        fingerprint=fingerprint,
        precision=precision,
        versions=study.versions,
        seeds=declaration.seeds.numbers(),
        stopping=None if stopping is None else stopping.model_dump(mode="json"),
        arms={arm: config.model_dump(mode="json") for arm, config in declaration.configs.items()},
        claims=statements(declaration.hypotheses, declaration.metric_table, grouping),
    )


def one_of(trials: pd.DataFrame, *columns: str) -> list[str]:
    """The one value that each of the columns has in all trials of a run."""
    return [str(trials[column].iloc[0]) for column in columns]


def read_record(root: Path) -> Record:
    """Read the chain beside the trials, empty where nothing was registered yet.

    Raises:
        UserError: the file is damaged.
    """
    chain, old = Record.read(root / RECORD), root / OLD_RECORD
    return Record(chain.entries, _earlier(old)) if old.exists() else chain


def register(study: Study, amendment: str, now: Declared, root: Path, at: datetime) -> Record:
    """Write down what will decide the verdicts, where it is not written yet.

    What was registered otherwise stays as it is, with a warning, unless `amendment` says why it
    changes.

    Args:
        study: whose registration it is.
        amendment: why it changes; empty where it is to stay.
        now: from `declared_now`.
        root: folder of the trials.
        at: the present time, with a time zone.

    Raises:
        UserError: a damaged record, or a folder that cannot be written.
    """
    record = read_record(root)
    registered = record.registered(now.subject)
    if registered is None:
        return record.append(Registered(**record.next_at(at), declared=now), root / RECORD)
    changes = [
        f"{name}: {what}" if name else what
        for name, what in _changes(now, registered.declared).items()
    ]
    if not changes:
        return record
    if amendment:
        entry = Registered(**record.next_at(at), reason=amendment, declared=now)
        return record.append(entry, root / RECORD)
    logger.warning(
        "%s departs from its registration of %s: %s. Its verdicts will say so; "
        '--params %s.amendment="why" registers it anew, for trials on fresh seeds.',
        study.name,
        f"{registered.at:%Y-%m-%d %H:%M}",
        "; ".join(changes),
        study.name,
    )
    return record


def holding(record: Record, subject: str) -> dict[str, str]:
    """Which registration holds for a subject: its digest, and when it was written."""
    registered = record.registered(subject)
    assert registered is not None
    return {"entry": digest_of(registered), "at": registered.at.isoformat(timespec="seconds")}


def begin(root: Path, trials: Collection[str], at: datetime) -> None:
    """Write down which trials begin now.

    Raises:
        UserError: a damaged record, or a folder that cannot be written.
    """
    record = read_record(root)
    fresh = sorted(set(trials) - record.begun())
    if fresh and record.entries:
        record.append(Begun(**record.next_at(at), trials=fresh), root / RECORD)


def look(
    scores: pd.DataFrame,
    trials: pd.DataFrame,
    verdicts: pd.DataFrame,
    subject: str,
    root: Path,
    at: datetime,
) -> None:
    """Write down that verdicts were seen. Judging the same scores again is the same look.

    Args:
        scores: that were judged: trial_id, split, metric, value.
        trials: trial_id, seed and weights_digest.
        verdicts: one row per hypothesis.
        subject: what the registration is about: the data set.
        root: folder of the trials.
        at: the present time, with a time zone.
    """
    record = read_record(root)
    registered = record.registered(subject)
    if registered is None:
        return
    judged = scores[scores["metric"].isin(set(verdicts["metric"].dropna()))]
    entry = Look(
        **record.next_at(at),
        under=digest_of(registered),
        scores=rows_digest(judged[["trial_id", "split", "metric", "value"]]),
        weights=weights_digest(trials),
        seeds=sorted({int(seed) for seed in trials["seed"]}),
        verdicts=dict(zip(verdicts["hypothesis"], verdicts["verdict"], strict=True)),
    )
    seen = {(one.scores, tuple(one.verdicts.items())) for one in record.looks(entry.under)}
    if (entry.scores, tuple(entry.verdicts.items())) not in seen:
        record.append(entry, root / RECORD)


def weights_digest(trials: pd.DataFrame) -> str:
    """Digest of the weights of a table of trials."""
    return rows_digest(trials[["trial_id", "weights_digest"]])


def _changes(now: Declared, then: Declared) -> dict[str, str]:
    """Hypothesis, or nothing for all of them -> in what it is declared otherwise now."""
    of_claims = {
        name: departures(now, then, name) if name in then.claims else ["it is new"]
        for name in now.claims
    }
    common = [what for what in next(iter(of_claims.values()), []) if _in_all(what, of_claims)]
    found = {"": "; ".join(common)} if common else {}
    for name, whats in of_claims.items():
        if own := [what for what in whats if what not in common]:
            found[name] = "; ".join(own)
    return found


def _in_all(what: str, of_claims: Mapping[str, Sequence[str]]) -> bool:
    return len(of_claims) > 1 and all(what in whats for whats in of_claims.values())


def _earlier(path: Path) -> dict[str, datetime]:
    """When an earlier edition froze each hypothesis.

    Raises:
        UserError: its record is damaged.
    """
    try:
        frozen = json.loads(path.read_bytes())["hypotheses"]
        return {name: datetime.fromisoformat(one["frozen_at"]) for name, one in frozen.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged", "Restore it, or move it away: it is of an earlier edition."
        ) from error
