"""What was found before of what a claim asks: the attempts that it pays for, and what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from latentlab.evidence.meaning import BOUNDARIES, Asked, same
from latentlab.evidence.registration import JUDGED, Declared, Record, Registered, digest_of


def attempts(record: Record, subject: str, claim: str) -> list[str]:
    """Verdicts on what a claim asks, under the registrations before the one that holds.

    The last verdict under each counts. A claim of another name that asks the same is the same,
    and so is one whose arms or whose data set have other names.
    """
    return [one.verdict for one in _earlier(record, subject, claim) if one.same]


def asked_otherwise(record: Record, subject: str, claim: str) -> list[str]:
    """Verdicts under earlier registrations on another claim, which readers should know of.

    It has this claim's name; or it asks what nothing declared asks any more, and that the same
    but for the boundary.
    """
    return [one.verdict for one in _earlier(record, subject, claim) if one.nearly]


def _earlier(record: Record, subject: str, claim: str) -> list[_Seen]:
    """The last verdict of each claim under each earlier registration.

    Of claims that ask the same, one for each registration.
    """
    now = record.registered(subject)
    if now is None or claim not in now.declared.claims:
        return []
    asks = {name: _asked(now.declared, name) for name in now.declared.claims}
    found = []
    for entry in record.entries:
        if entry is now:
            break
        if not isinstance(entry, Registered) or not _of_one_data(entry, now):
            continue
        verdicts = {
            name: verdict
            for look in record.looks(digest_of(entry))
            for name, verdict in look.verdicts.items()
            if verdict in JUDGED and name in entry.declared.claims
        }
        by_name = entry.declared.subject == subject
        seen = [
            _seen(name, verdict, _asked(entry.declared, name), asks, claim, by_name)
            for name, verdict in verdicts.items()
        ]
        found += [one for one in seen if not one.same]
        found += [one for one in seen if one.same][-1:]
    return found


@dataclass(frozen=True)
class _Seen:
    """A verdict that was seen, and whether its claim asked the same as one does now, or nearly."""

    verdict: str
    same: bool
    nearly: bool


def _seen(
    name: str, verdict: str, asked: Asked, asks: Mapping[str, Asked], claim: str, by_name: bool
) -> _Seen:
    if same(asked, asks[claim], by_name):
        return _Seen(verdict, same=True, nearly=False)
    gone = name not in asks and not any(same(asked, one, by_name) for one in asks.values())
    near = gone and same(asked, asks[claim], by_name, but=BOUNDARIES)
    return _Seen(verdict, same=False, nearly=near or (by_name and name == claim))


def _asked(declared: Declared, name: str) -> Asked:
    return Asked(declared.claims[name].claim, declared.arms)


def _of_one_data(one: Registered, other: Registered) -> bool:
    """Whether two registrations are about the same data: by name, or by content under two names.

    The claim of a sweep, whose winner is not known, is about the sweep of its name alone.
    """
    then, now = one.declared, other.declared
    return then.subject == now.subject or (
        then.fingerprint == now.fingerprint and all(then.arms.values()) and all(now.arms.values())
    )
