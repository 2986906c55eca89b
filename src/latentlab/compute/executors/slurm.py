"""Gives jobs to SLURM through submitit: one array a stage.

What is under way is what the queue and submitit's folder say: there is no record of ours that a
killed driver could leave behind half-written. A job that is preempted or comes to the end of its
time is queued again by itself, and goes on from its checkpoint.
"""

from __future__ import annotations

import getpass
import hashlib
import logging
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from latentlab.compute.config import SlurmSettings
from latentlab.compute.executors.cluster import Cluster, Outcome, work
from latentlab.compute.executors.job import Order
from latentlab.core.errors import UserError
from latentlab.core.stopping import Left

if TYPE_CHECKING:
    from submitit import Job
    from submitit.core.utils import DelayedSubmission

logger = logging.getLogger(__name__)

REQUEUES = 1000
"""How often a job may come to the end of its time: each time it has got further."""
SIGNALLED = 30
"""Seconds before the end of its time at which a job is queued again."""
QUEUE_SECONDS = 2.0
"""The queue is asked at most this often: all users of a cluster share what answers."""
PATIENCE = 60.0
"""Seconds for cancelled jobs to leave the queue."""
HELD = ("launch failed requeued held", "JobHoldMaxRequeue")
"""Why SLURM itself holds a job for good: it could not begin, as after its controller was lost."""
GRACE = 3.0
"""Seconds in which the result of a job that left the queue may still come, over the network."""


