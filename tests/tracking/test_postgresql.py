"""Runs and sweeps on a real server of PostgreSQL, whose password is found nowhere afterwards."""

import re
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import mlflow
import pytest
from sqlalchemy import MetaData, create_engine, select

from labs.postgresql import PASSWORD
from latentlab.core.errors import UserError
from latentlab.tracking.store_creation import prepare_store


@pytest.fixture(scope="module")
def store(postgresql_server):
    """A store of MLflow that two processes have made at once."""
    address = postgresql_server.new_database("runs")
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        list(pool.map(prepare_store, [address] * 2))
    return address


def test_a_sweep_is_asked_and_tracked_there(store, postgresql_server, bare_project):
    project = replace(bare_project, tracking=store)
    sweeps = postgresql_server.new_database("asked")
    done = project.kedro(
        "run",
        "--env=smoke",
        "--pipelines=derp_vae.data_preparation,derp_vae_sweep.search",
        f"--params=sweeps.storage={sweeps},compute.engine=inline,derp_vae.seeds.count=1",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    client = mlflow.MlflowClient(store)
    (experiment,) = (one for one in client.search_experiments() if one.name == "derp_vae")
    assert experiment.artifact_location.startswith(project.root.as_uri())
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len(runs) == 1 + 6 * 2
    (parent,) = (run for run in runs if "kedro_command" in run.data.tags)
    assert parent.data.params["sweeps.storage"] == sweeps.replace(PASSWORD, "***")
    for path in filter(lambda one: one.is_file(), project.root.rglob("*")):
        assert PASSWORD.encode() not in path.read_bytes(), path
    for address in (store, sweeps):
        assert PASSWORD not in everything_in(address)


def everything_in(address):
    """All rows of all tables, as text."""
    engine, tables = create_engine(address), MetaData()
    tables.reflect(engine)
    with engine.connect() as rows:
        text = "".join(str(rows.execute(select(table)).all()) for table in tables.tables.values())
    engine.dispose()
    return text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((PASSWORD, "a-secret"), "password authentication failed .* Correct the user and"),
        (("/runs", "/nowhere"), 'database "nowhere" does not exist.* createdb NAME'),
        ((r":\d+/", ":1/"), "refused.* Start the server, or correct host and port"),
        ((PASSWORD, "a@secret:x"), "it is no URL, perhaps by a sign in its password"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_line(store, change, said):
    with pytest.raises(UserError, match=f"postgresql://lab:[*]{{3}}@.*{said}") as caught:
        prepare_store(re.sub(*change, store))
    assert "sesame" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_driver_names_the_extra(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"psycopg is not installed. .*'\.\[postgresql\]"):
        prepare_store(store)
