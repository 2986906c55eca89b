"""A W&B sweep file in the words of ours: mapped exactly, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from latentlab.core.errors import UserError
from latentlab.runs.seed_names import is_seed
from latentlab.search.parameters import is_number
from latentlab.search.settings import SEARCH_SEEDS
from latentlab.search.sweep_files.wandb_early_stopping import halving
from latentlab.search.sweep_files.wandb_parameters import imported

WORDS = {"configurations": "run_cap", "choices": "values", "low": "min", "high": "max"}
"""W&B's words for ours, in messages."""

_METHODS = {"grid": "grid", "random": "random", "bayes": "tpe"}
_UNUSED = (
    "program", "command", "name", "project", "entity", "description", "controller", "job",
    "image_uri", "apiVersion", "kind",
)  # fmt: skip
_USED = ("method", "parameters", "metric", "early_terminate", "run_cap")
_REFUSED = {
    "scheduler": "Take it out: the sweep has its own engine",
    "metrics": "Write `objectives` in a sweep file of our own layout",
}
TOP_LEVEL = frozenset({*_UNUSED, *_USED, *_REFUSED})
"""All keys of a W&B sweep."""


def from_wandb(content: Mapping[str, Any], name: str) -> tuple[dict[str, Any], list[str]]:
    """A W&B sweep as the content of a sweep file of ours.

    Args:
        content: of the W&B file.
        name: of the file, for messages.

    Returns:
        The content, to be validated, and what a reader should know.

    Raises:
        UserError: what cannot be said exactly, by name.
    """
    unknown = sorted(set(content) - TOP_LEVEL)
    if unknown:
        raise UserError(f"{name}: {unknown[0]}: W&B has no such key", "Correct it or take it out")
    for key, remedy in _REFUSED.items():
        if key in content:
            raise UserError(f"{name}: {key} is not supported", remedy)
    method = content.get("method")
    if method not in _METHODS:
        raise UserError(f"{name}: method: '{method}' is not supported", "Use grid, random or bayes")
    warnings: list[str] = []
    block: dict[str, Any] = {"method": _METHODS[method], "fixed": {}, "parameters": {}}
    seeds: dict[str, Any] = {}
    parameters = content.get("parameters")
    if not isinstance(parameters, Mapping):
        raise UserError(f"{name}: parameters: there are none", "Declare at least one")
    for key, entry in _flat(parameters, name):
        where = f"{name}: parameters.{key}"
        if is_seed(key):
            seeds[key] = _seeds(entry, method, where)
            continue
        one = imported(entry, where)
        if one.parameter is None:
            block["fixed"][key] = one.value
        else:
            block["parameters"][key] = one.parameter
        warnings += [one.warning] * bool(one.warning)
    count = _lift(seeds, block, warnings, name)
    _cap(content, block, count, warnings, name)
    block["objectives"] = _metric(content.get("metric"), warnings, name)
    if "early_terminate" in content:
        block["halving"], rungs = halving(content["early_terminate"], name)
        metric = (content.get("metric") or {}).get("name", "the metric")
        warnings.append(
            f"early_terminate: rungs after epochs {rungs}; there the study's own score on "
            f"validation decides, not {metric}, and a cohort is compared within itself"
        )
    unused = [key for key in _UNUSED if key in content]
    if unused:
        warnings.append(f"not used here: {', '.join(unused)}")
    return block, warnings


