"""Early stopping of a W&B sweep as successive halving by rungs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from latentlab.core.errors import UserError
from latentlab.search.parameters import is_number
from latentlab.search.settings import MOST_EPOCHS
from latentlab.search.sweep_files.translation import listed


def halving(block: Any) -> tuple[dict[str, Any], str]:
    """Return the `halving` block with the same rungs.

    W&B's bands lie at `min_iter * eta^k`, or at `max_iter / eta^k` for k = 1 .. s, rounded down.

    Args:
        block: `early_terminate`.

    Returns:
        The block, and its rungs in words.

    Raises:
        UserError: other rules than hyperband, or bands that W&B would not have.
    """
    where = "early_terminate"
    if not isinstance(block, Mapping) or block.get("type") != "hyperband":
        raise UserError(f"{where}: only type: hyperband is supported", "Write it, or take it out")
    unknown = set(block) - {"type", "min_iter", "max_iter", "s", "eta", "strict"}
    if unknown:
        raise UserError(f"{where}: W&B has no key {listed(unknown)}", "Take it out")
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


def later_bands(block: Mapping[str, Any], epochs: float) -> str:
    """Return what to write so that no band lies before an epoch.

    Args:
        block: `early_terminate`, as accepted by `halving`.
        epochs: before which there is to be none.
    """
    rungs = halving(block)[0].get("rungs", ())
    kept = [str(rung) for rung in rungs if rung >= epochs]
    if kept:
        return f"Write s: {len(kept)}, which leaves {', '.join(kept)}, or take early_terminate out"
    eta = block.get("eta", 3)
    own = f"{{type: hyperband, min_iter: {math.ceil(epochs)}, eta: {eta}}}"
    return f"Write early_terminate: {own}, or take it out"


def _bands(last: int, count: int, eta: int, where: str) -> list[int]:
    bands: list[int] = []
    band = last // eta
    while band and len(bands) < count:
        bands.insert(0, band)
        band //= eta
    if not bands:
        raise UserError(f"{where}: max_iter {last} is below eta {eta}", "Raise it, or take it out")
    return bands


def _whole(value: Any, least: int, where: str) -> int:
    if not is_number(value) or not least <= value <= MOST_EPOCHS or value != int(value):
        what = f"{where}: {value!r} is no whole number from {least} to {MOST_EPOCHS:,}"
        raise UserError(what, "Correct it")
    return int(value)
