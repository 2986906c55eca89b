"""What a process sets to be deterministic, and what it need not import to be as it is."""

from __future__ import annotations

import pytest
import torch

from latentlab.compute.device import process_settings_kept, set_determinism


def test_it_is_set_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with process_settings_kept():
        set_determinism(True)
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_what_is_not_deterministic_stays_so_without_pytorchs_compiler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which PyTorch imports to set it either way."""
    asked: list[bool] = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", asked.append)
    with process_settings_kept():
        set_determinism(False)
    assert asked == []
