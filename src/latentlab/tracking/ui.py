"""Opens MLflow's pages on this machine alone: `python -m latentlab.tracking.ui [--port 5000]`."""

from __future__ import annotations

import os
import socket
import sys
from urllib.parse import quote

from latentlab.core.databases import shown
from latentlab.core.errors import UserError
from latentlab.tracking.store_address import is_server, tracking_uri
from latentlab.tracking.store_creation import prepare_store

PORT = "5000"


def command(arguments: list[str]) -> list[str]:
    """The server's command line; bound to 127.0.0.1, with one worker, which starts fastest."""
    given = arguments if "--port" in arguments else ["--port", PORT, *arguments]
    server = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--workers", "1"]
    return [*server, *given]


def run_path(experiment: str, run: str, part: str = "") -> str:
    """Return where MLflow's pages have a run, or a part of it, whatever server shows them.

    Without their workflow the pages of language models surround it.
    """
    return f"#/experiments/{experiment}/runs/{run}{part}?workflowType=machine_learning"


def view_path(experiment: str, view: str) -> str:
    """Return where MLflow's pages have a saved view of an experiment, with its charts."""
    opened = f"viewStateShareKey={quote(view)}&compareRunsMode=CHART"
    return f"#/experiments/{experiment}/runs?{opened}&workflowType=machine_learning"


def page_of(uri: str, path: str) -> str:
    """Return the address of a page, and what opens the pages where nothing does yet.

    Args:
        uri: of the tracking store; a server has pages of its own.
        path: from `run_path` or `view_path`.
    """
    if is_server(uri):
        return f"{str(shown(uri)).rstrip('/')}/{path}"
    with socket.socket() as probe:
        probe.settimeout(0.2)
        is_open = probe.connect_ex(("127.0.0.1", int(PORT))) == 0
    return f"http://127.0.0.1:{PORT}/{path}" + ("" if is_open else "  (after make ui)")


if __name__ == "__main__":
    # Jobs that evaluate language models: unused here, and slower to start than the pages.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    try:
        # The server would make its tables beside a first run that makes them too.
        prepare_store(tracking_uri())
    except UserError as error:
        sys.exit(f"Error: {error}")
    # Not as an argument: every user of the machine sees these.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = tracking_uri()
    arguments = command(sys.argv[1:])
    os.execv(arguments[0], arguments)
