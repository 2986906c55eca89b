"""Turns pydantic's errors into one line: key, what is wrong with it, and what to write instead."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from latentlab.core.errors import UserError

NO_SUCH_KEY = "there is no such key"
SHOWN = 5
"""Mistakes beyond this many are counted, not shown."""

_OF_A_VALUE = {"bool_type", "int_type", "float_type", "string_type", "list_type"}

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class _Mistake:
    key: str
    what: str
    remedy: str

    @property
    def sentence(self) -> str:
        return f"{self.key}: {self.what}" if self.key else self.what


def validate(
    model: type[Model],
    content: Any,
    where: str,
    remedy: str = "",
    spelled: Mapping[str, str] | None = None,
) -> Model:
    """Validate what a person wrote.

    Args:
        model: what it must be.
        content: plain values, as read from YAML or JSON.
        where: the file or block, which the message begins with; may be empty.
        remedy: a sentence at the end of the message, after the remedies of the mistakes.
        spelled: the words of the file for fields of the model, where they differ.

    Raises:
        UserError: one line with every mistake, its key and its remedy.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first, *others = _mistakes(error, model, content, spelled or {})
        further = [f"{m.sentence} ({_lower(m.remedy)})" for m in others[: SHOWN - 1]]
        if len(others) >= SHOWN:
            further.append(f"and {len(others) - SHOWN + 1} more")
        sentences = [_stopped(first.remedy)]
        sentences += [f"Also {_stopped('; '.join(further))}"] if further else []
        sentences += [remedy] if remedy else []
        begin = f"{where}: " if where else ""
        raise UserError(f"{begin}{first.sentence}", " ".join(sentences)) from error


def _mistakes(
    error: ValidationError, model: type[BaseModel], content: Any, spelled: Mapping[str, str]
) -> list[_Mistake]:
    by_path: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        by_path.setdefault(_path(detail, content), []).append(detail)
    # Of a list with a wrong item, the item is reported.
    for path in [path for path in by_path if any(path == other[:-1] for other in by_path)]:
        if all(detail["type"] in _OF_A_VALUE for detail in by_path[path]):
            del by_path[path]
    return [_mistake(path, d, model, content, spelled) for path, d in by_path.items()]


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
) -> _Mistake:
    key = _spell(path, model, content, spelled)
    # Of a union each branch complains; our own sentence says it best.
    detail = next((d for d in details if d["type"] == "value_error"), details[0])
    kind, value = detail["type"], _at(content, path)
    if kind == "value_error":
        sentence = str(detail["msg"]).removeprefix("Value error, ")
        for own, theirs in spelled.items():
            sentence = sentence.replace(f"`{own}`", f"`{theirs}`")
        what, _, remedy = sentence.partition("; ")
        return _Mistake(key, what, _upper(remedy or "correct it"))
    if kind == "extra_forbidden":
        parent = _models(_annotations(path[:-1], model, content))
        names = [spelled.get(n, n) for one in parent for n in one.model_fields]
        return _Mistake(key, NO_SUCH_KEY, nearest(str(path[-1]), names))
    if kind.startswith("union_tag"):
        name = str(detail["ctx"]["discriminator"]).strip("'")
        what = f"there is no {value[name]!r}" if name in value else "is missing"
        tags = _tags(_models(_annotations(path, model, content)), name)
        return _Mistake(f"{key}.{name}" if key else name, what, f"Write one of {', '.join(tags)}")
    if len(details) > 1 and {d["type"] for d in details} <= _OF_A_VALUE:
        what = f"{value!r} is not a single value"
        return _Mistake(key, what, "Write text, a number, true or false")
    return _Mistake(key, *_plain(detail, value))


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


def nearest(key: str, names: Sequence[str]) -> str:
    """Return the remedy for a name that does not exist: the one that is meant, or all."""
    close = difflib.get_close_matches(key, names, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Use one of {', '.join(names)}" if names else "Remove it"


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


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith("?") else f"{sentence}."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
