"""The chain of a registration, and what verdicts may be called under it."""

import datetime

import numpy as np
import pytest

from labs.registrations import declared_as, registered
from latentlab.core.errors import UserError
from latentlab.evidence.attempts import asked_otherwise, attempts
from latentlab.evidence.meaning import Asked, same
from latentlab.evidence.registration import Look, Record, digest_of
from latentlab.evidence.standing import (
    LATER_ATTEMPTS,
    Standing,
    confirming_command,
    held_against_looks,
    standing_under,
)
from latentlab.evidence.verdicts import judge
from latentlab.reporting.verdict_prose import verdict_sentence

MONDAY = datetime.datetime(2026, 11, 16, 9, tzinfo=datetime.UTC)
TUESDAY = MONDAY + datetime.timedelta(days=1)
OLD = np.array([0.50, 0.52, 0.47, 0.55, 0.49])
NEW = OLD + np.array([0.11, 0.09, 0.12, 0.1, 0.08])
STARTED = "2026-11-20T00:00:00+00:00"


@pytest.fixture
def trials(tables):
    return tables({"new": NEW, "old": OLD})[1].assign(started_at=STARTED)


def looked(record, subject, verdicts, at=MONDAY, seeds=(0,)):
    under = digest_of(record.registered(subject))
    seen = Look(
        at=at,
        previous=record.head(),
        git="unknown",
        under=under,
        scores="",
        weights="",
        seeds=list(seeds),
        verdicts=verdicts,
    )
    return Record((*record.entries, seen))


def judged(plan, metrics, tables, record, now=None, trials=None, altered=None):
    scores, own = tables({"new": NEW, "old": OLD})
    own = own.assign(started_at=STARTED) if trials is None else trials
    now = now or declared_as(plan, own)
    return judge(scores, plan, metrics, own, standing_under(record, now, own, altered or {}))


def test_the_chain_survives_its_text(declare, trials):
    record = registered(declared_as(declare(H1={}), trials), MONDAY, trials)
    record = looked(record, "toy", {"H1": "supported"})
    read = Record.from_text(record.to_text(), "registration.yml")
    assert read == record
    assert read.broken() == ""


@pytest.mark.parametrize(
    "text",
    ["", "[", "- 1\n", "at: yesterday\n", "---\nkind: registered\n", "a", "at: 2026-02-31\n"],
)
def test_a_damaged_record_is_one_line(text):
    with pytest.raises(UserError, match=r"registration\.yml is damaged"):
        Record.from_text(text, "registration.yml")


@pytest.mark.parametrize("entry", range(3))
def test_an_edited_or_missing_entry_breaks_the_chain(declare, trials, entry):
    record = registered(declared_as(declare(H1={}), trials), MONDAY, trials)
    record = registered(declared_as(declare(H1={}), trials, seeds=[9]), TUESDAY, trials, record)
    entries = list(record.entries)
    edited = entries[entry].model_copy(update={"git": "other"})
    assert Record((*entries[:entry], edited, *entries[entry + 1 :])).broken()
    assert Record((*entries[:entry], *entries[entry + 1 :])).broken()


def test_confirmatory_when_followed_to_the_letter(declare, metrics, tables, trials):
    plan = declare(H1={})
    record = registered(declared_as(plan, trials), MONDAY, trials)
    row = judged(plan, metrics, tables, record).iloc[0]
    assert (row["status"], row["verdict"], row["status_reason"]) == (
        "confirmatory",
        "supported",
        "",
    )
    assert row["attempt"] == 1


@pytest.mark.parametrize(
    ("started", "why"),
    [
        ("2026-11-16T09:00:00Z", "started before it was registered"),
        ("2026-11-16T09:30:00+01:00", "started before it was registered"),
        (None, "not every trial says when it was started"),
        ("yesterday", "not every trial says when it was started"),
    ],
)
def test_exploratory_when_it_came_after(declare, metrics, tables, trials, started, why):
    plan = declare(H1={})
    record = registered(declared_as(plan, trials), MONDAY, trials)
    trials.loc[3, "started_at"] = started
    row = judged(plan, metrics, tables, record, trials=trials).iloc[0]
    assert (row["status"], row["verdict"]) == ("exploratory", "supported")
    assert why in row["status_reason"]
    assert row["command"] == (
        "kedro run --pipelines toy --params toy.seeds.first=5,toy.seeds.count=5,"
        "toy.amendment=fresh_seeds"
    )


