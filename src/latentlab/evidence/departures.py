"""In what a claim is declared otherwise than it was registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from latentlab.evidence.configurations import flatten
from latentlab.evidence.registration import Declared
from latentlab.evidence.statements import deciding


def departures(now: Declared, then: Declared, name: str) -> list[str]:
    """Name in what a claim is declared otherwise than it was registered.

    What cannot change its verdict is none: another arm, another metric, the words of its question.

    Args:
        now: what is declared and prepared now.
        then: what was registered.
        name: a hypothesis of both.
    """
    found = list(_statement(now, then, name))
    found += _seeds(now.seeds, then.seeds)
    found += _changed("stopping: ", now.stopping or {}, then.stopping or {})
    if now.fingerprint != then.fingerprint:
        found.append(f"the data of {now.subject} are others")
    if now.precision != then.precision:
        found.append(f"precision is {now.precision}, registered {then.precision}")
    for key in sorted(then.versions.keys() | now.versions.keys()):
        new, old = now.versions.get(key), then.versions.get(key)
        if new != old:
            found.append(f"the {key} has version {new}, registered {old}")
    for arm in arms_of(then, name):
        old_arm, new_arm = then.arms.get(arm), now.arms.get(arm)
        if old_arm and new_arm:
            found += _changed(f"arm {arm}: ", new_arm, old_arm)
    return found


def arms_of(declared: Declared, name: str) -> Sequence[str]:
    """The arms that a claim names, or all where it names none."""
    leaves = [str(v) for v in _leaves(declared.claims[name].claim)]
    keys = [str(k) for k in declared.claims[name].claim.get("levels", {})]
    return [arm for arm in declared.arms if arm in {*leaves, *keys}] or list(declared.arms)


def _statement(now: Declared, then: Declared, name: str) -> Iterator[str]:
    new, old = now.claims[name], then.claims[name]
    yield from _changed("its ", deciding(new), deciding(old))
    for key in ("alpha", "correction"):
        if new.family[key] != old.family[key]:
            yield f"its family's {key} is {new.family[key]}, registered {old.family[key]}"
    removed = sorted(set(old.family["claims"]) - set(new.family["claims"]))
    if removed:
        yield f"its family lost {', '.join(removed)}"
    # More claims make Holm and Bonferroni stricter; Benjamini and Hochberg's rule can gain by them.
    added = sorted(set(new.family["claims"]) - set(old.family["claims"]))
    if added and new.family["correction"] == "fdr_bh":
        yield f"{', '.join(added)} are new in its family"


def _seeds(now: Sequence[int], then: Sequence[int]) -> Iterator[str]:
    added, missing = sorted(set(now) - set(then)), sorted(set(then) - set(now))
    if added and missing and not set(now) & set(then):
        yield f"seeds are {numbers_text(added)}, registered {numbers_text(then)}"
    elif added:
        yield f"seeds {numbers_text(added)} were added"
    if missing and set(now) & set(then):
        yield f"seeds {numbers_text(missing)} are left out"


def _changed(prefix: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[str]:
    new, old = flatten(now), flatten(then)
    for key in sorted(new.keys() | old.keys()):
        if new.get(key) != old.get(key):
            yield f"{prefix}{key} is {_shown(new.get(key))}, registered {_shown(old.get(key))}"


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def numbers_text(values: Sequence[int]) -> str:
    """Numbers as ranges: 0-5, 8."""
    ordered, there = sorted(values), set(values)
    starts = [v for v in ordered if v - 1 not in there]
    ends = [v for v in ordered if v + 1 not in there]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in pairs)
