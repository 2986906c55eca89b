"""Designs from files: optimised distributions of material, as densities on a grid.

An `.npz` file holds them under `designs`, `x` or `optimal_design`, [n, height, width], and may hold
the volume fraction of each under `volfrac` and a line about where they come from under `origin`. An
`.npy` file holds nothing but designs, or a single one [height, width]. Bytes mean 0..255; all other
numbers mean densities in [0, 1], which are rounded to the nearest of 256 levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.core.errors import UserError
from latentlab.data.copies import hold_out
from latentlab.data.prepared import Prepared, Schema
from latentlab.data.quantile_labels import quartile_labels
from latentlab.data.source import SourceConfig, subset_note
from latentlab.data.splitting import subset

KEYS = ("designs", "x", "optimal_design")
"""Under which an archive may hold its designs; of several the first."""
FEWEST = 16
"""Designs that four bands in three splits need."""
LARGEST = 1 << 32
"""Bytes that an archive may hold: a million designs of 64x64 in single precision are a quarter."""
SLACK = 1e-6
"""By so much a density may leave [0, 1]: the rounding of single precision."""


class DesignsConfig(SourceConfig):
    """Settings of designs from files."""

    files: str = Field(
        default="designs.npz",
        min_length=1,
        description="name of the file in the raw folder, or a pattern such as *.npy for several",
    )
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="stratified share of the designs that is held out"
    )
    split_seed: int = Field(
        default=0, ge=0, le=2**32 - 1, description="decides which designs are held out"
    )


@dataclass(frozen=True)
class _File:
    """What a file says: densities as bytes [n, height, width]; volume fractions [n], or None."""

    designs: NDArray[np.uint8]
    volumes: NDArray[np.float64] | None
    origin: str


def read_designs(name: str, config: DesignsConfig, folder: Path) -> Prepared:
    """Read designs and label them by the quartile band of their volume fraction.

    Where no file says the volume fraction, or it is the same for all, by mean density.

    Args:
        name: of the source.
        config: settings.
        folder: holds the files.

    Returns:
        Densities times 255, uint8 [n, 1, height, width], in a fixed stratified split.

    Raises:
        UserError: no file; one that cannot be read; designs of more than one size, with values
            outside [0, 1] or not finite; too few of them, or all of one volume.
    """
    paths = _find(name, config.files, folder)
    files = [_read(path) for path in paths]
    for path, file in zip(paths, files, strict=True):
        if file.designs.shape[1:] != files[0].designs.shape[1:]:
            sizes = [f"{f.designs.shape[1]}x{f.designs.shape[2]}" for f in (files[0], file)]
            raise UserError(
                f"Designs of mixed size: {sizes[0]} in {paths[0]}, {sizes[1]} in {path}",
                "Keep one size, or choose the files of one size with `files`.",
            )
    designs = np.concatenate([file.designs for file in files])
    if len(designs) < FEWEST:
        raise UserError(
            f"{folder / config.files} has {len(designs)} designs", f"Give at least {FEWEST}."
        )
    labels, classes = _label(designs, files, folder / config.files)
    schema = Schema(
        name=name, shape=(1, *designs.shape[1:]), dtype="uint8", scale=255.0, classes=classes
    )
    splits = hold_out(designs[:, None], labels, config.test_fraction, config.split_seed)
    origins = "; ".join(dict.fromkeys(file.origin for file in files))
    origin = (
        f"{origins}; densities in 256 levels; split {config.split_seed}{subset_note(config.subset)}"
    )
    return Prepared(schema, subset(splits, config.subset), origin)


def _find(name: str, pattern: str, folder: Path) -> list[Path]:
    paths = sorted(p for p in folder.glob("*") if fnmatch(p.name, pattern))
    if not paths:
        raise UserError(
            f"{folder} has no file '{pattern}'",
            f"Make it with `python tools/generate_designs.py {name} --out "
            f"{folder / 'designs.npz'}`, or name files of your own with `files`.",
        )
    return paths


def _read(path: Path) -> _File:
    remedy = f"It has to be an .npy array, or an .npz archive with {' or '.join(KEYS)}."
    try:
        found: Any = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            contents = {"designs": found}
        else:
            with found:
                size = sum(member.file_size for member in found.zip.infolist())
                if size > LARGEST:
                    more = f"unpacks to more than {LARGEST} bytes"
                    raise UserError(f"{path} {more}", "Give fewer designs in one file.")
                contents = dict(found)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}", remedy) from error
    except Exception as error:
        # Damaged headers make numpy raise nearly anything, MemoryError included.
        if "Object arrays" in str(error):
            raise UserError(
                f"{path} holds an array of objects, as comes of designs of mixed size",
                "Keep one size, and save it as one numeric array.",
            ) from error
        raise UserError(f"{path} is truncated or no file of numpy", remedy) from error
    key = next((key for key in KEYS if key in contents), None)
    if key is None:
        raise UserError(f"{path} holds {', '.join(contents) or 'nothing'}", remedy)
    designs = _as_bytes(np.asarray(contents[key]), path)
    volumes = contents.get("volfrac")
    if volumes is not None and (
        volumes.shape != (len(designs),)
        or volumes.dtype.kind not in "fiu"
        or not np.isfinite(volumes).all()
    ):
        raise UserError(
            f"{path} has volume fractions that are not one finite number for each design",
            "Mend or remove `volfrac`.",
        )
    return _File(designs, volumes, str(contents.get("origin", path.name)))


def _as_bytes(designs: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Densities in 256 levels, [n, height, width]."""
    if designs.ndim == 2:
        designs = designs[None]
    if designs.ndim != 3 or 0 in designs.shape or designs.dtype.kind not in "fiub":
        raise UserError(
            f"{path} holds {designs.dtype} of shape {designs.shape}",
            "Designs are numbers of shape [n, height, width].",
        )
    if designs.dtype == np.uint8:
        if designs.max() <= 1:
            raise UserError(
                f"{path} holds bytes that are all 0 or 1, but bytes mean densities 0..255",
                "Save black and white designs as booleans or as floats.",
            )
        return designs
    if not np.isfinite(designs).all():
        raise UserError(f"{path} has densities that are NaN or infinite", "Leave these out.")
    low, high = float(designs.min()), float(designs.max())
    if low < -SLACK or high > 1 + SLACK:
        raise UserError(
            f"{path} has values {low:.4g}..{high:.4g}, outside [0, 1]",
            "Scale densities to [0, 1], or save 0..255 as bytes.",
        )
    return np.rint(255.0 * np.clip(designs, 0.0, 1.0)).astype(np.uint8)


def _label(
    designs: NDArray[np.uint8], files: list[_File], where: Path
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Band of each design's volume, [n], and the bands' names."""
    given = [file.volumes for file in files if file.volumes is not None]
    if len(given) == len(files):
        labels, names = quartile_labels(np.concatenate(given).astype(np.float64), "volfrac")
        if len(names) > 1:
            return labels, names
    labels, names = quartile_labels(designs.mean(axis=(1, 2)) / 255.0, "density")
    if len(names) == 1:
        raise UserError(
            f"All designs of {where} have the same volume, so that no split can be stratified",
            "Add designs of other volumes.",
        )
    return labels, names