def _flat(parameters: Mapping[str, Any], name: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Parameters by dotted name."""
    for key, entry in parameters.items():
        dotted = f"{prefix}{key}"
        if not isinstance(entry, Mapping):
            raise UserError(
                f"{name}: parameters.{dotted}: {entry!r} is no block", f"Write value: {entry}"
            )
        if "parameters" not in entry:
            yield dotted, entry
        elif len(entry) > 1 or not isinstance(entry["parameters"], Mapping):
            raise UserError(
                f"{name}: parameters.{dotted}: `parameters` holds parameters, with nothing beside",
                "Correct it",
            )
        else:
            yield from _flat(entry["parameters"], name, f"{dotted}.")


def _seeds(entry: Mapping[str, Any], method: str, where: str) -> list[int]:
    """The values of a seed parameter, rising."""
    one = imported(entry, where)
    block = one.parameter
    if block is None:
        values: Any = one.value if isinstance(one.value, list) else [one.value]
    elif block["type"] == "categorical":
        values = block["choices"]
    elif block["type"] == "int" and method == "grid":
        values = list(range(block["low"], block["high"] + 1, block.get("step", 1)))
    else:
        raise UserError(
            f"{where}: a seed is drawn from a range",
            "Write values: [1, 2, 3]; every configuration is trained on all of them",
        )
    if not values or not all(isinstance(v, int) and is_number(v) and v >= 0 for v in values):
        raise UserError(f"{where}: {values} are no seeds", "Write whole numbers from 0")
    return sorted(values)


def _lift(
    seeds: Mapping[str, list[int]], block: dict[str, Any], warnings: list[str], name: str
) -> int:
    """Move the seed from the parameters to the replicates; how many there are."""
    if not seeds:
        count = SEARCH_SEEDS.count
        warnings.append(
            f"there is no seed among the parameters: every configuration is trained on {count} "
            "seeds; set `seeds` for other ones"
        )
        return count
    if len(seeds) > 1:
        raise UserError(
            f"{name}: parameters: {' and '.join(seeds)} are both seeds",
            "Keep one: it seeds split, initial weights, order and noise alike",
        )
    ((key, values),) = seeds.items()
    first, count = values[0], len(values)
    consecutive = values == list(range(first, first + count))
    block["seeds"] = {"first": first, "count": count} if consecutive else {"chosen": values}
    warnings.append(
        f"{key} is a seed, not a parameter to be searched: lifted to the replicates "
        f"(seeds {', '.join(map(str, values))}), on all of which every configuration is trained"
    )
    return count


def _cap(
    content: Mapping[str, Any], block: dict[str, Any], seeds: int, warnings: list[str], name: str
) -> None:
    """`run_cap` counts runs: with seeds among the parameters, of a configuration and a seed."""
    cap = content.get("run_cap")
    if cap is None:
        if content["method"] != "grid":
            raise UserError(
                f"{name}: method {content['method']} has no end without run_cap",
                "Add run_cap: 50, the number of runs",
            )
        return
    if not isinstance(cap, int) or isinstance(cap, bool) or cap < 1:
        raise UserError(f"{name}: run_cap: {cap!r} is no whole number above 0", "Correct it")
    if "seeds" not in block or seeds == 1:
        block["configurations"] = cap
        return
    if cap % seeds:
        raise UserError(
            f"{name}: run_cap: {cap} runs are no whole number of configurations on {seeds} seeds",
            f"Write {max(1, cap // seeds) * seeds} or {(cap // seeds + 1) * seeds}",
        )
    block["configurations"] = cap // seeds
    warnings.append(f"run_cap {cap} is {cap // seeds} configurations on {seeds} seeds")


def _metric(metric: Any, warnings: list[str], name: str) -> list[dict[str, str]]:
    if metric is None:
        warnings.append("there is no metric: the one that chooses the study's champion is used")
        return []
    if not isinstance(metric, Mapping) or not isinstance(metric.get("name"), str):
        raise UserError(f"{name}: metric.name is missing", "Add it")
    if "target" in metric:
        raise UserError(
            f"{name}: metric.target is not supported", "Take it out; run_cap ends the sweep"
        )
    goal = metric.get("goal", "minimize")
    if goal not in {"minimize", "maximize"}:
        raise UserError(f"{name}: metric.goal: there is no '{goal}'", "Write minimize or maximize")
    unknown = sorted(set(metric) - {"name", "goal", "impute", "impute_while_running"})
    if unknown:
        raise UserError(f"{name}: metric.{unknown[0]}: W&B has no such key", "Take it out")
    unused = sorted(set(metric) - {"name", "goal"})
    if unused:
        warnings.append(f"not used here: {', '.join(f'metric.{key}' for key in unused)}")
    return [{"metric": metric["name"], "direction": goal}]
