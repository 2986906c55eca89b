"""What goes wrong outside the project's own code, by kind: full disks, databases, servers, memory.

The edge asks `explained` of every error that reaches it. What has no line here is a programming
error and keeps its traceback. Kinds are named, not imported: none of the libraries is needed.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError

from latentlab.core.errors import UserError

_FREE = "Free some space, then run again: what is finished is kept."
_SERVER = (
    "Start it or correct the address (MLFLOW_TRACKING_URI, mlflow.yml, sweeps.storage), then run "
    "again: trained trials are kept."
)
_DATABASE = (
    "Use the program's version that wrote it, or another database (MLFLOW_TRACKING_URI, "
    "mlflow.yml, sweeps.storage)."
)
_SMALLER = (
    "Make the model, the batch or the number of examples smaller, or set compute.cohort and "
    "compute.workers to 1; trained trials are kept."
)
_NAMES = (
    "Names of pipelines: kedro registry list; of nodes and datasets: kedro registry describe "
    "<pipeline>; of options: kedro run --help."
)

_OF_FILES = {
    errno.ENOSPC: ("the disk is full", _FREE),
    errno.EDQUOT: ("the quota of the disk is used up", _FREE),
    errno.EROFS: ("the disk cannot be written to", "Choose another folder, or mount it writable."),
    errno.EACCES: ("access is denied", "Change its permissions, then run again."),
    errno.EPERM: ("access is denied", "Change its permissions, then run again."),
    errno.EIO: ("the disk reports an error", "Check the disk, then run again."),
    errno.EISDIR: ("a folder stands where a file should", "Move it away, then run again."),
    errno.ENOTDIR: ("a file stands where a folder should", "Move it away, then run again."),
    errno.EMFILE: ("too many files are open", "Raise the limit: ulimit -n 4096."),
    errno.ENFILE: ("too many files are open", "Close other programs, then run again."),
    errno.ENOMEM: ("there is not enough memory", _SMALLER),
}
_OF_SQLITE = {
    1: ("it has another schema than is expected", _DATABASE),
    5: ("another program holds it locked", "End that program or wait, then run again."),
    6: ("another program holds it locked", "End that program or wait, then run again."),
    8: ("it cannot be written to", "Change its permissions and those of its folder."),
    10: ("the disk reports an error", _FREE),
    11: ("it is damaged", "Move it away: a new one is made."),
    13: ("the disk is full", _FREE),
    14: ("it cannot be opened", "Correct its address, or make the folder it lies in."),
    26: ("it is no database", "Correct the address, or move the file away."),
}
"""By SQLite's primary result code."""

Explain = Callable[[BaseException], "UserError | None"]


@dataclass(frozen=True)
class Kind:
    """Errors that mean the same to a user.

    Attributes:
        classes: full names of the classes; those that inherit from them are meant too.
        explain: the line for one; None where this one is a programming error after all.
    """

    classes: frozenset[str]
    explain: Explain


def explained(error: BaseException) -> UserError | None:
    """Return the line for an error that a user can mend; None for a programming error."""
    chain = list(_causes(error))
    for one in chain:
        if isinstance(one, UserError):
            return one
    # From what happened first to what was made of it: the first cause says most.
    for one in reversed(chain):
        names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(one).__mro__}
        for kind in KINDS:
            if names & kind.classes and (line := kind.explain(one)):
                return line
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it; an error that is raised again leads to itself."""
    told: list[BaseException] = []
    seen: BaseException | None = error
    while seen is not None and not any(seen is one for one in told):
        yield seen
        told.append(seen)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _text(error: BaseException) -> str:
    """Return the first sentence or so of a library's message, without its statements and links."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("[SQL", "(Background", "Hint"))]
    return " ".join(kept)[:400] or type(error).__name__


def _library(error: BaseException) -> str:
    """Return the first package with a database in whose code an error was raised."""
    modules = []
    trace = error.__traceback__
    while trace is not None:
        modules.append(str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0])
        trace = trace.tb_next
    return next((name for name in modules if name in _STORES), "")


_STORES = {"mlflow": "MLflow's database", "optuna": "the sweep's or study's database"}


_NO_GPU = (
    *("not compiled with CUDA", "No CUDA GPUs are available", "no NVIDIA driver"),
    "Cannot access accelerator device when none is available",
)


def _of_memory(error: BaseException) -> UserError:
    return UserError(f"There is not enough memory: {_text(error)}", _SMALLER)


def _of_torch(error: BaseException) -> UserError | None:
    # torch has no class of its own for a full memory of the CPU.
    if any(words in str(error) for words in ("can't allocate memory", "not enough memory")):
        return _of_memory(error)
    # Nor for a GPU that is not there.
    if any(words in str(error) for words in _NO_GPU):
        return UserError(
            f"{_asker(error, without='torch')} asks for a GPU, and there is none: {_text(error)}",
            "Take .cuda() and .to('cuda') out of it: modules and batches are put where "
            "compute.device says.",
        )
    return None


