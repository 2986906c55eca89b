"""The engines by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from latentlab.compute.config import ComputeConfig, SlurmSettings
from latentlab.compute.device import device_count, find_devices, visible_devices
from latentlab.compute.executors.inline import Inline
from latentlab.compute.executors.job import Executor
from latentlab.compute.executors.processes import WorkerPool


def _slurm(config: ComputeConfig, workers: int, folder: Path) -> Executor:
    from latentlab.compute.executors.slurm import Slurm

    return Slurm(config.slurm or SlurmSettings(), workers, folder)


def _dask(config: ComputeConfig, workers: int, folder: Path) -> Executor:
    from latentlab.compute.executors.dask import Dask

    return Dask(config.dask.address if config.dask else None, workers, folder)


def _processes(config: ComputeConfig, workers: int, folder: Path) -> Executor:
    devices = find_devices(config.device, config.precision)
    return WorkerPool(workers, folder, visible_devices(devices))


EXECUTORS: dict[str, Callable[[ComputeConfig, int, Path], Executor]] = {
    "inline": lambda config, workers, folder: Inline(folder),
    "processes": _processes,
    # The plans choose between the two: this one is opened where worker processes pay.
    "auto": _processes,
    "slurm": _slurm,
    "dask": _dask,
}


def open_executor(config: ComputeConfig, device: str, folder: Path) -> Executor:
    """Start an engine's workers, or find those of a cluster.

    Args:
        config: names the engine.
        device: type of the device.
        folder: for its files; driver and workers share it.

    Raises:
        UserError: its package is missing, or the cluster cannot be reached.
    """
    workers = config.worker_count(device, device_count(config))
    return EXECUTORS[config.engine](config, workers, folder)
