"""What pydantic says of a sweep's content, as one line for the person who wrote the file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from latentlab.core.errors import UserError
from latentlab.search.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    Limits,
)
from latentlab.search.settings import (
    Confirmation,
    Halving,
    SearchedMetric,
    SweepSettings,
)
from latentlab.training.config import Seeds

_SHOWN = 5
"""Mistakes beyond this many are counted, not shown."""

_TYPES: dict[str, type[BaseModel]] = {
    "float": FloatParameter,
    "int": IntParameter,
    "categorical": CategoricalParameter,
}
_BLOCKS: dict[tuple[str, ...], type[BaseModel]] = {
    (): SweepSettings,
    ("seeds",): Seeds,
    ("halving",): Halving,
    ("confirmation",): Confirmation,
    ("confirmation", "seeds"): Seeds,
}
_OF_A_VALUE = {"bool_type", "int_type", "float_type", "string_type", "list_type"}

Keys = tuple[str | int, ...]


def mistake(
    error: ValidationError, content: Any, name: str, spelled: Mapping[str, str] | None = None
) -> UserError:
    """The mistakes of a sweep as one line: file, key, what is wrong, and the remedy.

    Args:
        error: of `SweepSettings`.
        content: what was validated.
        name: of the file.
        spelled: words of the file for those of `SweepSettings`, where they differ.
    """
    words = dict(spelled or {})
    by_path: dict[Keys, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        by_path.setdefault(_path(detail, content), []).append(detail)
    # Of a list with a wrong item, the item is told.
    for path in [path for path in by_path if any(path == other[:-1] for other in by_path)]:
        if all(detail["type"] in _OF_A_VALUE for detail in by_path[path]):
            del by_path[path]
    told = [_told(path, details, content, words) for path, details in by_path.items()]
    (key, what, remedy), others = told[0], told[1:]
    further = [f"{_join(k, w)} ({r[0].lower()}{r[1:]})" for k, w, r in others[: _SHOWN - 1]]
    if len(others) >= _SHOWN:
        further.append(f"and {len(others) - _SHOWN + 1} more")
    also = f" Also {'; '.join(further)}." if further else ""
    return UserError(
        f"{name}: {_join(key, what)}", f"{remedy}{'' if remedy.endswith('?') else '.'}{also}"
    )


def _join(key: str, what: str) -> str:
    return f"{key}: {what}" if key else what


def _path(detail: ErrorDetails, content: Any) -> Keys:
    """Where an error lies in the content; pydantic names the branches of unions in between."""
    node = content
    path: list[str | int] = []
    for place, part in enumerate(detail["loc"]):
        if _holds(node, part):
            node = node[part]
        elif detail["type"] != "missing" or place < len(detail["loc"]) - 1:
            continue
        path.append(part)
    return tuple(path)


def _holds(node: Any, part: str | int) -> bool:
    if isinstance(node, Mapping):
        return part in node
    return isinstance(node, list | tuple) and isinstance(part, int) and part < len(node)


def _told(
    path: Keys, details: Sequence[ErrorDetails], content: Any, words: Mapping[str, str]
) -> tuple[str, str, str]:
    """Key, what is wrong with it, and the remedy."""
    key = _spell(path, words)
    # Of a union each branch complains; our own sentence says it best.
    detail = next((d for d in details if d["type"] == "value_error"), details[0])
    kind, value = detail["type"], _at(content, path)
    if kind == "value_error":
        sentence = str(detail["msg"]).removeprefix("Value error, ")
        for own, theirs in words.items():
            sentence = sentence.replace(f"`{own}`", f"`{theirs}`")
        what, _, remedy = sentence.partition("; ")
        return key, what, _capital(remedy or "correct it")
    if kind == "extra_forbidden":
        return key, "there is no such key", _known(path, content, words)
    if kind.startswith("union_tag"):
        what = f"there is no '{value['type']}'" if "type" in value else "is missing"
        return _join(key, "type"), what, f"Write one of {', '.join(_TYPES)}"
    if len(details) > 1 and {d["type"] for d in details} <= _OF_A_VALUE:
        return key, f"{value!r} is not a single value", "Write text, a number, true or false"
    return (key, *_plain(detail, value))


def _plain(detail: ErrorDetails, value: Any) -> tuple[str, str]:
    """What is wrong with one value, and the remedy."""
    if "[key]" in detail["loc"]:
        return "one of its keys is no text to YAML", "Put it in quotes"
    match detail["type"]:
        case "missing":
            return "is missing", "Add it"
        case "literal_error":
            return f"there is no {value!r}", f"Write {detail['ctx']['expected']}"
        case "int_type" | "int_from_float":
            return f"{value!r} is no whole number", "Write one without a point"
        case "float_type":
            return f"{value!r} is no number", "Write a number"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"{value!r} holds no keys with values", "Write it as `key: value`"
        case "too_short":
            return "there is nothing in it", "Write at least one"
    return detail["msg"].replace("Input should be", "must be"), "Correct it"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _at(content: Any, path: Keys) -> Any:
    node = content
    for part in path:
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, Sequence) and isinstance(part, int):
            node = node[part]
    return node


def _spell(path: Keys, words: Mapping[str, str]) -> str:
    """A path as the file spells it; names of parameters are left as they are."""
    text = ""
    for place, part in enumerate(path):
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        named = place == 1 and path[0] in {"parameters", "fixed"}
        word = part if named else words.get(part, part)
        text += f".{word}" if text else str(word)
    return text


def _known(path: Keys, content: Any, words: Mapping[str, str]) -> str:
    """A remedy for a key that does not exist."""
    parent = path[:-1]
    if parent[:1] == ("parameters",) and len(parent) == 2:
        block = _TYPES[_at(content, parent)["type"]]
    elif parent[:1] == ("parameters",):
        block = Limits
    elif parent[:1] == ("objectives",):
        block = SearchedMetric
    else:
        block = _BLOCKS[tuple(str(part) for part in parent)]
    keys = [words.get(key, key) for key in block.model_fields]
    close = difflib.get_close_matches(str(path[-1]), keys, n=1)
    return f"Did you mean {close[0]}?" if close else f"Use one of {', '.join(keys)}"
