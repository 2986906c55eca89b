"""The chain of a registration, and what verdicts may be called under it."""

import datetime

import numpy as np
import pytest

from labs.registrations import declared_as, registered
from latentlab.core.errors import UserError
from latentlab.evidence.registration import Look, Record, digest_of
from latentlab.evidence.standing import LATER_ATTEMPTS, Standing, standing_under
from latentlab.evidence.verdicts import judge

MONDAY = datetime.datetime(2026, 11, 16, 9, tzinfo=datetime.UTC)
TUESDAY = MONDAY + datetime.timedelta(days=1)
OLD = np.array([0.50, 0.52, 0.47, 0.55, 0.49])
NEW = OLD + np.array([0.11, 0.09, 0.12, 0.1, 0.08])
STARTED = "2026-11-20T00:00:00+00:00"


@pytest.fixture
def trials(tables):
    return tables({"new": NEW, "old": OLD})[1].assign(started_at=STARTED)


def looked(record, subject, verdicts, at=MONDAY):
    under = digest_of(record.registered(subject))
    seen = Look(
        at=at,
        previous=record.head(),
        git="unknown",
        under=under,
        scores="",
        weights="",
        seeds=[0],
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
    "text", ["", "[", "- 1\n", "at: yesterday\n", "---\nkind: registered\n", "a"]
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
        "kedro run --pipelines toy --params toy.seeds.first=5,toy.amendment=fresh_seeds"
    )


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
    assert record.attempts("toy", "Hx") == ["inconclusive"]
    assert record.attempts("toy", "H2") == []


def test_the_price_of_attempts_adds_up_to_a_tenth():
    spent = [1 / Standing("confirmatory", "", ("inconclusive",) * k).price for k in range(30)]
    assert spent[0] == 1
    assert sum(spent) == pytest.approx(1 + LATER_ATTEMPTS)
