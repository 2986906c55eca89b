"""What may stand in the way of a run on this machine, looked at without changing anything."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import machine_name, resolve_device
from latentlab.configuration.loader import LOCAL, LayeredConfigLoader
from latentlab.configuration.parameters import validated
from latentlab.core.errors import UserError
from latentlab.core.provenance import git_state, package_versions
from latentlab.tracking.store_address import tracking_uri
from latentlab.tracking.store_state import store_state

LEAST_SPACE = 2e9
"""Bytes of a disk below which a study may not end: trials, checkpoints, tracking and reports."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: of what.
        well: whether a run may go on with it.
        said: what was found.
        remedy: what to do; empty where it is well.
    """

    name: str
    well: bool
    said: str
    remedy: str = ""


def checkup(root: Path, env: str, settings: Mapping[str, Any]) -> Iterator[Check]:
    """Look at versions, the device, the tracking store, the disk and all environments of `conf/`.

    Args:
        root: of the project.
        env: the environment whose device is meant.
        settings: of the configuration loader.
    """
    yield _versions()
    yield Check("code", True, git_state())
    yield Check("cores", True, f"{ComputeConfig().cores()}")
    for name in dict.fromkeys((env, *_environments(root))):
        check, compute = _of_environment(root, name, settings)
        yield check
        if compute is not None and name == env:
            yield _device(compute)
    yield _store()
    yield _disk(root)


def _versions() -> Check:
    """Compare what is installed with what the package asks for; of extras say which are there."""
    broken: list[str] = []
    extras: dict[str, bool] = {}
    for text in distribution("latentlab").requires or ():
        needed = Requirement(text)
        extra = str(needed.marker or "").partition('extra == "')[2].partition('"')[0]
        found = None
        with contextlib.suppress(PackageNotFoundError):
            found = version(needed.name)
        fits = found is not None and needed.specifier.contains(found, prereleases=True)
        if extra:
            extras[extra] = extras.get(extra, True) and fits
        elif not fits:
            broken.append(f"{needed.name}{needed.specifier} (here: {found or 'none'})")
    there = ", ".join(name for name, all_fit in extras.items() if all_fit) or "none"
    if broken:
        return Check(
            "packages",
            False,
            f"not as latentlab needs them: {', '.join(broken)}",
            "pip install -r requirements.lock",
        )
    return Check("packages", True, f"{package_versions()}; extras: {there}")


def _environments(root: Path) -> list[str]:
    folders = (path.name for path in (root / "conf").iterdir() if path.is_dir())
    return sorted(name for name in folders if not name.startswith(".") and name != LOCAL)


def _of_environment(
    root: Path, env: str, settings: Mapping[str, Any]
) -> tuple[Check, ComputeConfig | None]:
    """Read an environment whole, with `conf/local` over it."""
    name = f"conf/{env}"
    try:
        loader = LayeredConfigLoader(root / "conf", env, **settings)
        parameters = validated(loader["parameters"])
        for kind in ("catalog", "mlflow", "globals"):
            loader[kind]
    except UserError as error:
        return Check(name, False, error.what, error.remedy), None
    return Check(name, True, "every key is known"), parameters["compute"]


def _device(compute: ComputeConfig) -> Check:
    try:
        device = resolve_device(compute)
    except UserError as error:
        return Check(f"device {compute.device}", False, error.what, error.remedy)
    return Check(f"device {compute.device}", True, machine_name(device))


def _store() -> Check:
    uri = tracking_uri()
    try:
        return Check("tracking", True, f"{uri}: {store_state(uri)}")
    except UserError as error:
        return Check("tracking", False, error.what, error.remedy)


def _disk(root: Path) -> Check:
    data = root / "data"
    place = data if data.is_dir() else root
    free = shutil.disk_usage(place).free
    said = f"{free / 1e9:,.0f} GB free where {place.name}/ lies"
    if not os.access(place, os.W_OK):
        return Check("disk", False, f"{place} may not be written", "Give yourself the right to")
    if free < LEAST_SPACE:
        return Check("disk", False, said, "Make room, or set `data` in conf/local/globals.yml")
    return Check("disk", True, said)
