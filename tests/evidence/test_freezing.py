"""Freezing: digests, stamps, and what they make of a verdict."""

import datetime

import numpy as np
import pytest
from latentlab.evidence.freeze import Freeze, digest, freeze

from latentlab.core.errors import UserError
from latentlab.evidence.hypotheses import Defaults, Family
from latentlab.evidence.verdicts import judge

MONDAY = datetime.datetime(2026, 11, 16, 9, tzinfo=datetime.UTC)
TUESDAY = MONDAY + datetime.timedelta(days=1)
OLD = np.array([0.50, 0.52, 0.47, 0.55, 0.49])
NEW = OLD + np.array([0.11, 0.09, 0.12, 0.1, 0.08])


def test_a_digest_is_the_same_everywhere(declare):
    claim = declare(H1={}, defaults={"min_seeds": 5}).hypotheses["H1"]
    assert (
        digest(claim, Family(), Defaults())
        == "276260251f979428a2923eb46318c8cee1ffb169acc146b99510baec4a34b92f"
    )


def test_a_digest_sees_hypothesis_family_and_defaults(declare):
    claim = declare(H1={}).hypotheses["H1"]
    other = declare(H1={"min_effect": 0.1}).hypotheses["H1"]
    digests = {
        digest(claim, Family(), Defaults()),
        digest(other, Family(), Defaults()),
        digest(claim, Family(alpha=0.1), Defaults()),
        digest(claim, Family(), Defaults(min_seeds=6)),
    }
    assert len(digests) == 4


def test_unchanged_hypotheses_keep_their_stamp(declare):
    first = freeze(declare(H1={}, H2={}), None, MONDAY)
    second = freeze(declare(H1={}, H2={"min_effect": 0.1}, H3={}), first, TUESDAY)
    stamps = {name: entry.frozen_at for name, entry in second.hypotheses.items()}
    assert stamps == {"H1": MONDAY, "H2": TUESDAY, "H3": TUESDAY}
    assert first.hypotheses["H2"].frozen_at == MONDAY


def test_the_record_survives_its_text(declare):
    record = freeze(declare(H1={}), None, MONDAY)
    assert Freeze.from_json(record.to_json()) == record


@pytest.mark.parametrize("text", ["", "{", '{"hypotheses": {"H1": {"digest": "x"}}}', "[]"])
def test_a_damaged_record_is_one_line(text):
    with pytest.raises(UserError, match=r"freeze\.json is damaged"):
        Freeze.from_json(text, "freeze.json")


def test_a_time_without_zone_is_a_mistake_of_the_program(declare):
    with pytest.raises(ValueError, match="time zone"):
        freeze(declare(H1={}), None, datetime.datetime(2026, 11, 16))


def _row(declare, metrics, tables, record, started="2026-11-16T09:00:01Z", **families):
    plan = declare(H1={}, **families)
    scores, trials = tables({"new": NEW, "old": OLD})
    trials["started_at"] = "2026-11-20T00:00:00+00:00"
    trials.loc[3, "started_at"] = started
    return judge(scores, plan, metrics, trials, record).iloc[0]


def test_confirmatory_when_every_trial_started_after_the_freeze(declare, metrics, tables):
    row = _row(declare, metrics, tables, freeze(declare(H1={}), None, MONDAY))
    assert (row["status"], row["verdict"]) == ("confirmatory", "supported")
    assert (row["why_exploratory"], row["command"]) == ("", "")


@pytest.mark.parametrize(
    ("started", "why"),
    [
        ("2026-11-16T09:00:00Z", "started before the hypothesis was frozen"),
        ("2026-11-16T09:30:00+01:00", "started before the hypothesis was frozen"),
        (None, "not every trial says when it was started"),
        ("yesterday", "not every trial says when it was started"),
    ],
)
def test_exploratory_with_the_command_that_confirms(declare, metrics, tables, started, why):
    row = _row(declare, metrics, tables, freeze(declare(H1={}), None, MONDAY), started)
    assert (row["status"], row["verdict"]) == ("exploratory", "supported")
    assert why in row["why_exploratory"]
    assert row["command"] == "kedro run --pipelines toy --params toy.seeds.first=5"


def test_exploratory_without_a_freeze(declare, metrics, tables):
    row = _row(declare, metrics, tables, None)
    assert row["status"] == "exploratory"
    assert "not frozen" in row["why_exploratory"]
    assert "seeds.first=5" in row["command"]


def test_exploratory_when_changed_since(declare, metrics, tables):
    record = freeze(declare(H1={"min_effect": 0.2}), None, MONDAY)
    row = _row(declare, metrics, tables, record)
    assert row["status"] == "exploratory"
    assert "changed after it was frozen" in row["why_exploratory"]


def test_exploratory_by_declaration(declare, metrics, tables):
    families = {"primary": {"status": "exploratory"}}
    record = freeze(declare(families=families, H1={}), None, MONDAY)
    row = _row(declare, metrics, tables, record, families=families)
    assert row["status"] == "exploratory"
    assert "declared so" in row["why_exploratory"]


def test_the_earliest_start_of_a_trial_counts(declare, metrics, tables):
    import pandas as pd

    plan = declare(H1={})
    scores, trials = tables({"new": NEW, "old": OLD})
    reused = pd.concat([trials, trials.assign(started_at="2026-11-15T00:00:00Z")])
    record = freeze(plan, None, MONDAY)
    assert judge(scores, plan, metrics, trials, record)["status"][0] == "confirmatory"
    assert judge(scores, plan, metrics, reused, record)["status"][0] == "exploratory"


def test_a_claim_taken_out_after_the_data_makes_its_family_exploratory(declare, metrics, tables):
    before = freeze(declare(H1={}, H2={"min_effect": 0.1}), None, MONDAY)
    after = freeze(declare(H1={}), before, MONDAY + datetime.timedelta(days=7))
    row = _row(declare, metrics, tables, after)
    assert row["status"] == "exploratory"
    assert "H2 was taken out of its family" in row["why_exploratory"]
    # Trials that began after it was taken out know only the smaller family.
    earlier = freeze(declare(H1={}), before, MONDAY + datetime.timedelta(seconds=0.5))
    assert _row(declare, metrics, tables, earlier)["status"] == "confirmatory"


def test_a_claim_put_back_is_stamped_anew(declare):
    both = declare(H1={}, H2={"min_effect": 0.1})
    later = MONDAY + datetime.timedelta(days=1)
    without = freeze(declare(H1={}), freeze(both, None, MONDAY), later)
    assert without.hypotheses["H2"].removed_at == later
    assert freeze(declare(H1={}), without, later + datetime.timedelta(days=1)) == without
    back = freeze(both, without, later)
    assert back.hypotheses["H2"].removed_at is None
    assert back.hypotheses["H2"].frozen_at == later
    assert back.hypotheses["H1"].frozen_at == MONDAY
