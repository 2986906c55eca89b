"""Turns pydantic's errors into one line: key, what is wrong with it, and what to write instead."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from latentlab.core.errors import UserError, together, what_and_remedy

NO_SUCH_KEY = "there is no such key"
LONGEST_VALUE = 80
"""Characters of a wrong value that are repeated in a message."""
_TOLD = "told"
"""The type of an error whose context has `what` and `remedy`, as a `UserError` has."""

_OF_A_VALUE = {"bool_type", "int_type", "float_type", "string_type", "list_type"}

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]
"""Keys and positions that lead to a value."""


@dataclass(frozen=True)
class Mistake:
    """One mistake in what a person wrote.

    Attributes:
        path: keys and positions that lead to it; empty where it is of the whole.
        what: what is wrong there.
        remedy: what to do about it.
    """

    path: Path
    what: str
    remedy: str


def validate(
    model: type[Model],
    content: Any,
    where: str,
    remedy: str = "",
    spelled: Mapping[str, str] | None = None,
    elsewhere: Mapping[str, str] | None = None,
) -> Model:
    """Validate what a person wrote.

    Args:
        model: what it must be.
        content: plain values, as read from YAML or JSON.
        where: the file or block, which the message begins with; may be empty.
        remedy: a sentence at the end of the message, after the remedies of the mistakes.
        spelled: the words of the file for fields of the model, where they differ.
        elsewhere: remedies for keys that stand at the top and belong below others.

    Raises:
        UserError: one line with every mistake, its key and its remedy.
    """
    words = spelled or {}
    try:
        return model.model_validate(content)
    except ValidationError as error:
        told: list[UserError] = []
        for mistake in mistakes(error, model, content, words):
            key = _spell(mistake.path, model, content, words)
            begin = f"{where}: " if where and not told else ""
            what = f"{key}: {mistake.what}" if key else mistake.what
            remedy_here = mistake.remedy
            if mistake.what == NO_SUCH_KEY:
                remedy_here = (elsewhere or {}).get(key, remedy_here)
            told.append(UserError(f"{begin}{what}", remedy_here))
        raise together(told, remedy) from error


def mistakes(
    error: ValidationError,
    model: type[BaseModel],
    content: Any,
    spelled: Mapping[str, str] | None = None,
) -> list[Mistake]:
    """Return what pydantic found wrong with a content, at most one mistake a place."""
    by_path: dict[Path, list[ErrorDetails]] = {}
    found: list[Mistake] = []
    for detail in error.errors(include_url=False):
        if detail["type"] == _TOLD:
            context = detail["ctx"]
            found.append(Mistake(tuple(detail["loc"]), context["what"], context["remedy"]))
        else:
            by_path.setdefault(_path(detail, content), []).append(detail)
    # Of a list with a wrong item, the item is reported.
    for path in [path for path in by_path if any(path == other[:-1] for other in by_path)]:
        if all(detail["type"] in _OF_A_VALUE for detail in by_path[path]):
            del by_path[path]
    words = spelled or {}
    return found + [_mistake(path, d, model, content, words) for path, d in by_path.items()]


def all_of(found: Sequence[Mistake]) -> ValidationError:
    """Return an error for a validator of a model to raise that has found several mistakes.

    Their paths begin at that model.
    """
    return ValidationError.from_exception_data(
        "mistakes",
        [
            {
                "type": PydanticCustomError(
                    _TOLD, "{what}. {remedy}", {"what": m.what, "remedy": m.remedy}
                ),
                "loc": m.path,
                "input": None,
            }
            for m in found
        ],
    )


def _path(detail: ErrorDetails, content: Any) -> Path:
    """Where an error lies in the content; pydantic names the branches of unions in between."""
    node = content
    path: list[str | int] = []
    for position, part in enumerate(detail["loc"]):
        if _holds(node, part):
            node = node[part]
        elif detail["type"] != "missing" or position < len(detail["loc"]) - 1:
            continue
        path.append(part)
    return tuple(path)


def _holds(node: Any, part: str | int) -> bool:
    if isinstance(node, Mapping):
        return part in node
    return isinstance(node, list | tuple) and isinstance(part, int) and part < len(node)


def _mistake(
    path: Path,
    details: Sequence[ErrorDetails],
    model: type[BaseModel],
    content: Any,
    spelled: Mapping[str, str],
) -> Mistake:
    # Of a union each branch complains; our own sentence says it best.
    detail = next((d for d in details if d["type"] == "value_error"), details[0])
    kind, value = detail["type"], _at(content, path)
    if kind == "value_error":
        sentence = str(detail["msg"]).removeprefix("Value error, ")
        for own, theirs in spelled.items():
            sentence = sentence.replace(f"`{own}`", f"`{theirs}`")
        return Mistake(path, *what_and_remedy(sentence))
    if kind == "extra_forbidden":
        parent = _models(_annotations(path[:-1], model, content))
        names = [spelled.get(n, n) for one in parent for n in one.model_fields]
        return Mistake(path, NO_SUCH_KEY, nearest(str(path[-1]), names))
    if kind.startswith("union_tag"):
        name = str(detail["ctx"]["discriminator"]).strip("'")
        what = f"there is no {value[name]!r}" if name in value else "is missing"
        tags = _tags(_models(_annotations(path, model, content)), name)
        return Mistake((*path, name), what, f"Write one of {', '.join(tags)}")
    if len(details) > 1 and {d["type"] for d in details} <= _OF_A_VALUE:
        what = f"{_shown(value)} is not a single value"
        return Mistake(path, what, "Write text, a number, true or false")
    return Mistake(path, *_plain(detail, value))


def _plain(detail: ErrorDetails, value: Any) -> tuple[str, str]:
    """What is wrong with one value, and the remedy."""
    shown = _shown(value)
    if "[key]" in detail["loc"]:
        return "one of its keys is no text to YAML", "Put it in quotes"
    match detail["type"]:
        case "missing":
            return "is missing", "Add it"
        case "literal_error":
            return f"there is no {shown}", f"Write {detail['ctx']['expected']}"
        case "int_type" | "int_from_float":
            return f"{shown} is no whole number", "Write one without a point"
        case "int_parsing":
            return f"{shown} is no whole number", "Write one"
        case "float_type" | "float_parsing":
            return f"{shown} is no number", "Write a number"
        case "bool_type" | "bool_parsing":
            return f"{shown} is no switch", "Write true or false"
        case "string_type":
            return f"{shown} is no text", "Put it in quotes"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"{shown} holds no keys with values", "Write it as `key: value`"
        case "too_short":
            return "there is nothing in it", "Write at least one"
    return detail["msg"].replace("Input should be", "must be"), "Correct it"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}.."


def nearest(key: str, names: Sequence[str]) -> str:
    """Return the remedy for a name that does not exist: the one that is meant, or all."""
    close = difflib.get_close_matches(key, names, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Use one of {', '.join(names)}." if names else "Remove it."


def _at(content: Any, path: Path) -> Any:
    """The value at a path; None where it is missing."""
    for part in path:
        content = content[part] if _holds(content, part) else None
    return content


def _spell(path: Path, model: type[BaseModel], content: Any, spelled: Mapping[str, str]) -> str:
    """A path as the file spells it; keys that are no fields, such as names, are left alone."""
    text = ""
    for position, part in enumerate(path):
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        owners = _models(_annotations(path[:position], model, content))
        word = spelled.get(part, part) if any(part in m.model_fields for m in owners) else part
        text += f".{word}" if text else word
    return text


def _annotations(path: Path, model: type[BaseModel], content: Any) -> list[Any]:
    """The types that the value at a path may have: of a union those that fit what was written."""
    found: list[Any] = [model]
    for part in path:
        content = content[part] if _holds(content, part) else None
        inner = [i for annotation in found for i in _inner(annotation, part)]
        found = _fitting([branch for i in inner for branch in _branches(i)], content)
    return found


def _inner(annotation: Any, part: str | int) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return [] if field is None else [field.annotation]
    arguments = [a for a in get_args(annotation) if a is not Ellipsis]
    return arguments[-1:]


def _branches(annotation: Any) -> list[Any]:
    """The members of a union, without annotations around them."""
    if get_origin(annotation) is Annotated:
        return _branches(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [branch for a in get_args(annotation) for branch in _branches(a)]
    return [annotation]


def _fitting(annotations: list[Any], value: Any) -> list[Any]:
    """Those whose literal fields, such as a `kind`, agree with the value; all if none do."""

    def agrees(annotation: Any) -> bool:
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return False
        return isinstance(value, Mapping) and all(
            value[name] in _literals(field.annotation)
            for name, field in annotation.model_fields.items()
            if name in value and _literals(field.annotation)
        )

    return [annotation for annotation in annotations if agrees(annotation)] or annotations


def _models(annotations: Iterable[Any]) -> list[type[BaseModel]]:
    return [a for a in annotations if isinstance(a, type) and issubclass(a, BaseModel)]


def _literals(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _tags(models: Sequence[type[BaseModel]], name: str) -> list[str]:
    return [str(tag) for m in models for tag in _literals(m.model_fields[name].annotation)]