@pytest.mark.parametrize(
    ("begun", "seen", "status", "why"),
    [
        ([], [7], "confirmatory", ""),
        # Trained again after an amendment: the same weights as before.
        (["new-2"], [7], "exploratory", "some of its trials began before it was registered"),
        # Other trials on the same seeds, by a setting that does nothing for instance.
        ([], [3, 4], "exploratory", "verdicts on seeds 3-4 were seen before it was registered"),
    ],
)
def test_what_was_known_before_an_amendment_is_not_fresh(
    declare, metrics, tables, trials, begun, seen, status, why
):
    plan = declare(H1={})
    earlier = declared_as(declare(Other={"min_effect": 0.3}), trials, seeds=seen)
    first = registered(earlier, MONDAY, trials[trials["trial_id"].isin(begun)])
    first = looked(first, "toy", {"Other": "refuted"}, seeds=seen)
    record = registered(declared_as(plan, trials), TUESDAY, trials, first)
    row = judged(plan, metrics, tables, record).iloc[0]
    assert (row["status"], row["verdict"]) == (status, "supported")
    assert row["status_reason"].startswith(why)


def test_a_verdict_that_the_same_seeds_did_not_give_before_is_named(
    declare, metrics, tables, trials
):
    plan, seeds = declare(H1={}), range(5)
    whole = registered(declared_as(plan, trials), MONDAY, trials)
    verdicts = judged(plan, metrics, tables, whole)
    for before, at, status in (
        ("refuted", seeds, "deviated"),
        ("inconclusive", seeds, "deviated"),
        ("supported", seeds, "confirmatory"),
        ("not_run", seeds, "confirmatory"),
        # Fewer seeds, as at a declared look.
        ("inconclusive", range(3), "confirmatory"),
    ):
        record = looked(whole, "toy", {"H1": before}, seeds=at)
        row = held_against_looks(verdicts, record, "toy", trials["seed"]).iloc[0]
        assert row["status"] == status, before
        assert (f"found it {before}" in row["status_reason"]) == (status == "deviated")
    assert verdicts["status"].tolist() == ["confirmatory"], "the table is left as it is"


def test_the_command_runs_as_many_fresh_seeds_as_are_needed():
    def settings(*args):
        return confirming_command("toy", *args).split("--params ")[1].split(",")

    assert "toy.seeds.count=40" in settings(range(5), 40)
    assert "toy.seeds.count=5" in settings(range(5), 3)
    # Of listed seeds the list would go before the range.
    assert settings([4, 0, 9]) == [
        *("toy.seeds.first=10", "toy.seeds.count=3", "toy.seeds.chosen=null"),
        "toy.amendment=fresh_seeds",
    ]


def test_exploratory_without_a_registration(declare, metrics, tables, trials):
    plan = declare(H1={})
    row = judged(plan, metrics, tables, Record()).iloc[0]
    assert (row["status"], row["status_reason"]) == (
        "exploratory",
        "it was not registered before its trials",
    )
    old = Record(earlier={"H1": MONDAY})
    row = judged(plan, metrics, tables, old).iloc[0]
    assert "frozen on 2026-11-16 by an earlier edition" in row["status_reason"]


