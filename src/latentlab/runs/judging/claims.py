"""The claims about runs that exist: those of a file, or each arm against the control."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentlab.core.strict_yaml import load_yaml
from latentlab.evidence.hypotheses import Hypotheses, read_hypotheses
from latentlab.metrics.metric import Better
from latentlab.runs.judging.arms import Arms
from latentlab.runs.judging.pairing import pairings

FAMILY = "arms"


def read_claims(path: Path) -> Hypotheses:
    """Read a file of claims: as a study's `hypotheses.yml`, or what stands in it below its study.

    Raises:
        UserError: one line with every mistake in it.
    """
    content: Mapping[str, Any] = load_yaml(path)
    if "families" not in content and len(content) == 1:
        inner = next(iter(content.values()))
        if isinstance(inner, Mapping) and isinstance(inner.get("hypotheses"), Mapping):
            content = inner["hypotheses"]
    return read_hypotheses(content, str(path))


def default_claims(
    name: str, metric: str, split: str, better: Better, arms: Arms, control: str
) -> dict[str, Any]:
    """Return claims as a file would declare them: each arm is better than the control, two-sided.

    Args:
        name: of the runs.
        metric: that is compared.
        split: which data it was measured on.
        better: which way it is better.
        arms: the runs' arms; those that share the control's seeds are paired with it.
        control: the arm that the others are compared with.
    """
    claims, by_seed = {}, {one.arm for one in pairings(arms, control) if one.is_paired}
    for arm in (name for name in arms.names if name != control):
        paired = arm in by_seed
        claims[arm] = {
            "kind": "superiority",
            "question": f"is {arm} better than {control} on {metric}?",
            "arms": {"treatment": arm, "control": control},
            "pairing": "seed" if paired else "none",
            "test": {
                "primary": "paired_t" if paired else "welch_t",
                "sensitivity": ["sign_flip"] if paired else ["permutation"],
                "sides": "two",
            },
        }
    return {
        "study": name,
        "families": {FAMILY: {"alpha": 0.05, "correction": "holm", "status": "exploratory"}},
        "defaults": {
            "family": FAMILY,
            "metric": {"name": metric, "split": split, "better": better},
            # What was lost is counted in the report; nobody said beforehand what it means.
            "missing": "exclude_pair",
        },
        "hypotheses": claims,
    }
