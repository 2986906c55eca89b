"""Claims that are registered before the runs: when their verdicts may be called confirmatory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from labs.table_imports import never
from labs.trackers import table
from latentlab.core.errors import UserError
from latentlab.runs.judging.judged import JudgedRuns, judge_runs
from latentlab.runs.judging.registering import note_look, record_path, register_claims
from latentlab.runs.judging.settings import EvidenceSettings

DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    """The claims that a report proposes, to be confirmed."""
    table().to_csv(tmp_path / "seen.csv", index=False)
    found = judge_runs(EvidenceSettings(source="seen.csv"), tmp_path, never)
    text = found.document.texts["claims.yml"].replace("status: exploratory", "status: confirmatory")
    path = tmp_path / "claims.yml"
    path.write_text(text)
    return path


def judged(claims: Path, started: datetime | None, seeds: int = 6, **chosen: object) -> JudgedRuns:
    runs = table(seeds)
    if started is not None:
        runs["Created"] = [(started + timedelta(minutes=k)).isoformat() for k in range(len(runs))]
    runs.to_csv(claims.parent / "runs.csv", index=False)
    settings = EvidenceSettings(source="runs.csv", claims=claims.name, **chosen)
    return judge_runs(settings, claims.parent, never)


def standing(found: JudgedRuns) -> tuple[str, str]:
    (status,), (reason,) = (set(found.verdicts[name]) for name in ("status", "status_reason"))
    return status, reason


def test_runs_that_began_after_the_registration_confirm(claims: Path) -> None:
    assert standing(judged(claims, DAY))[0] == "exploratory"
    register_claims(claims, "", [], DAY)
    assert standing(judged(claims, DAY + timedelta(hours=1))) == ("confirmatory", "")
    status, reason = standing(judged(claims, DAY - timedelta(minutes=5)))
    assert (status, reason) == (
        "exploratory",
        "some of its trials started before it was registered",
    )
    status, reason = standing(judged(claims, None))
    assert (status, reason) == ("exploratory", "not every trial says when it was started")


def test_runs_cannot_begin_after_they_are_judged(claims: Path) -> None:
    register_claims(claims, "", [], DAY)
    found = judged(claims, datetime.now(UTC) + timedelta(days=1))
    assert standing(found) == ("exploratory", "12 runs begin in the future")


def test_which_way_a_metric_is_better_is_registered_with_the_claims(claims: Path) -> None:
    text = claims.read_text()
    assert "name: acc" in text
    assert "    better: higher\n" in text
    claims.write_text(text.replace("    better: higher\n", "").replace("name: acc", "name: beta"))
    with pytest.raises(
        UserError, match=r"claims.yml: hypothesis .* Say better: higher or lower of"
    ):
        register_claims(claims, "", [], DAY)
    assert not record_path(claims).exists()
    equivalent = text.replace("    better: higher\n", "").replace("name: acc", "name: beta")
    equivalent = equivalent.replace("kind: superiority", "kind: equivalence\n    margin: 0.1")
    claims.write_text(equivalent.replace("      sides: two\n", ""))
    register_claims(claims, "", [], DAY)


def test_a_direction_that_is_turned_after_the_registration_deviates(claims: Path) -> None:
    claims.write_text(claims.read_text().replace("    better: higher\n", ""))
    register_claims(claims, "", [], DAY)
    later = DAY + timedelta(hours=1)
    assert standing(judged(claims, later)) == ("confirmatory", "")
    turned = judged(claims, later, metric="test_acc", better="lower")
    assert standing(turned) == ("deviated", "which way acc is better was not registered")


def test_claims_that_were_changed_deviate_until_they_are_registered_anew(claims: Path) -> None:
    register_claims(claims, "", [], DAY)
    claims.write_text(claims.read_text().replace("alpha: 0.05", "alpha: 0.1"))
    status, reason = standing(judged(claims, DAY + timedelta(hours=1)))
    assert status == "deviated"
    assert "alpha is 0.1, registered 0.05" in reason
    with pytest.raises(UserError, match=r"registered otherwise.*alpha is 0.1.*--amendment"):
        register_claims(claims, "", [], DAY + timedelta(hours=2))
    register_claims(claims, "the level was a mistake", [], DAY + timedelta(hours=2))
    assert standing(judged(claims, DAY + timedelta(hours=1)))[0] == "exploratory"
    assert standing(judged(claims, DAY + timedelta(hours=3)))[0] == "confirmatory"


def test_a_second_look_at_more_runs_is_no_confirmation(claims: Path) -> None:
    register_claims(claims, "", [], DAY)
    later = DAY + timedelta(hours=1)
    for _ in range(2):
        first = judged(claims, later)
        assert standing(first)[0] == "confirmatory"
        note_look(claims, first.scores, first.verdicts, later)
    status, reason = standing(judged(claims, later, seeds=7))
    assert status == "deviated"
    assert reason.startswith("it was judged on other runs before")
    assert record_path(claims).read_text().count("kind: look") == 1


def test_a_record_that_was_edited_proves_nothing(claims: Path) -> None:
    register_claims(claims, "", [], DAY)
    register_claims(claims, "", [], DAY)
    path = record_path(claims)
    assert path.read_text().count("kind: registered") == 1
    claims.write_text(claims.read_text().replace("alpha: 0.05", "alpha: 0.1"))
    register_claims(claims, "why", [], DAY)
    path.write_text(path.read_text().replace("alpha: 0.05", "alpha: 0.04"))
    status, reason = standing(judged(claims, DAY + timedelta(hours=1)))
    assert status == "deviated"
    assert "was edited" in reason


def test_a_metric_that_is_compared_by_ratios_is_registered_so(claims: Path) -> None:
    register_claims(claims, "", [], DAY)
    later = DAY + timedelta(hours=1)
    found = judged(claims, later, metric="test_acc", ratios="test_acc")
    assert standing(found) == ("deviated", "its scale is log, registered not set")
    register_claims(claims, "ratios", ["acc"], DAY)
    found = judged(claims, later, metric="test_acc", ratios="test_acc")
    assert standing(found) == ("confirmatory", "")


def test_a_family_that_is_declared_exploratory_is_said(claims: Path) -> None:
    claims.write_text(claims.read_text().replace("status: confirmatory", "status: exploratory"))
    said = register_claims(claims, "", [], DAY)
    assert "stay exploratory" in said.lines()[1]
    assert set(judged(claims, DAY + timedelta(hours=1)).verdicts["status"]) == {"exploratory"}


def test_times_without_a_zone_are_of_this_machine(tmp_path: Path) -> None:
    from latentlab.runs.importers.starts import times_of

    local = datetime(2026, 1, 1, 12)
    times = times_of(pd.Series(["2026-01-01 12:00", "2026-01-01T12:00:00+02:00", ""]))
    assert times.iloc[0] == pd.Timestamp(local.astimezone())
    assert times.iloc[1] == pd.Timestamp("2026-01-01T10:00:00Z")
    assert pd.isna(times.iloc[2])