def test_exploratory_by_declaration(declare, metrics, tables, trials):
    plan = declare(families={"primary": {"status": "exploratory"}}, H1={})
    record = registered(declared_as(plan, trials), MONDAY, trials)
    assert "declared so" in judged(plan, metrics, tables, record)["status_reason"][0]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"seeds": [0, 1, 2, 3]}, "seeds 4 were added"),
        ({"seeds": [0, 1, 2, 3, 4, 5]}, "seeds 5 are left out; arm new lacks seeds 5"),
        ({"seeds": [9, 10]}, "seeds are 0-4, registered 9-10"),
        ({"fingerprint": "other"}, "the data of toy are others"),
        ({"stopping": {"looks": [3, 5]}}, "stopping: looks is not set, registered [3, 5]"),
        ({"precision": "bfloat16"}, "precision is float32, registered bfloat16"),
        ({"versions": {"study": 2}}, "the study has version 1, registered 2"),
        (
            {"arms": {"new": {"objective": {"arm": 7}, "width": 8}, "old": {}}},
            "arm new: objective.arm is 0, registered 7",
        ),
    ],
)
def test_deviated_names_what_was_departed_from(declare, metrics, tables, trials, changes, why):
    plan = declare(H1={})
    record = registered(declared_as(plan, trials, **changes), MONDAY, trials)
    row = judged(plan, metrics, tables, record).iloc[0]
    assert row["status"] == "deviated"
    assert why in row["status_reason"]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({"H1": {"min_effect": 0.2}}, {"H1": {}}, "its min_effect is not set, registered 0.2"),
        (
            {"H1": {}, "families": {"primary": {"alpha": 0.01}}},
            {"H1": {}},
            "its family's alpha is 0.05, registered 0.01",
        ),
        ({"H1": {}, "H2": {"min_effect": 0.1}}, {"H1": {}}, "its family lost H2"),
        (
            {"H1": {}, "families": {"primary": {"correction": "fdr_bh"}}},
            {"H1": {}, "H2": {}, "families": {"primary": {"correction": "fdr_bh"}}},
            "H2 are new in its family",
        ),
    ],
)
def test_a_changed_claim_is_named(declare, metrics, tables, trials, before, after, why):
    record = registered(declared_as(declare(**before), trials), MONDAY, trials)
    row = judged(declare(**after), metrics, tables, record).iloc[0]
    assert row["status"] == "deviated"
    assert why in row["status_reason"]


def test_what_cannot_change_a_verdict_is_no_departure(declare, metrics, tables, trials):
    record = registered(declared_as(declare(H1={}), trials), MONDAY, trials)
    plan = declare(H1={"question": "said better"}, H2={"metric": {"name": "loss", "split": "test"}})
    now = declared_as(plan, trials)
    now = now.model_copy(update={"arms": {**now.arms, "third": {"width": 9}}})
    rows = judged(plan, metrics, tables, record, now=now).set_index("hypothesis")
    assert rows.loc["H1", "status"] == "confirmatory"
    assert rows.loc["H2", "status"] == "exploratory"


def test_trials_that_nobody_began_or_that_were_altered_are_named(declare, metrics, tables, trials):
    plan = declare(H1={})
    record = registered(declared_as(plan, trials), MONDAY, trials.iloc[1:])
    assert (
        "1 of its trials were not begun"
        in judged(plan, metrics, tables, record)["status_reason"][0]
    )
    record = registered(declared_as(plan, trials), MONDAY, trials)
    row = judged(plan, metrics, tables, record, altered={"new-2": "its weights are gone"}).iloc[0]
    assert row["status_reason"] == "trial new-2: its weights are gone"


def test_attempts_are_counted_shown_and_paid_for(declare, metrics, tables, trials):
    plan = declare(H1={}, H2={"min_effect": 0.05})
    first = registered(declared_as(plan, trials, seeds=[7]), MONDAY, trials)
    first = looked(first, "toy", {"H1": "inconclusive", "H2": "not_run"})
    record = registered(declared_as(plan, trials), TUESDAY, trials, first)
    rows = judged(plan, metrics, tables, record).set_index("hypothesis")
    assert rows.loc["H1", ["attempt", "earlier_verdicts"]].tolist() == [2, "inconclusive"]
    assert rows.loc["H2", ["attempt", "earlier_verdicts"]].tolist() == [1, ""]
    # Under another name it asks the same; with another boundary it asks something else.
    renamed = declare(Hx={}, H2={"min_effect": 0.07})
    record = registered(declared_as(renamed, trials), TUESDAY, trials, first)
    assert attempts(record, "toy", "Hx") == ["inconclusive"]
    assert attempts(record, "toy", "H2") == []
    assert asked_otherwise(record, "toy", "H2") == []
    # An arm under another name, with the same configuration, is the same arm.
    again = {"arms": {"treatment": "newer", "control": "old"}}
    own = declared_as(declare(H1=again), trials)
    arms = {"newer": own.arms["new"], "old": own.arms["old"]}
    record = registered(own.model_copy(update={"arms": arms}), TUESDAY, trials, first)
    assert attempts(record, "toy", "H1") == ["inconclusive"]


