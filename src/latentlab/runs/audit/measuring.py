"""Rules about how something was measured: at which epoch, on which split, on which device."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from latentlab.reporting.formatting import plural
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding
from latentlab.runs.metric_names import bare_names, split_of, words_of
from latentlab.runs.setting_names import setting

_TIMES = re.compile(
    r"seconds|second|secs|time|runtime|duration|latency|throughput|ms|walltime|hours|minutes"
)
_DEVICES = re.compile(r"device|gpu|gpu_type|host|hostname|machine|node|accelerator")
_EPOCHS = {"best": "best", "max": "best", "min": "best", "last": "last", "final": "last"}


def reduction_findings(audited: Audited) -> Iterator[Finding]:
    """D30: a metric both as last and as best, and a choice on what is reported."""
    columns = [*audited.columns, *map(str, audited.recorded)]
    rules: dict[str, set[str]] = {}
    for column in columns:
        bare, rule = _reduced(column)
        rules.setdefault(bare, set()).add(rule)
    for column in audited.columns:
        bare, rule = _reduced(column)
        if len(rules[bare]) > 1:
            each = ", ".join(sorted(rules[bare]))
            text = f"{column} is there by several rules (epoch: {each}): say which counts."
            remedy = f"Keep to one rule, and say it beside {setting('metric', column)}."
            yield Finding("D30", "note", text, column, "", remedy)
        elif split_of(column) == "validation" and rule == "best":
            text = (
                f"{column} is the best epoch by the data that it is reported on: it is too good by "
                "the choice."
            )
            remedy = "Report the test score of the epoch that validation chose."
            yield Finding("D30", "warning", text, column, "", remedy)
    if audited.verdicts is not None:
        yield from _judged_on_validation(audited.columns[0], columns)


def _judged_on_validation(judged: str, columns: Sequence[str]) -> Iterator[Finding]:
    bare = bare_names(columns)
    twins = [name for name in columns if bare[name] == bare[judged] and split_of(name) == "test"]
    if split_of(judged) == "validation" and twins:
        text = f"{judged} is judged though {twins[0]} is there: choices are made on validation."
        remedy = f"Say {setting('metric', twins[0])}."
        yield Finding("D30", "note", text, judged, "", remedy)


def _reduced(column: str) -> tuple[str, str]:
    """The name of a metric without the epoch that counts, and which epoch that is."""
    words = words_of(column)
    epochs = [_EPOCHS[word] for word in words if word in _EPOCHS]
    bare = " ".join(word for word in words if word not in _EPOCHS)
    return bare, epochs[0] if epochs else "unsaid"


def is_time(column: str) -> bool:
    """Whether a metric is a time by its name."""
    return any(map(_TIMES.fullmatch, words_of(column)))


def has_time(audited: Audited) -> bool:
    """Whether any of the metrics is a time."""
    return any(is_time(column) for column in audited.columns)


def timing_findings(audited: Audited) -> Iterator[Finding]:
    """D31: times without repeats, or from several devices."""
    unit = audited.arms if audited.arms is not None else audited.configurations
    for column in filter(is_time, audited.columns):
        counts = pd.Series(audited.score(column)).groupby(unit).count()
        if len(counts) > 1 and counts.max() == 1:
            text = f"{column}: no time was taken twice, so nothing says how much it scatters."
            remedy = "Time each again, interleaved on one machine."
            yield Finding("D31", "warning", text, column, "", remedy)
        for table in (audited.settings, audited.recorded):
            for name in table:
                if not _DEVICES.fullmatch("_".join(words_of(str(name)))):
                    continue
                devices = table[name].astype(str)
                if devices.nunique() < 2:
                    continue
                alone = devices.groupby(unit).nunique().max() == 1
                text = f"{column} was taken on {plural(devices.nunique(), 'device')} by {name}" + (
                    ", and each side on its own: the device may be all of it." if alone else "."
                )
                remedy = "Take times on one device, interleaved."
                yield Finding("D31", "error" if alone else "warning", text, column, "", remedy)
