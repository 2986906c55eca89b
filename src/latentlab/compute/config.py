"""The `compute` block: where and how trials run, never what they compute."""

from __future__ import annotations

import os
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from latentlab.core.model import StrictModel
from latentlab.core.validation import Mistake, all_of

AtLeastOne = Annotated[int, Field(ge=1, le=1024)]

SLURM_JOBS = 8
"""Jobs at once where nothing is said: few enough for any queue."""


A_GPU = 2
"""Workers of each GPU, where nothing is said: one prepares steps while another's are computed."""


class SlurmSettings(StrictModel):
    """What every job asks of a SLURM cluster; null leaves it to the cluster."""

    partition: str | None = Field(None, min_length=1, description="where jobs wait")
    time: int = Field(
        60,
        ge=1,
        le=100_000,
        description="minutes; a job that needs more goes on from its checkpoint",
    )
    gpus: AtLeastOne | None = Field(None, description="of each job")
    cpus: AtLeastOne = Field(1, description="of each job")
    memory: str | None = Field(None, pattern=r"^[1-9]\d*[KMGT]?$", description="of each, as 8G")
    setup: list[str] = Field([], description="shell commands before it, as module load cuda")
    options: dict[str, str] = Field({}, description="further options of sbatch, as account")


class DaskSettings(StrictModel):
    """Where Dask is."""

    address: str = Field(
        pattern=r"^[a-z]+://\S+$", description="of a scheduler, as tcp://10.0.0.7:8786"
    )


class ComputeConfig(StrictModel):
    """Device, precision and execution plan, chosen by the environment.

    `auto` leaves a choice to the calibration, which times the candidates on the real workload.
    """

    device: str = Field(
        "cpu",
        pattern=r"^(cpu|auto|mps|cuda(:\d+(,\d+)*)?)$",
        description="cpu, cuda (all there are), cuda:1, cuda:0,1, mps or auto",
    )
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32", description="arithmetic of the training steps; tf32 needs a GPU"
    )
    engine: Literal["auto", "inline", "processes", "slurm", "dask"] = Field(
        "auto", description="train in this process, in worker processes, or on a cluster"
    )
    workers: AtLeastOne | Literal["auto"] = Field(
        "auto",
        description=f"jobs at once; auto: one a core, {A_GPU} a GPU, {SLURM_JOBS} on SLURM, and on "
        "Dask one for each of its workers",
    )
    slurm: SlurmSettings | None = Field(None, description="what a job asks for; of engine slurm")
    dask: DaskSettings | None = Field(
        None, description="where Dask runs; of engine dask, null: on this machine"
    )
    detach: bool = Field(
        False, description="give the jobs in and end; the same command collects what is done"
    )
    cohort: Annotated[int, Field(ge=1, le=100_000)] | Literal["auto"] = Field(
        "auto", description="most trials in one cohort"
    )
    threads: AtLeastOne | Literal["auto"] = Field("auto", description="threads of each process")
    compile: bool | Literal["auto"] = Field(
        "auto", description="compile the step with torch.compile"
    )
    deterministic: bool = Field(
        False,
        description="use torch's deterministic algorithms alone, slower on a GPU; what has none "
        "then stops the run",
    )
    checkpoint_seconds: float = Field(
        10.0,
        gt=0,
        le=86_400,
        allow_inf_nan=False,
        description="seconds of training between checkpoints",
    )

    @model_validator(mode="after")
    def _of_the_engine(self) -> Self:
        """Refuse what belongs to another engine than the one that is chosen."""
        wrong = [
            Mistake((name,), f"is of engine {name}, and engine is {self.engine}", remedy)
            for name, block in (("slurm", self.slurm), ("dask", self.dask))
            if block is not None and self.engine != name
            for remedy in [f"Set compute.engine to {name}, or take compute.{name} out"]
        ]
        if self.detach and self.engine != "slurm" and self.dask is None:
            what = "leaves nobody who trains" if self.engine != "dask" else "needs a scheduler"
            remedy = "Set compute.engine to slurm, or to dask with compute.dask.address"
            wrong.append(Mistake(("detach",), what, remedy))
        if self.dask is not None and self.workers != "auto":
            what = "are those of the scheduler at compute.dask.address"
            wrong.append(Mistake(("workers",), what, "Take it out"))
        if wrong:
            raise all_of(wrong)
        return self

    def cores(self) -> int:
        """Cores this process may use."""
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else (os.cpu_count() or 1)

    def worker_count(self, device: str, devices: int = 1) -> int:
        """How many jobs run at once.

        Args:
            device: type of the devices.
            devices: how many of this machine are used.
        """
        if self.workers != "auto":
            return self.workers
        if self.engine == "slurm":
            return SLURM_JOBS
        if device == "cuda":
            return A_GPU * devices
        return self.cores() if device == "cpu" else 1

    def share_of_cores(self, jobs: int) -> int:
        """Cores for each of so many jobs at once."""
        if self.engine == "slurm":
            return (self.slurm or SlurmSettings()).cpus
        return 1 if self.engine == "dask" else max(1, self.cores() // jobs)

    @property
    def place(self) -> str:
        """Where a cluster's workers are, as far as their speed goes; empty on this machine."""
        if self.engine in ("slurm", "dask"):
            return self.model_dump_json(include={"engine", "slurm", "dask"})
        return ""