def _of_file(error: BaseException) -> UserError | None:
    assert isinstance(error, OSError)
    if error.errno not in _OF_FILES:
        return None
    what, remedy = _OF_FILES[error.errno]
    return UserError(f"{error.filename or 'A file'}: {what}", remedy)


def _of_connection(error: BaseException) -> UserError:
    return UserError(f"A server does not answer: {_text(error)}", _SERVER)


def _of_database(error: BaseException) -> UserError:
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlite_errorcode", None)
    what, remedy = _OF_SQLITE.get((code or 0) & 0xFF, ("it does not answer", _SERVER))
    name = _STORES.get(_library(error), "The database")
    return UserError(f"{name[:1].upper()}{name[1:]}: {what} ({_text(original)})", remedy)


def _of_address(error: BaseException) -> UserError:
    return UserError(
        f"No database or server can be reached under this address: {_text(error)}",
        "Correct MLFLOW_TRACKING_URI, mlflow.yml or sweeps.storage, as in sqlite:////home/me/a.db.",
    )


def _of_module(error: BaseException) -> UserError | None:
    assert isinstance(error, ModuleNotFoundError)
    package = (error.name or "").partition(".")[0]
    if package in {"", "latentlab"}:
        return None
    asker = _asker(error, without="importlib")
    if isinstance(error, PackageNotFoundError):
        return UserError(
            f"{asker} asks which version of {error.name} is installed, and none is",
            f"Install it (pip install {error.name}), or its folder: pip install --no-deps FOLDER.",
        )
    return UserError(
        f"The package {package} is not installed, which {asker} asks for",
        f"Install it (pip install {package}), or put the folder that holds it on PYTHONPATH.",
    )


def _asker(error: BaseException, without: str) -> str:
    """Return the name of the innermost module, of another package, that asked for what failed."""
    frames = traceback.walk_tb(error.__traceback__)
    names = [str(frame.f_globals.get("__name__", "")) for frame, _ in frames]
    return next((n for n in reversed(names) if n.partition(".")[0] != without), "The run")


def _of_mlflow(error: BaseException) -> UserError | None:
    # A value that MLflow refuses is our mistake, not the user's.
    if getattr(error, "error_code", "") in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}:
        return None
    return UserError(f"MLflow: {_text(error)}", _SERVER)


def _of_migration(error: BaseException) -> UserError:
    return UserError(f"MLflow's database is of another version: {_text(error)}", _DATABASE)


def _of_catalog(error: BaseException) -> UserError:
    return UserError(f"conf/, catalog: {_text(error)}", "Correct that entry of the catalog.")


def _of_reference(error: BaseException) -> UserError:
    return UserError(f"--params or conf/: {_text(error)}", "Write key=value, as in a.b=3.")


def _of_kedro(error: BaseException) -> UserError | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    # Raised by Kedro itself, not below it: it refuses what the command line asks for.
    return UserError(_text(error), _NAMES) if module.startswith("kedro.") else None


KINDS = (
    Kind(frozenset({"builtins.MemoryError", "torch.OutOfMemoryError"}), _of_memory),
    Kind(frozenset({"builtins.RuntimeError", "builtins.AssertionError"}), _of_torch),
    Kind(
        frozenset(
            {
                "builtins.ConnectionError",
                "builtins.TimeoutError",
                "socket.gaierror",
                "requests.exceptions.RequestException",
                "urllib3.exceptions.HTTPError",
            }
        ),
        _of_connection,
    ),
    Kind(frozenset({"builtins.OSError"}), _of_file),
    Kind(
        frozenset(
            {
                "sqlalchemy.exc.NoSuchModuleError",
                "sqlalchemy.exc.ArgumentError",
                "mlflow.tracking.registry.UnsupportedModelRegistryStoreURIException",
            }
        ),
        _of_address,
    ),
    Kind(frozenset({"sqlalchemy.exc.DBAPIError", "sqlite3.Error"}), _of_database),
    Kind(frozenset({"alembic.util.exc.CommandError"}), _of_migration),
    Kind(frozenset({"builtins.ModuleNotFoundError"}), _of_module),
    Kind(frozenset({"mlflow.exceptions.MlflowException"}), _of_mlflow),
    Kind(frozenset({"optuna.exceptions.StorageInternalError"}), _of_database),
    Kind(frozenset({"kedro.io.core.DatasetError"}), _of_catalog),
    Kind(
        frozenset({"omegaconf.errors.OmegaConfBaseException", "yaml.error.YAMLError"}),
        _of_reference,
    ),
    Kind(frozenset({"builtins.ValueError", "builtins.AttributeError"}), _of_kedro),
)
"""In the order in which they are asked: a connection that is refused is no file."""
