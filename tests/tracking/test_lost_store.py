"""A tracking store that goes away: the run goes on, and the next one logs what is missing."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from labs.project_copies import empty_store
from latentlab.core.errors import UserError
from latentlab.tracking.outbox import KEPT, Outbox
from latentlab.tracking.sessions import FOLDER, TAG, Session, settle


@pytest.fixture
def lab(tmp_path: Path):
    uri = f"sqlite:///{empty_store(tmp_path)}"
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("study", (tmp_path / "files").as_uri())
    return tmp_path, uri, client, experiment


def gone(*arguments: object, **named: object) -> None:
    raise MlflowException("connection refused\nand more", TEMPORARILY_UNAVAILABLE)


def lose(client: mlflow.MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("create_run", "log_batch", "set_terminated", "log_artifact", "log_artifacts"):
        monkeypatch.setattr(client, name, gone)


def write_all(outbox: Outbox, parent: str, folder: Path) -> None:
    tags = {"mlflow.parentRunId": parent, "trial_id": "t0", "arm": "a"}
    child = outbox.create_child("a s0", 1000, tags)
    outbox.log_batch(child, [Metric("x", float("nan"), 5, 0)], [Param("p", "1")])
    outbox.end(child, "FINISHED", 2000)
    outbox.log_table(parent, "trials.csv", [["run_id"], [child]])
    (folder / "report").mkdir()
    (folder / "report" / "page.html").write_text("page")
    outbox.log_files(parent, folder / "report", "report")
    (folder / "verdicts.csv").write_text("v")
    outbox.log_files(parent, folder / "verdicts.csv")
    # What the next run overwrites is kept as it was.
    (folder / "verdicts.csv").write_text("later")
    outbox.log_batch(parent, tags=[RunTag("verdict", "supported")])
    outbox.end(parent, "FINISHED")


def test_what_is_missed_is_logged_by_the_next_run(lab, monkeypatch, caplog) -> None:
    root, uri, client, experiment = lab
    session = Session(root, uri, experiment)
    parent = client.create_run(experiment, tags={TAG: session.name}).info.run_id
    outbox = Outbox(client, session.folder, experiment)
    with monkeypatch.context() as patch:
        lose(client, patch)
        with caplog.at_level(logging.WARNING, "latentlab"):
            write_all(outbox, parent, root)
    assert [record.getMessage() for record in caplog.records] == [
        "The tracking store takes nothing any more (connection refused): the run goes on, and the "
        "next one logs what is missing."
    ]
    session.close(keep=outbox.lost)
    # A kill in the middle of sending: what was sent is found again.
    with monkeypatch.context() as patch:
        patch.setattr(client, "log_artifacts", gone)
        with pytest.raises(MlflowException):
            settle(root, uri, client)
    settle(root, uri, client)
    assert client.get_run(parent).info.status == "FINISHED"
    assert client.get_run(parent).data.tags["verdict"] == "supported"
    (child,) = client.search_runs([experiment], "tags.trial_id != ''")
    assert (child.info.status, child.info.start_time, child.info.end_time) == (
        "FINISHED",
        1000,
        2000,
    )
    assert child.data.params == {"p": "1"}
    table = Path(client.download_artifacts(parent, "trials.csv")).read_text().split()
    assert table == ["run_id", child.info.run_id]
    assert Path(client.download_artifacts(parent, "report/page.html")).read_text() == "page"
    assert Path(client.download_artifacts(parent, "verdicts.csv")).read_text() == "v"
    assert not list((root / FOLDER).iterdir())


def test_runs_of_dead_sessions_are_killed_and_of_living_ones_are_not(lab) -> None:
    root, uri, client, experiment = lab
    dead, living, elsewhere = (Session(root, u, experiment) for u in (uri, uri, "http://other"))
    runs = [
        client.create_run(experiment, tags={TAG: session.name}).info.run_id
        for session in (dead, living, elsewhere)
    ]
    child = client.create_run(experiment, tags={"mlflow.parentRunId": runs[0]}).info.run_id
    for session in (dead, elsewhere):
        session.close(keep=True)
    settle(root, uri, client)
    states = [client.get_run(run).info.status for run in (*runs, child)]
    assert states == ["KILLED", "RUNNING", "RUNNING", "KILLED"]
    assert living.folder.exists()
    assert elsewhere.folder.exists()
    living.close(keep=False)


def test_a_line_that_a_kill_cut_and_a_removed_run_stop_nothing(lab) -> None:
    root, uri, client, experiment = lab
    session = Session(root, uri, experiment)
    call = {"do": "end", "run": "0" * 32, "status": "FINISHED", "ended": None}
    (session.folder / KEPT).write_text(f'{json.dumps(call)}\n{{"do": "en')
    session.close(keep=True)
    settle(root, uri, client)
    assert not list((root / FOLDER).iterdir())


def test_a_wrong_write_is_an_error_and_no_loss(lab) -> None:
    root, _, client, experiment = lab
    outbox = Outbox(client, root, experiment)
    with pytest.raises(MlflowException, match="Invalid value"):
        outbox.log_batch(client.create_run(experiment).info.run_id, params=[Param("a=b", "1")])
    assert not outbox.lost


def test_a_full_disk_is_one_line(lab, monkeypatch) -> None:
    root, _, client, experiment = lab
    lose(client, monkeypatch)
    with pytest.raises(UserError, match="cannot be written"):
        Outbox(client, root / "nowhere", experiment).end("run", "FINISHED")
