"""The audit of a sweep file, in any layout, before it is run: findings, and how much it trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.core.errors import UserError
from latentlab.core.strict_yaml import load_yaml
from latentlab.runs.audit.findings import Finding, Severity
from latentlab.runs.seed_names import is_seed
from latentlab.search.audit import space
from latentlab.search.audit.space import Size, size_of
from latentlab.search.settings import Method, SweepSettings
from latentlab.search.sweep_files.reader import SweepFile, read_sweep_content

_SEARCHED = ("parameters", "param_ranges")


@dataclass(frozen=True)
class SweepFileAudit:
    """What is said of a sweep file.

    Attributes:
        name: of the file, without its folder.
        size: how much it trains.
        findings: what to beware of.
        notes: what its reader left out, lifted or took otherwise.
    """

    name: str
    size: Size
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """How many runs it makes."""
        made = self.size.configurations
        if made is None:
            return f"{self.name}: runs until its time is over, each on {self.size.seeds} seeds."
        return (
            f"{self.name}: {self.size.runs:,} runs, {made:,} configurations on "
            f"{self.size.seeds:,} {'seed' if self.size.seeds == 1 else 'seeds'}."
        )


def audit_sweep_file(path: Path, before: Path | None = None) -> SweepFileAudit:
    """Audit a sweep file: W&B's, that of the report, or our own.

    Args:
        path: of the file.
        before: of the sweep that it follows; what both fix differently is a bundle of changes.

    Raises:
        UserError: there is no such file, or it cannot be read as a sweep; one line with all that
            is wrong in it.
    """
    file, seeds = _read(path)
    settings = _settings(path, file)
    size = size_of(settings, _seed_count(file, settings))
    findings = [
        *[_seed_finding(name, settings.method) for name in seeds],
        *space.crossing_findings(settings, size),
        *space.unequal_findings(settings),
        *space.attainable_findings(settings, size),
        *space.early_findings(settings, file.content.get("early_terminate")),
    ]
    if before is not None:
        earlier = _settings(before, _read(before)[0])
        findings += space.bundle_findings(earlier.fixed, settings.fixed)
    return SweepFileAudit(path.name, size, tuple(findings), tuple(file.translation.warnings))


def _read(path: Path) -> tuple[SweepFile, list[str]]:
    """Return a sweep file, and the seeds among its parameters.

    W&B has no other place for seeds, and its reader lifts them; in the other layouts they are left
    out here, so that the rest can be looked at.
    """
    content = load_yaml(path)
    seeds = [
        str(name)
        for key in _SEARCHED
        if isinstance(block := content.get(key), Mapping)
        for name in block
        if is_seed(str(name))
    ]
    file = read_sweep_content(content, path.stem)
    if file.layout != "wandb" and seeds:
        file = read_sweep_content(_without(content, seeds), path.stem)
    return file, seeds


def _without(content: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {
        key: {name: entry for name, entry in block.items() if name not in names}
        if key in _SEARCHED and isinstance(block, Mapping)
        else block
        for key, block in content.items()
    }


def _settings(path: Path, file: SweepFile) -> SweepSettings:
    try:
        return file.settings()
    except UserError as error:
        raise UserError(f"{path.name}: {error.what}", error.remedy) from None


def _seed_count(file: SweepFile, settings: SweepSettings) -> int:
    """Seeds of a configuration: W&B runs it once where the file names none."""
    if file.layout == "wandb" and "seeds" not in file.translation.block:
        return 1
    return len(settings.seeds.numbers())


def _seed_finding(name: str, method: Method) -> Finding:
    what = "a grid counts one configuration as several"
    if method != "grid":
        what = "a sampler follows the luckiest"
    text = f"{name} is searched as a parameter, but it is a seed: {what}."
    remedy = "Give every configuration the same seeds and take the mean"
    severity: Severity = "warning" if method == "grid" else "error"
    return Finding("D19", severity, text, name, remedy=remedy)
