"""What a verdict may be called: confirmatory, exploratory or deviated, and at which attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from latentlab.evidence.attempts import asked_otherwise, attempts
from latentlab.evidence.configurations import differing_keys, distinct
from latentlab.evidence.departures import arms_of, departures, numbers_text
from latentlab.evidence.registration import JUDGED, Declared, Record, Registered, digest_of

Status = Literal["confirmatory", "exploratory", "deviated"]

LATER_ATTEMPTS = 0.05
"""Share of a family's level that all attempts after the first may spend together.

With a tenth, five attempts at a t test erred in up to .0555 of simulated studies where .055 is
allowed; with a twentieth they keep below it (docs/results/statistics.md).
"""


@dataclass(frozen=True)
class Standing:
    """What a verdict may be called.

    Attributes:
        status: `confirmatory` where it follows a registration to the letter, `deviated` where it
            follows one in part, `exploratory` where there is none.
        reason: a clause that continues "deviated: "; empty where confirmatory.
        earlier: verdicts of the attempts before this one.
        otherwise: verdicts of earlier registrations on a claim of its name that asked another
            question; they cost nothing and are shown.
    """

    status: Status
    reason: str = ""
    earlier: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()

    @property
    def price(self) -> float:
        """Factor of the p-values, for the attempts before.

        The first attempt is tested at the level alpha. The second is tested at alpha / 40 and each
        further one at half of that: together they add at most a twentieth of alpha, however many
        follow and whether or not anybody knows how many there will be. A level that is spent in
        equal parts (Bonferroni over attempts) would need the number before the first.
        """
        count = len(self.earlier)
        return 1.0 if count == 0 else 2.0**count / LATER_ATTEMPTS


JudgeStanding = Callable[[str, "pd.DataFrame | None"], Standing]
"""Hypothesis and the trials its verdict uses, none where there is no verdict -> what it may be
called."""


def unregistered(name: str, trials: pd.DataFrame | None) -> Standing:
    """The standing of runs that nobody registered."""
    return Standing("exploratory", "it was not registered before its trials")


def standing_under(
    record: Record, now: Declared, trials: pd.DataFrame, altered: Mapping[str, str]
) -> JudgeStanding:
    """Return what verdicts may be called under a record.

    Args:
        record: the chain, as it is on disk.
        now: what is declared and prepared now.
        trials: all trials of the run: trial_id, arm, seed, started_at (UTC), config (nested).
        altered: trial id -> in what it is not what was trained and measured.
    """
    registered = record.registered(now.subject)

    def standing(name: str, used: pd.DataFrame | None) -> Standing:
        claim = now.claims[name]
        if claim.family["status"] == "exploratory":
            return Standing("exploratory", f"its family {claim.family['name']} is declared so")
        if registered is None or name not in registered.declared.claims:
            return Standing("exploratory", _never(record, name))
        seen = {
            "earlier": tuple(attempts(record, now.subject, name)),
            "otherwise": tuple(asked_otherwise(record, now.subject, name)),
        }
        started = [] if used is None else list(pd.to_datetime(used["started_at"], utc=True))
        if any(pd.isna(time) for time in started):
            reason = "not every trial says when it was started"
            return Standing("exploratory", reason, **seen)
        if started and min(started) <= registered.at:
            reason = "some of its trials started before it was registered"
            return Standing("exploratory", f"{reason}{_old(record, name)}", **seen)
        if used is not None and (reason := _known_before(record, registered, used)):
            return Standing("exploratory", reason, **seen)
        reasons = [text for text in [record.broken()] if text]
        reasons += departures(now, registered.declared, name)
        if used is not None:
            reasons += _of_trials(record, registered.declared, name, used, trials, altered)
        if reasons:
            return Standing("deviated", "; ".join(dict.fromkeys(reasons)), **seen)
        return Standing("confirmatory", "", **seen)

    return standing


def held_against_looks(
    verdicts: pd.DataFrame, record: Record, subject: str, seeds: Iterable[int]
) -> pd.DataFrame:
    """Mark confirmatory verdicts as deviated that a look at the same seeds found otherwise.

    Under one registration the same seeds give the same verdict: what turns one are other scores,
    by code that was edited without a new version for instance. Such a verdict may only be weaker.

    Args:
        verdicts: one row per hypothesis.
        record: the chain, as it is on disk.
        subject: what the registration is about.
        seeds: of the trials that were judged.
    """
    registered, seen = record.registered(subject), sorted({int(seed) for seed in seeds})
    looks = [] if registered is None else record.looks(digest_of(registered))
    looks = [look for look in looks if look.seeds == seen]
    marked = verdicts.copy()
    for row, (name, verdict, status) in zip(
        marked.index, marked[["hypothesis", "verdict", "status"]].to_numpy(), strict=True
    ):
        found = {look.verdicts.get(name, verdict) for look in looks} & JUDGED - {verdict}
        if status == "confirmatory" and verdict != "inconclusive" and found:
            reason = f"a look at the same seeds before found it {' and '.join(sorted(found))}"
            marked.loc[row, ["status", "status_reason"]] = ["deviated", reason]
    return marked


def confirming_command(study: str, seeds: Iterable[int], fewest: int = 0) -> str:
    """Return the command that registers a study anew and repeats it on seeds nobody has seen.

    Args:
        study: its name.
        seeds: that were run; as many fresh ones follow on the highest.
        fewest: fresh seeds that there are to be at least.

    Example:
        >>> confirming_command("toy", [0, 1, 2]).split()[-1]
        'toy.seeds.first=3,toy.seeds.count=3,toy.amendment=fresh_seeds'
    """
    known = {int(seed) for seed in seeds}
    first, last = min(known), max(known)
    fresh = {"seeds.first": last + 1, "seeds.count": max(len(known), fewest)}
    # Seeds with a gap are listed one by one in the declaration, and a list goes before a range.
    listed = {"seeds.chosen": "null"} if last - first + 1 > len(known) else {}
    settings = fresh | listed | {"amendment": "fresh_seeds"}
    params = ",".join(f"{study}.{key}={value}" for key, value in settings.items())
    return f"kedro run --pipelines {study} --params {params}"


def _of_trials(
    record: Record,
    then: Declared,
    name: str,
    used: pd.DataFrame,
    trials: pd.DataFrame,
    altered: Mapping[str, str],
) -> Iterator[str]:
    """Name in what the trials are not those that were registered."""
    trained = used[used["arm"].isin(then.arms)]
    begun = record.begun()
    unknown = [t for t in trained["trial_id"] if t not in begun]
    if unknown:
        yield f"{len(unknown)} of its trials were not begun under this registration"
    there = set(zip(trials["arm"], trials["seed"], strict=True))
    owed = _owed(then, len(set(trials["seed"])))
    for arm in arms_of(then, name):
        lacking = [seed for seed in owed if (arm, seed) not in there]
        if lacking:
            yield f"arm {arm} lacks seeds {numbers_text(lacking)}"
    for trial_id in trained["trial_id"]:
        if trial_id in altered:
            yield f"trial {trial_id}: {altered[trial_id]}"
    for label, rows in trained.groupby("arm", sort=False):
        arm = str(label)
        registered = then.arms[arm]
        for config in distinct(rows["config"]) if registered else ():
            if keys := differing_keys([config, registered], []):
                yield f"trials of arm {arm} were trained with another {', '.join(keys)}"


def _known_before(record: Record, registered: Registered, used: pd.DataFrame) -> str:
    """Say what of the trials could be known before they were registered; empty where nothing.

    A trial that is trained again, or of which a setting changed that does nothing, gives what it
    gave before: the seed draws its data, its weights and its noise.
    """
    before = record.before(registered)
    if before.begun() & set(used["trial_id"]):
        return "some of its trials began before it was registered, and were trained again"
    if seeds := before.seeds_seen(registered.declared.subject) & set(used["seed"]):
        return f"verdicts on seeds {numbers_text(sorted(seeds))} were seen before it was registered"
    return ""


def _owed(then: Declared, present: int) -> Sequence[int]:
    """The seeds that must be there: all, or those up to the look that the run has come to."""
    if then.stopping is None:
        return then.seeds
    reached = [look for look in then.stopping["looks"] if look <= present]
    return sorted(then.seeds)[: max(reached, default=0)]


def _never(record: Record, name: str) -> str:
    return f"it was not registered before its trials{_old(record, name)}"


def _old(record: Record, name: str) -> str:
    if name not in record.earlier:
        return ""
    return (
        f" (frozen on {record.earlier[name]:%Y-%m-%d} by an earlier edition, whose record names "
        "neither seeds nor data nor arms)"
    )