class Task:
    """An order as submitit calls it, which queues it again as it is when its time is up."""

    def __init__(self, order: Order, folder: Path) -> None:
        self.order = order
        self.folder = folder

    def __call__(self) -> Outcome:
        """Carry it out; news are in the job's note."""
        self._go_on_where_it_cannot_be_queued()
        return work(self.order, lambda news: None, self.folder)

    def checkpoint(self) -> DelayedSubmission:
        """Return what is to be queued again: checkpoints are written while it runs."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self)

    def _go_on_where_it_cannot_be_queued(self) -> None:
        """Let no error of `scontrol` end the job: SLURM will, and the driver gives it in again."""
        from submitit.slurm.slurm import SlurmJobEnvironment

        number = SlurmJobEnvironment._usr_sig()
        queue_again = signal.getsignal(number)
        assert callable(queue_again)

        def told(number: int, frame: FrameType | None) -> None:
            try:
                queue_again(number, frame)
            except (OSError, subprocess.SubprocessError) as error:
                logger.warning("The job is not queued again: %s", error)

        signal.signal(number, told)


class Slurm(Cluster):
    """Runs jobs on a SLURM cluster.

    Args:
        settings: what a job asks for.
        workers: how many jobs may run at once.
        folder: that driver and nodes share.

    Raises:
        UserError: submitit is missing, or SLURM's commands are.
    """

    name = "SLURM"

    def __init__(self, settings: SlurmSettings, workers: int, folder: Path) -> None:
        super().__init__(workers, folder)
        try:
            import submitit
        except ModuleNotFoundError as error:
            raise UserError(
                "compute.engine is slurm, which needs submitit", "pip install -e '.[slurm]'"
            ) from error
        self._pickles = self._folder / "slurm"
        self._queue_name = queue_name(folder)
        self._jobs: dict[str, Job[Outcome]] = {}
        self._asked = -QUEUE_SECONDS
        self._reasons: dict[str, str] | None = {}
        self._gone: dict[str, float] = {}
        try:
            self._submitit = submitit.SlurmExecutor(self._pickles, max_num_timeout=REQUEUES)
        except RuntimeError as error:
            raise UserError(
                "compute.engine is slurm, and there is no srun on this machine",
                "Run where jobs are given in, such as the login node, or set compute.engine.",
            ) from error
        asked = {
            "partition": settings.partition,
            "gpus_per_node": settings.gpus,
            "mem": settings.memory,
            "setup": settings.setup or None,
            # Clusters may be set so that jobs are not queued again unless they ask for it.
            "additional_parameters": {"requeue": True} | settings.options,
        }
        self._submitit.update_parameters(
            job_name=self._queue_name,
            time=settings.time,
            cpus_per_task=settings.cpus,
            array_parallelism=workers,
            signal_delay_s=SIGNALLED,
            **{key: value for key, value in asked.items() if value is not None},
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel what still runs after an error, unless it was left on purpose; else tidy up."""
        if error is None:
            if queue(self._queue_name) == {}:
                shutil.rmtree(self._pickles, ignore_errors=True)
        elif not isinstance(error, Left):
            self.drop(list(self._jobs))

    def submit(self, orders: Sequence[Order], leave: bool) -> None:
        """Give in jobs as one array; they outlive this process in any case.

        Raises:
            UserError: SLURM refuses them.
        """
        if not orders:
            return
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        tasks = [Task(order, self._folder) for order in orders]
        try:
            with self._submitit.batch():
                jobs = [self._submitit.submit(task) for task in tasks]
        except (FailedJobError, FailedSubmissionError, OSError) as error:
            raise UserError(
                f"SLURM takes no jobs: {error}",
                "Correct compute.slurm, or ask who runs the cluster.",
            ) from error
        for order, job in zip(orders, jobs, strict=True):
            self._jobs[order.name] = job
        self._asked = -QUEUE_SECONDS

    def has(self, name: str) -> bool:
        """Say whether a job of this name was left over."""
        return name in self._jobs

    def look(self, names: Sequence[str]) -> tuple[dict[str, Outcome], list[str]]:
        """Return what has ended, and what was lost: left the queue without a result, or is held."""
        queued, now = self._queue(), time.monotonic()
        ended, lost = {}, []
        for name in names:
            job = self._jobs[name]
            if job.paths.result_pickle.exists():
                ended[name] = self._result(name)
            elif queued is not None and queued.get(job.job_id) in HELD:
                self.drop([name])
                lost.append(name)
            elif queued is None or job.job_id in queued:
                self._gone.pop(name, None)
            elif now - self._gone.setdefault(name, now) >= GRACE:
                del self._gone[name]
                lost.append(name)
        return ended, lost

    def left_over(self) -> list[Order]:
        """Return what the queue still has of this folder's jobs; cancels what was half given in."""
        queued = self._queue()
        if queued is None:
            raise UserError(
                "SLURM does not answer (squeue)",
                "Its jobs may still run: wait for it to come back, then run again.",
            )
        from submitit import SlurmJob

        orders = []
        for number in queued:
            job: Job[Outcome] = SlurmJob(self._pickles, number)
            if not job.paths.submitted_pickle.exists():
                # A driver was killed between giving it in and saying what it is to do.
                subprocess.run(["scancel", number], check=False, capture_output=True)
                continue
            task = job.submission().function
            assert isinstance(task, Task)
            self._jobs[task.order.name] = job
            orders.append(task.order)
        return orders

    def drop(self, names: Collection[str]) -> None:
        """Cancel jobs, and wait until they are gone: what comes after may train the same trials."""
        numbers = [job.job_id for n in names if (job := self._jobs.pop(n, None)) is not None]
        if not numbers:
            return
        subprocess.run(["scancel", *numbers], check=False, capture_output=True)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            queued = queue(self._queue_name)
            if queued is not None and not queued.keys() & set(numbers):
                return
            time.sleep(QUEUE_SECONDS / 4)

    def _result(self, name: str) -> Outcome:
        """Read a job's result, and remove its files."""
        job = self._jobs.pop(name)
        kind, outcome = job._get_outcome_and_result()
        if kind == "error":
            return Outcome(error=self._not_begun(name, str(outcome)))
        for path in job.paths.folder.glob(f"{job.job_id}_*"):
            path.unlink(missing_ok=True)
        assert isinstance(outcome, Outcome)
        return outcome

    def _not_begun(self, name: str, trace: str) -> UserError:
        return UserError(
            f"SLURM's job {name} could not begin: {trace.strip().splitlines()[-1]}",
            f"compute.slurm.setup can prepare the machine; what it printed is in {self._pickles}.",
        )

    def _queue(self) -> dict[str, str] | None:
        if time.monotonic() - self._asked >= QUEUE_SECONDS:
            found = queue(self._queue_name)
            if found is None and self._reasons is not None:
                logger.warning("SLURM does not answer: waiting for it")
            self._asked, self._reasons = time.monotonic(), found
        return self._reasons


def queue_name(folder: Path) -> str:
    """Return the name that jobs of a folder bear in the queue."""
    digest = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]
    return f"latentlab-{digest}"


def queue(name: str) -> dict[str, str] | None:
    """Return why jobs of a name wait, by number, of those queued; None: SLURM does not answer."""
    asked = ["squeue", "--noheader", "--array", f"--name={name}", f"--user={getpass.getuser()}"]
    try:
        done = subprocess.run(
            [*asked, "--format=%i %r"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    # Of this reason some editions of SLURM write the words apart.
    return {number: reason.replace("_", " ") for number, reason in lines}
