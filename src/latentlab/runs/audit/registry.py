"""All rules over runs and verdicts; a rule is a function and one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from latentlab.runs.audit import (
    claims,
    copies,
    hidden_factors,
    losses,
    measuring,
    replicates,
    scores,
    settings,
)
from latentlab.runs.audit.audited import Audited
from latentlab.runs.audit.findings import Finding


@dataclass(frozen=True)
class Need:
    """What must be there for a rule to be asked.

    Attributes:
        met: whether it is.
        what: in words.
        lacking: the clause that says why a rule is not asked.
    """

    met: Callable[[Audited], bool]
    what: str
    lacking: str


ARMS = Need(
    lambda audited: len(audited.arm_names) > 1, "arms", "nothing says which runs are compared"
)
SCORES = Need(lambda audited: audited.scores.shape[1] > 0, "a score", "no score is read")
METRICS = Need(lambda audited: audited.scores.shape[1] > 1, "two metrics", "one metric is read")
REPEATS = Need(
    lambda audited: audited.repeated, "runs of equal configuration", "no configuration is repeated"
)
SEEDS = Need(lambda audited: audited.seeds is not None, "seeds", "no seed is known")
SETTINGS = Need(
    lambda audited: audited.codes.shape[1] > 1, "two settings that vary", "fewer than two vary"
)
ASKED = Need(
    lambda audited: audited.adaptive is not None,
    "how configurations were asked for",
    "how configurations were asked for is not recorded",
)
EXAMPLES = Need(
    scores.knows_examples,
    "a column with the number of test examples",
    "no column says over how many examples a score is a mean",
)
TIMES = Need(measuring.has_time, "a metric that is a time", "no metric is a time")
STAGES = Need(
    losses.knows_stages,
    "a column that says which runs chose and which confirm",
    "no column says which runs chose and which confirm",
)
UNJUDGED = Need(
    lambda audited: audited.verdicts is None, "no claims", "claims were judged, and no best chosen"
)
VERDICTS = Need(
    lambda audited: audited.verdicts is not None and len(audited.verdicts) > 0,
    "verdicts",
    "nothing was judged",
)


@dataclass(frozen=True)
class Check:
    """A rule as it is asked of runs or verdicts.

    Attributes:
        rule: its code.
        find: what it does.
        needs: what must be there.
    """

    rule: str
    find: Callable[[Audited], Iterable[Finding]]
    needs: tuple[Need, ...]


CHECKS = (
    Check("D01", replicates.single_seed_findings, (ARMS, SCORES)),
    Check("D01", claims.single_pair_findings, (VERDICTS,)),
    Check("D02", claims.unattainable_findings, (VERDICTS,)),
    Check("D03", claims.power_findings, (VERDICTS,)),
    Check("D04", replicates.noise_findings, (REPEATS, SCORES)),
    Check("D05", replicates.best_findings, (REPEATS, SCORES, UNJUDGED)),
    Check("D05", claims.best_claim_findings, (VERDICTS,)),
    Check("D06", settings.budget_findings, (ARMS,)),
    Check("D07", settings.confounded_findings, (SETTINGS,)),
    Check("D08", hidden_factors.hidden_factor_findings, (REPEATS, SCORES)),
    Check("D09", settings.collinear_findings, (SETTINGS,)),
    Check("D10", claims.family_findings, (VERDICTS,)),
    Check("D16", settings.adaptive_findings, (ASKED,)),
    Check("D18", copies.twice_findings, (REPEATS, SCORES)),
    Check("D19", settings.seed_findings, ()),
    Check("D20", losses.double_dipping_findings, (SEEDS, STAGES)),
    Check("D21", scores.granularity_findings, (EXAMPLES, SCORES)),
    Check("D22", scores.plateau_findings, (SCORES,)),
    Check("D23", scores.meaning_findings, (SCORES,)),
    Check("D24", scores.odds_findings, (METRICS,)),
    Check("D25", claims.margin_findings, (VERDICTS,)),
    Check("D27", losses.lost_findings, (SCORES,)),
    Check("D27", claims.lost_pair_findings, (VERDICTS,)),
    Check("D30", measuring.reduction_findings, (SCORES,)),
    Check("D31", measuring.timing_findings, (TIMES,)),
    Check("D32", claims.after_the_data_findings, (VERDICTS,)),
)


@dataclass(frozen=True)
class Audit:
    """What the rules say of runs.

    Attributes:
        findings: by rule.
        not_asked: codes of rules that could not be asked at all, and what they lack.
    """

    findings: tuple[Finding, ...]
    not_asked: dict[str, str]

    def joined(self, further: Sequence[Finding]) -> Audit:
        """Add what others found by rules that found nothing here: one finding is told once."""
        told = {one.rule for one in self.findings}
        new = tuple(one for one in further if one.rule not in told)
        asked = {one.rule for one in new}
        left = {code: why for code, why in self.not_asked.items() if code not in asked}
        return Audit((*self.findings, *new), left)


def audit(audited: Audited) -> Audit:
    """Ask every rule whose needs are met."""
    found: list[Finding] = []
    lacking: dict[str, str] = {}
    asked: set[str] = set()
    # Rules deal with what comes of columns without variance or values.
    with np.errstate(all="ignore"):
        for check in CHECKS:
            missing = [need.lacking for need in check.needs if not need.met(audited)]
            if missing:
                lacking.setdefault(check.rule, missing[0])
                continue
            asked.add(check.rule)
            found += check.find(audited)
    return Audit(tuple(found), {code: why for code, why in lacking.items() if code not in asked})
