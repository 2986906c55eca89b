"""YAML whose keys are given once; a mistake is one line with the file and the line in it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from latentlab.core.errors import UserError

DEEPEST = 50
MOST_VALUES = 200_000
MOST_BITS = 14_000
"""Of a whole number; one of more has so many digits that Python does not write it."""


class _StrictLoader(yaml.SafeLoader):
    """`yaml.SafeLoader`, which keeps the last of two equal keys in silence, without that."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping of a node.

        Raises:
            ConstructorError: a key is given twice; one that a merge (`<<`) brings may be replaced.
        """
        lines: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if isinstance(key, Hashable) and key in lines:
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"'{key}' is given twice, in line {lines[key]} too",
                    key_node.start_mark,
                )
            if isinstance(key, Hashable):
                lines[key] = line
        return super().construct_mapping(node, deep=deep)


def load_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises:
        UserError: there is no such file, or it holds no mapping that `parse_yaml` accepts.
    """
    try:
        content = parse_yaml(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Correct the path") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no keys with values", "Write them as `key: value`")
    return content


def parse_yaml(text: bytes, where: str) -> Any:
    """Return what a YAML text holds; None where it holds nothing.

    Args:
        text: the content of a file.
        where: the file's name, for the message.

    Raises:
        UserError: it is not UTF-8 or no YAML, it has a tag or an impossible date, a key is given
            twice, or it is too deep or too large to be somebody's settings.
    """
    try:
        # Not a foreign tag or object: the loader extends yaml.SafeLoader.
        content = yaml.load(text.decode(), Loader=_StrictLoader)
        _bounded(content, where)
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is not text in UTF-8", "Save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f", line {mark.line + 1}"
        problem = getattr(error, "problem", None) or str(error)
        raise UserError(f"{where}{place}: {problem}", "Correct the file") from error
    except RecursionError as error:
        raise _too_deep(where) from error
    except ValueError as error:
        # A date such as 2026-13-01, or a whole number of thousands of digits.
        raise UserError(f"{where}: {error}", "Put it in quotes if it is text") from error
    return content


def _bounded(content: Any, where: str) -> None:
    """Refuse what grows without end where aliases are written out, as OmegaConf does."""
    waiting = [(content, 1)]
    values = 0
    while waiting:
        value, depth = waiting.pop()
        values += 1
        if depth > DEEPEST:
            raise _too_deep(where)
        if values > MOST_VALUES:
            raise UserError(
                f"{where} holds more than {MOST_VALUES:,} values, its aliases written out",
                "Shorten it",
            )
        keys = value if isinstance(value, dict) else ()
        if any(isinstance(one, int) and one.bit_length() > MOST_BITS for one in (value, *keys)):
            raise UserError(
                f"{where}: a whole number in it has thousands of digits",
                "Put it in quotes if it is text",
            )
        if isinstance(value, dict):
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]


def _too_deep(where: str) -> UserError:
    return UserError(f"{where} is nested more than {DEEPEST} deep", "Write it flatter")
