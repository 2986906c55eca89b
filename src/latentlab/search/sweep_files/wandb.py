"""A W&B sweep file in the words of ours: mapped exactly, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from latentlab.core.errors import UserError, noting
from latentlab.core.validation import nearest
from latentlab.runs.seed_names import is_seed
from latentlab.search.parameters import is_number
from latentlab.search.settings import SEARCH_SEEDS
from latentlab.search.sweep_files.translation import Translation, listed
from latentlab.search.sweep_files.wandb_early_stopping import halving
from latentlab.search.sweep_files.wandb_parameters import ConvertedParameter, converted

_PROGRAM = "${program}"
_DEFAULT_COMMAND = ("${env}", "${interpreter}", _PROGRAM, "${args}")
"""Of W&B's agent, where a sweep has a program and no command."""

_WORDS = {"configurations": "run_cap", "choices": "values", "low": "min", "high": "max"}
"""W&B's words for ours, in messages."""

_METHODS = {"grid": "grid", "random": "random", "bayes": "tpe"}
_UNUSED = (
    "name", "project", "entity", "description", "controller", "job", "image_uri", "apiVersion",
    "kind",
)  # fmt: skip
_OF_PROGRAMS = ("program", "command")
_USED = ("method", "parameters", "metric", "early_terminate", "run_cap")
_REFUSED = {
    "scheduler": "Take it out: the sweep has its own engine",
    "metrics": "Write `objectives` in a sweep file of our own layout",
}
TOP_LEVEL = frozenset({*_UNUSED, *_OF_PROGRAMS, *_USED, *_REFUSED})
"""All keys of a W&B sweep."""

BOOKKEEPING = frozenset({
    "checkpoint_dir", "data_dir", "debug", "device", "entity", "exp_name", "experiment_name",
    "group", "log_dir", "log_every", "log_interval", "name", "no_cuda", "notes", "num_workers",
    "output_dir", "project", "project_name", "run_name", "sample_interval", "save", "save_dir",
    "save_model", "tags", "track", "use_wandb", "verbose", "wandb", "wandb_entity", "wandb_group",
    "wandb_mode", "wandb_name", "wandb_notes", "wandb_project", "wandb_tags",
})  # fmt: skip
"""Fixed values by which training scripts log and store: no outcome depends on them."""


MOST_SEEDS = 10_000
"""Of a range: far more than anyone trains, and few enough to be listed."""


def from_wandb(content: Mapping[str, Any]) -> Translation:
    """Return a W&B sweep in the words of a sweep file of ours; what is not exact is a mistake."""
    found = Translation({"arguments": {}, "fixed": {}, "parameters": {}}, _WORDS)
    _keys(content, found)
    method = content.get("method")
    if isinstance(method, str) and method in _METHODS:
        found.block["method"] = _METHODS[method]
    else:
        what = f"method: '{method}' is not supported"
        found.mistakes.append(UserError(what, "Use grid, random or bayes"))
    seeds = _parameters(content.get("parameters"), found)
    with noting(found.mistakes):
        _lift(seeds, found)
    with noting(found.mistakes):
        _cap(content, len(next(iter(seeds.values()), [])), found)
    with noting(found.mistakes):
        found.block["objectives"] = _metric(content.get("metric"), found.warnings)
    if "early_terminate" in content:
        with noting(found.mistakes):
            found.block["halving"], rungs = halving(content["early_terminate"])
            named = [one["metric"] for one in found.block.get("objectives", ())]
            found.of_code.append(
                f"early_terminate: rungs after epochs {rungs}; there the study's own score on "
                f"validation decides, not {'the metric' if not named else named[0]}, and a cohort "
                "is compared within itself"
            )
    with noting(found.mistakes):
        if command := _command(content):
            found.block["command"] = command
    unused = [key for key in _UNUSED if key in content]
    if unused:
        found.warnings.append(f"not used here: {', '.join(unused)}")
    unread = [key for key in _OF_PROGRAMS if key in content]
    if unread:
        found.of_code.append(f"not used here: {', '.join(unread)}")
    return found


def _command(content: Mapping[str, Any]) -> list[str]:
    """Return how W&B's agent calls the program, its macros as they stand; empty without one."""
    program, given = content.get("program"), content.get("command")
    if given is None and program is None:
        return []
    if given is not None and not (isinstance(given, list) and given):
        raise UserError("command is no list", 'Write ["${env}", "${interpreter}", "${program}"]')
    command = [str(part) for part in given or _DEFAULT_COMMAND]
    if program is None and _PROGRAM in command:
        raise UserError(f"command: {_PROGRAM} is not given", "Add program: train.py")
    return [str(program) if part == _PROGRAM else part for part in command]


def _keys(content: Mapping[str, Any], found: Translation) -> None:
    """Refuse keys that W&B does not have, and those that have no counterpart here."""
    for key in content:
        if key not in TOP_LEVEL:
            remedy = nearest(str(key), sorted(TOP_LEVEL - set(_REFUSED)))
            found.mistakes.append(UserError(f"{key}: W&B has no such key", remedy))
        elif key in _REFUSED:
            found.mistakes.append(UserError(f"{key} is not supported", _REFUSED[key]))


