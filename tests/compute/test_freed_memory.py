"""Memory that a step frees stays with the process until training is over."""

from __future__ import annotations

import platform
import resource

import pytest
import torch

from latentlab.compute.device import compute_with, process_settings_kept

MEGABYTE = 2**18
"""Numbers of float32."""


def pages_fetched(megabytes: int) -> int:
    """Pages that the system gives for an array that is made and freed ten times."""
    torch.ones(megabytes * MEGABYTE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(megabytes * MEGABYTE)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_steps_fetch_no_memory_anew_and_it_is_given_back_afterwards() -> None:
    with process_settings_kept():
        compute_with(1, "float32")
        kept = pages_fetched(96)
    assert 4 * kept < pages_fetched(96)
