"""Runs jobs in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from latentlab.compute.executors.job import Job, Report


def run_inline(function: Job, payloads: Iterable[Any], report: Report) -> list[Any]:
    """Run jobs one after the other in this process; results in the order of the payloads."""
    return [function(payload, report) for payload in payloads]
