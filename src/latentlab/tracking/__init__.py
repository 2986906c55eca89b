"""MLflow: the run tree, batch logging, the registered model, and the hook that drives them."""

import os

# A laboratory reports to nobody what is done in it; the reports also cost every call a quarter.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Its bar for the few files of the registered model would break into the verdicts.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# It says where each run is to be seen, for every trial.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# A server that is gone is given up after seconds, not minutes: what it misses is kept (outbox.py).
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
