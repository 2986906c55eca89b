"""What an executor is given: a job, whose results are whole files under names of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Report = Callable[[Any], None]
"""Takes news of a job while it runs."""

Job = Callable[[Any, Report], Any]
"""A module-level function of a picklable payload and a function that tells the driver news."""
