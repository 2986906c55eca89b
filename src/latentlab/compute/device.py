"""The device a study runs on, and what this process computes with."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from latentlab.compute.config import ComputeConfig
from latentlab.compute.generators import generators_kept
from latentlab.core.errors import UserError

logger = logging.getLogger(__name__)

# MKL's matrix products otherwise depend, in their last bit, on where in memory an operand lies: a
# trial would change with its place in a cohort and with a resume. Read at MKL's first product, so
# it stands beside the import of torch; it costs no time that could be measured.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

# Numbers of glibc's options, as in its malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# Bytes: where glibc's own adaptation of the two ends.
_LIMIT_TRIM, _LIMIT_MMAP = 64 * 2**20, 32 * 2**20


def resolve_device(config: ComputeConfig) -> torch.device:
    """The device of this process that the `compute` block asks for.

    Where workers are on a cluster the device is theirs, and what is done here is done by the CPU.

    Raises:
        UserError: as `find_device`.
    """
    return torch.device("cpu") if config.place else find_device(config.device, config.precision)


def find_device(name: str, precision: str) -> torch.device:
    """The first of the devices that are asked for; as `find_devices`.

    What is chosen for `auto` is said.
    """
    device = find_devices(name, precision)[0]
    if name == "auto":
        logger.info("compute.device: auto chose %s", device.type)
    return device


def find_devices(name: str, precision: str) -> list[torch.device]:
    """The devices that are asked for, of this machine; more than one are GPUs.

    Metal's has no float64, which no step here uses, and lacks operators, each of which PyTorch
    names as it stops; with PYTORCH_ENABLE_MPS_FALLBACK=1 the CPU computes these.

    Args:
        name: as `compute.device`; `auto` is all GPUs, else Metal's device, else the CPU.
        precision: as `compute.precision`.

    Raises:
        UserError: one is not there. A GPU that was asked for is never replaced by the CPU in
            silence.
    """
    if name == "auto":
        name = (
            "cuda"
            if torch.cuda.is_available()
            else "mps"
            if torch.backends.mps.is_available()
            else "cpu"
        )
    remedy = "Set compute.device to cpu or auto, or run where the device is."
    if name.startswith("cuda"):
        if not torch.cuda.is_available():
            raise UserError(f"compute.device is {name}, but no CUDA device is available", remedy)
        there, asked = torch.cuda.device_count(), name.partition(":")[2]
        # In their order, each once.
        numbers = list(dict.fromkeys(map(int, asked.split(",")))) if asked else range(there)
        if max(numbers) >= there:
            raise UserError(f"compute.device is {name}, but there are {there} CUDA devices", remedy)
        return [torch.device("cuda", number) for number in numbers]
    if name == "mps" and not torch.backends.mps.is_available():
        raise UserError("compute.device is mps, but Apple's Metal is not available", remedy)
    if precision == "tf32" and not name.startswith("cuda"):
        raise UserError(
            f"compute.precision is tf32, which {name} does not have",
            "Set compute.precision to float32 or bfloat16.",
        )
    return [torch.device(name)]


def device_count(config: ComputeConfig) -> int:
    """How many devices of this machine are used in turn; 1 where they are a cluster's.

    Raises:
        UserError: as `find_devices`.
    """
    return 1 if config.place else len(find_devices(config.device, config.precision))


def visible_devices(devices: Sequence[torch.device]) -> list[str]:
    """What `CUDA_VISIBLE_DEVICES` has to be for a process to see one of these; [] without GPUs.

    Numbers count the devices that this process sees, which may have been shown some only.
    """
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in shown.split(",")] if shown else []
    numbers = [device.index for device in devices if device.type == "cuda"]
    return [names[number] if names else str(number) for number in numbers]


def set_determinism(deterministic: bool) -> None:
    """Let this process use deterministic algorithms alone, or any."""
    if deterministic:
        # CUDA's matrix products ask for it; read when the first of them runs.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # PyTorch imports its compiler to set this, seconds that most processes never need.
    if deterministic or torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(deterministic)


def set_threads(count: int) -> None:
    """Compute with so many threads from now on.

    In PyTorch, and in the pools of those libraries (BLAS, OpenMP) that are loaded by now: several
    workers, each with a pool as large as the machine, take a multiple of the time.
    """
    torch.set_num_threads(count)
    threadpool_limits(count)


def compute_with(threads: int, precision: str) -> None:
    """Let this process train: with so many threads, in this precision, in memory that it keeps."""
    set_threads(threads)
    set_matmul_precision(precision)
    _set_allocator(trimmed=False)


def _set_allocator(*, trimmed: bool) -> None:
    """Let the allocator give freed memory back to the system, or keep it for what comes next.

    A step allocates what the step before it freed. From the system it comes back page by page, each
    set to zero, which takes up to a fifth of a step (docs/results/performance.md). Arrays of more
    than 32 MiB still go back: kept ones would break up, and a process would hold several times what
    it needs. Elsewhere than under glibc nothing is changed.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_TRIM_THRESHOLD, _LIMIT_TRIM if trimmed else -1)
    libc.mallopt(_MMAP_THRESHOLD, _LIMIT_MMAP)
    if trimmed:
        libc.malloc_trim(0)


def set_matmul_precision(precision: str) -> None:
    """Let this process's float32 matrix products use TF32, or not."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")


@contextlib.contextmanager
def process_settings_kept() -> Iterator[None]:
    """Undo afterwards what training sets for the process.

    Threads, matrix precision, determinism, generators and the keeping of freed memory.
    """
    deterministic = torch.are_deterministic_algorithms_enabled()
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    try:
        with generators_kept(), threadpool_limits():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
        set_determinism(deterministic)
        _set_allocator(trimmed=True)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context in which a loss is computed."""
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def machine_name(device: torch.device) -> str:
    """What this machine is, as far as speed and memory go: a key for what was measured on it."""
    accelerator = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return (
        f"{_processor()}, {os.cpu_count()} cores, {accelerator}, "
        f"{memory_bytes(device) / 2**30:.0f} GiB, torch {torch.__version__}"
    )


def memory_bytes(device: torch.device) -> int:
    """Return the bytes of the memory that a device computes in."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@functools.cache
def _processor() -> str:
    """The processor's name; Linux has it in a file alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{platform.machine()} {names[0] if names else platform.processor()}".strip()
