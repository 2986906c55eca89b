"""Memory that a step frees stays with the process until training is over."""

from __future__ import annotations

import platform
import resource
from pathlib import Path

import pytest
import torch

from latentlab.compute.device import compute_with, process_settings_kept

MEGABYTE = 2**18
"""Numbers of float32."""


def step() -> None:
    """Make eight arrays of 24 MB and free them."""
    _ = [torch.ones(24 * MEGABYTE) for _ in range(8)]


def pages_fetched() -> int:
    """Pages that the system has given to this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def bytes_held() -> int:
    """Bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_steps_fetch_no_memory_anew_and_it_is_given_back_afterwards() -> None:
    with process_settings_kept():
        compute_with(1, "float32")
        for _ in range(20):
            step()
        before = pages_fetched()
        for _ in range(10):
            step()
        # Anew they would be nearly half a million.
        assert pages_fetched() - before < 10_000
        held = bytes_held()
    assert bytes_held() < held - 150e6