def test_what_was_asked_otherwise_is_shown_and_not_paid_for(declare, metrics, tables, trials):
    before = declared_as(declare(H1={"min_effect": 0.3}), trials, seeds=[7])
    first = looked(registered(before, MONDAY, trials), "toy", {"H1": "refuted"})
    plan = declare(H1={})
    record = registered(declared_as(plan, trials), TUESDAY, trials, first)
    row = judged(plan, metrics, tables, record).iloc[0]
    assert row[["attempt", "earlier_verdicts", "asked_otherwise"]].tolist() == [1, "", "refuted"]
    assert "another claim was judged before: refuted." in verdict_sentence(row.to_dict())


@pytest.mark.parametrize(
    ("turned", "is_attempt"),
    [
        ({"test": {"primary": "sign_flip"}}, True),
        ({"test": {"sides": "two"}}, True),
        ({"pairing": "none", "test": {"primary": "welch_t"}}, True),
        ({"generalises_to": ["seeds", "examples"]}, True),
        ({"min_seeds": 3, "missing": "exclude_pair", "varies": ["objective", "model"]}, True),
        ({"metric": {"name": "accuracy", "split": "validation"}}, True),
        ({"metric": {"name": "accuracy", "split": "test", "better": "higher"}}, True),
        ({"min_effect": "20.0% of control mean"}, True),
        ({"min_effect": "21% of control mean"}, False),
        ({"min_effect": 0.2}, False),
        ({"arms": {"treatment": "old", "control": "new"}}, False),
        ({"metric": {"name": "loss", "split": "test"}}, False),
        ({"kind": "non_inferiority", "margin": "20% of control mean", "min_effect": None}, False),
    ],
)
def test_what_belongs_to_a_claim_and_what_is_another_try(
    declare, metrics, trials, turned, is_attempt
):
    own = {"min_effect": "20% of control mean"}
    before = declared_as(declare(H1=own), trials, metrics, seeds=[7])
    first = looked(registered(before, MONDAY, trials), "toy", {"H1": "inconclusive"})
    stated = {key: value for key, value in (own | turned).items() if value is not None}
    now = declared_as(declare(Hx=stated), trials, metrics)
    record = registered(now, TUESDAY, trials, first)
    assert attempts(record, "toy", "Hx") == ["inconclusive"] * is_attempt
    # Another boundary under another name is no attempt, and is shown.
    nearly = "min_effect" in turned and "kind" not in turned and not is_attempt
    assert asked_otherwise(record, "toy", "Hx") == ["inconclusive"] * nearly


def test_lists_and_levels_mean_the_same_in_any_order_and_scale(declare, trials):
    def asked(**claim):
        return Asked(declared_as(declare(H1=claim), trials).claims["H1"].claim, {})

    pairs = {"kind": "arms_differ", "arms": ["a", "b", "c"]}
    assert same(asked(**pairs), asked(**pairs | {"arms": ["c", "a", "b"]}), by_name=True)
    trend = {"kind": "monotone", "factor": "width", "direction": "increasing"}
    one, other, turned = (
        asked(**trend, levels=levels)
        for levels in ({"a": 1, "b": 2, "c": 5}, {"a": 0, "b": 3, "c": 9}, {"b": 0, "a": 1, "c": 2})
    )
    assert same(one, other, by_name=True)
    assert not same(one, turned, by_name=True)


def test_the_same_data_under_another_name_are_the_same_data(declare, trials):
    declared = declared_as(declare(H1={}), trials, seeds=[7])
    first = looked(registered(declared, MONDAY, trials), "toy", {"H1": "inconclusive"})

    def attempts_of(**changes):
        now = declared_as(declare(H1={}), trials, subject="toys", **changes)
        return attempts(registered(now, TUESDAY, trials, first), "toys", "H1")

    assert attempts_of() == ["inconclusive"]
    assert attempts_of(fingerprint="other") == []
    # Of other arms the names say nothing there, and of a sweep's winner nothing is known.
    assert attempts_of(arms={"new": {"width": 9}, "old": {"width": 3}}) == []
    assert attempts_of(arms={"new": {}, "old": declared.arms["old"]}) == []


def test_the_price_of_attempts_adds_up_to_a_twentieth():
    spent = [1 / Standing("confirmatory", "", ("inconclusive",) * k).price for k in range(30)]
    assert spent[0] == 1
    assert sum(spent) == pytest.approx(1 + LATER_ATTEMPTS)
