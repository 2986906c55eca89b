"""A kind of claim is one module: all that is asked of it, the rest of the package asks."""

import importlib
import math
import pkgutil
from typing import Literal, get_args

import numpy as np
import pytest

from labs.registrations import followed
from latentlab.evidence import claims
from latentlab.evidence.assessment import Assessment
from latentlab.evidence.claims.base import ArmClaim, Claim
from latentlab.evidence.claims.registry import KINDS
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.evidence.pooled_verdicts import judge_pooled
from latentlab.evidence.tables import NoVerdict
from latentlab.evidence.verdicts import judge
from latentlab.reporting.verdict_cells import verdict_table
from latentlab.reporting.verdict_prose import pooled_sentence, verdict_sentence

OLD = np.array([0.50, 0.52, 0.47, 0.55, 0.49, 0.51])


def test_every_kind_that_a_module_declares_is_registered():
    declared = set()
    for module in pkgutil.iter_modules(claims.__path__, f"{claims.__name__}."):
        for item in vars(importlib.import_module(module.name)).values():
            if isinstance(item, type) and issubclass(item, Claim):
                declared |= set(get_args(item.model_fields["kind"].annotation))
    assert declared == set(KINDS)


class NeverWorse(ArmClaim):
    """A kind that no module has: the treatment is worse in no seed."""

    kind: Literal["never_worse"] = "never_worse"

    @property
    def comparison(self):
        return "trend"

    @property
    def sides(self):
        return "one"

    @property
    def primary_test(self):
        return "sign"

    @property
    def labels(self):
        return "new", "old"

    def arm_names(self):
        return {"new": "new", "old": "old"}

    def unit(self, metrics):
        return "seeds"

    def finding(self, boundary, unit, *, supported):
        return f"new is worse in {'no' if supported else 'some'} seed"

    def assess(self, tables, metrics, level):
        samples = self.samples(tables, metrics)
        better = samples.values["new"] >= samples.values["old"]
        n = len(better)
        return Assessment(
            n=n,
            estimate=better.mean(),
            effect=better.mean(),
            control_mean=math.nan,
            treatment_mean=math.nan,
            boundary=0.0,
            interval=(math.nan, math.nan),
            p_supported=0.5**n if better.all() else 1.0,
            p_refuted=0.5**n if not better.any() else 1.0,
            attainable_p=0.5**n,
            test=self.primary_test,
            trials=samples.trials,
        )

    def pool(self, problems, metrics, level):
        self.samples_by_problem(problems, metrics)
        raise NoVerdict("not_run", "not pooled: a count is of one problem")


@pytest.mark.parametrize(
    ("gain", "verdict", "told"),
    [
        (0.1, "supported", "Found: new is worse in no seed, adjusted p = .016"),
        (-0.1, "refuted", "Found: new is worse in some seed, adjusted p = .016"),
        ([1, -1] * 3, "inconclusive", "effect 0.5000, no interval, 6 seeds."),
    ],
)
def test_a_kind_from_elsewhere_is_judged_frozen_and_told(
    *, declare, metrics, tables, gain, verdict, told
):
    plain = declare(H1={})
    claim = NeverWorse(
        question="new is never worse",
        metric={"name": "accuracy", "split": "test"},
        family="primary",
        missing="fail",
        min_seeds=3,
        varies=("objective",),
    )
    plan = Hypotheses.model_construct(**{**dict(plain), "hypotheses": {"H1": claim}})
    scores, trials = tables({"new": OLD + np.asarray(gain), "old": OLD})
    standing = followed(plan, trials)
    row = judge(scores, plan, metrics, trials, standing).iloc[0]
    assert (row["verdict"], row["status"], row["kind"]) == (verdict, "confirmatory", "never_worse")
    assert told in verdict_sentence(row.to_dict())
    assert verdict_table(row.to_frame().T)["boundary"].tolist() == ["above 0"]
    both = {"a": scores.merge(trials), "b": scores.merge(trials)}
    pooled = judge_pooled(both, plan, {"H1": ["a", "b"]}, metrics, standing).iloc[0]
    assert "Reason: not pooled: a count is of one problem." in pooled_sentence(pooled.to_dict())
