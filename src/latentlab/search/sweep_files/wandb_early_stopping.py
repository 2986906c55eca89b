"""Early stopping of a W&B sweep as successive halving by rungs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentlab.core.errors import UserError
from latentlab.search.parameters import is_number


def halving(block: Any, name: str) -> tuple[dict[str, Any], str]:
    """The `halving` block with the same rungs.

    W&B's bands lie at `min_iter * eta^k`, or at `max_iter / eta^k` for k = 1 .. s, rounded down.

    Args:
        block: `early_terminate`.
        name: of the file, for messages.

    Returns:
        The block, and its rungs in words.

    Raises:
        UserError: other rules than hyperband, or bands that W&B would not have.
    """
    where = f"{name}: early_terminate"
    if not isinstance(block, Mapping) or block.get("type") != "hyperband":
        raise UserError(f"{where}: only type: hyperband is supported", "Write it, or take it out")
    unknown = sorted(set(block) - {"type", "min_iter", "max_iter", "s", "eta", "strict"})
    if unknown:
        raise UserError(f"{where}.{unknown[0]}: W&B has no such key", "Take it out")
    if block.get("strict", True) is not True:
        raise UserError(
            f"{where}.strict: only the strict rule is supported", "Take `strict` out, or set true"
        )
    eta = _whole(block.get("eta", 3), 2, f"{where}.eta")
    if "max_iter" not in block:
        if "min_iter" not in block:
            raise UserError(f"{where}: neither min_iter nor max_iter", "Add min_iter: 1")
        first = _whole(block["min_iter"], 1, f"{where}.min_iter")
        return {"first": first, "factor": eta}, f"{first}, {first * eta}, {first * eta**2}, .."
    if "min_iter" in block:
        raise UserError(f"{where}: both min_iter and max_iter", "W&B takes max_iter: keep one")
    if "s" not in block:
        raise UserError(f"{where}: max_iter without s", "Add s, the number of bands")
    last = _whole(block["max_iter"], 1, f"{where}.max_iter")
    bands = _bands(last, _whole(block["s"], 1, f"{where}.s"), eta, where)
    return {"rungs": bands, "factor": eta}, ", ".join(map(str, bands))


def _bands(last: int, count: int, eta: int, where: str) -> list[int]:
    bands = sorted(last // eta**k for k in range(1, count + 1) if last >= eta**k)
    if not bands:
        raise UserError(f"{where}: max_iter {last} is below eta {eta}", "Raise it, or take it out")
    return bands


def _whole(value: Any, least: int, where: str) -> int:
    if not is_number(value) or value != int(value) or value < least:
        raise UserError(f"{where}: {value!r} is no whole number from {least}", "Correct it")
    return int(value)
