"""What our own engine notes at each trial of an Optuna study, which has no words for these."""

from __future__ import annotations

STATE = "latentlab.state"
"""How the configuration ended."""

ADAPTIVE = "latentlab.adaptive"
"""Whether the scores of earlier configurations decided it."""

COHORT = "latentlab.cohort"
"""Index of the cohort it was asked in."""
