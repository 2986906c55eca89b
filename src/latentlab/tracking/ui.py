"""Opens MLflow's pages on this machine alone: `python -m latentlab.tracking.ui [--port 5000]`."""

from __future__ import annotations

import os
import sys

from latentlab.core.errors import UserError
from latentlab.tracking.store_address import tracking_uri
from latentlab.tracking.store_creation import prepare_store

PORT = "5000"


def command(arguments: list[str]) -> list[str]:
    """The server's command line; bound to 127.0.0.1, with one worker, which starts fastest."""
    given = arguments if "--port" in arguments else ["--port", PORT, *arguments]
    server = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--workers", "1"]
    return [*server, *given]


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
