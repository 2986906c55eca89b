"""The `compute` block: where and how trials run, never what they compute."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AtLeastOne = Annotated[int, Field(ge=1, le=1024)]


class ComputeConfig(BaseModel):
    """Device, precision and execution plan, chosen by the environment.

    `auto` leaves a choice to the calibration, which times the candidates on the real workload.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field(
        "cpu", pattern=r"^(cpu|auto|mps|cuda(:\d+)?)$", description="cpu, cuda, cuda:1, mps or auto"
    )
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32", description="arithmetic of the training steps; tf32 needs a GPU"
    )
    engine: Literal["auto", "inline", "processes"] = Field(
        "auto", description="train in this process, or in worker processes"
    )
    workers: AtLeastOne | Literal["auto"] = Field(
        "auto", description="worker processes; auto: one a core"
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

    def cores(self) -> int:
        """Cores this process may use."""
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else (os.cpu_count() or 1)

    def worker_count(self, device: str) -> int:
        """Worker processes of the `processes` engine: one a core, one alone on an accelerator."""
        if self.workers != "auto":
            return self.workers
        return self.cores() if device == "cpu" else 1