def _parameters(parameters: Any, found: Translation) -> dict[str, list[int]]:
    """Translate the parameters; the values of those that are called a seed are returned."""
    seeds: dict[str, list[int]] = {}
    left_out: list[str] = []
    if not isinstance(parameters, Mapping):
        found.mistakes.append(UserError("parameters: there are none", "Declare at least one"))
        return seeds
    nested = [
        name
        for name, entry in parameters.items()
        if isinstance(entry, Mapping) and "parameters" in entry
    ]
    if nested:
        found.block["nested"] = nested
    for key, entry in _flat(parameters, found.mistakes):
        where = f"parameters.{key}"
        if is_seed(key):
            with noting(found.mistakes):
                seeds[key] = _seeds(converted(entry, where), found.block.get("method"), where)
            continue
        found.block["parameters"][key] = {}
        with noting(found.mistakes):
            parameter = converted(entry, where)
            found.warnings += [parameter.warning] * bool(parameter.warning)
            if parameter.parameter is not None:
                found.block["parameters"][key] = parameter.parameter
                continue
            del found.block["parameters"][key]
            if key in BOOKKEEPING:
                left_out.append(key)
                found.block["arguments"][key] = parameter.value
            else:
                found.block["fixed"][key] = parameter.value
    if left_out:
        found.of_code.append(f"bookkeeping of the script, left out: {', '.join(left_out)}")
    return seeds


def _flat(
    parameters: Mapping[str, Any], mistakes: list[UserError], prefix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield parameters by dotted name."""
    for key, entry in parameters.items():
        dotted = f"{prefix}{key}"
        if not isinstance(entry, Mapping):
            what = f"parameters.{dotted}: {entry!r} is no block"
            mistakes.append(UserError(what, f"Write value: {entry}"))
        elif "parameters" not in entry:
            yield dotted, entry
        elif len(entry) > 1 or not isinstance(entry["parameters"], Mapping):
            what = f"parameters.{dotted}: `parameters` holds parameters, with nothing beside"
            mistakes.append(UserError(what, "Correct it"))
        else:
            yield from _flat(entry["parameters"], mistakes, f"{dotted}.")


def _seeds(parameter: ConvertedParameter, method: Any, where: str) -> list[int]:
    """Return the values of a seed parameter, rising."""
    block = parameter.parameter
    if block is None:
        values: Any = parameter.value if isinstance(parameter.value, list) else [parameter.value]
    elif block["type"] == "categorical":
        values = block["choices"]
    elif block["type"] == "int" and method == "grid":
        whole = range(block["low"], block["high"] + 1, block.get("step", 1))
        if len(whole) > MOST_SEEDS:
            raise UserError(f"{where}: {len(whole):,} seeds", f"Write at most {MOST_SEEDS:,}")
        values = list(whole)
    else:
        raise UserError(
            f"{where}: a seed is drawn from a range",
            "Write values: [1, 2, 3]; every configuration is trained on all of them",
        )
    if not values or not all(isinstance(v, int) and is_number(v) and v >= 0 for v in values):
        raise UserError(f"{where}: {values} are no seeds", "Write whole numbers from 0")
    return sorted(values)


def _lift(seeds: Mapping[str, list[int]], found: Translation) -> None:
    """Move the seed from the parameters to the replicates."""
    if not seeds:
        found.warnings.append(
            "there is no seed among the parameters: every configuration is trained on "
            f"{SEARCH_SEEDS.count} seeds; name others by a parameter `seed: {{values: [..]}}`"
        )
        return
    if len(seeds) > 1:
        raise UserError(
            f"parameters: {' and '.join(seeds)} are both seeds",
            "Keep one: it seeds split, initial weights, order and noise alike",
        )
    ((key, values),) = seeds.items()
    found.block["arguments"][key] = "{seed}"
    first, count = values[0], len(values)
    consecutive = values == list(range(first, first + count))
    found.block["seeds"] = {"first": first, "count": count} if consecutive else {"chosen": values}
    found.warnings.append(
        f"{key} is a seed, not a parameter to be searched: lifted to the replicates "
        f"(seeds {', '.join(map(str, values))}), on all of which every configuration is trained"
    )


def _cap(content: Mapping[str, Any], seeds: int, found: Translation) -> None:
    """`run_cap` counts runs: with seeds among the parameters, of a configuration and a seed."""
    cap = content.get("run_cap")
    if cap is None:
        if found.block.get("method", "grid") != "grid":
            raise UserError(
                f"method {content['method']} has no end without run_cap",
                "Add run_cap: 50, the number of runs; or leave the file as it is: "
                "--params sweeps.run_cap=50",
            )
        return
    if not isinstance(cap, int) or isinstance(cap, bool) or cap < 1:
        raise UserError(f"run_cap: {cap!r} is no whole number above 0", "Correct it")
    if seeds <= 1:
        found.block["configurations"] = cap
        return
    if cap % seeds:
        raise UserError(
            f"run_cap: {cap} runs are no whole number of configurations on {seeds} seeds",
            f"Write {max(1, cap // seeds) * seeds} or {(cap // seeds + 1) * seeds}",
        )
    found.block["configurations"] = cap // seeds
    found.warnings.append(f"run_cap {cap} is {cap // seeds} configurations on {seeds} seeds")


def _metric(metric: Any, warnings: list[str]) -> list[dict[str, str]]:
    if metric is None:
        warnings.append("there is no metric: the one that chooses the study's champion is used")
        return []
    if not isinstance(metric, Mapping) or not isinstance(metric.get("name"), str):
        raise UserError("metric.name is missing", "Add it")
    if "target" in metric:
        raise UserError("metric.target is not supported", "Take it out; run_cap ends the sweep")
    goal = metric.get("goal", "minimize")
    if goal not in ("minimize", "maximize"):
        raise UserError(f"metric.goal: there is no '{goal}'", "Write minimize or maximize")
    unknown = set(metric) - {"name", "goal", "impute", "impute_while_running"}
    if unknown:
        raise UserError(f"metric: W&B has no key {listed(unknown)}", "Take it out")
    unused = sorted(set(metric) - {"name", "goal"})
    if unused:
        warnings.append(f"not used here: {', '.join(f'metric.{key}' for key in unused)}")
    return [{"metric": metric["name"], "direction": goal}]
