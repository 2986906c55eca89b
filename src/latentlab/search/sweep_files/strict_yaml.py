"""YAML whose keys are given once; a mistake is one line with the file and the line in it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from latentlab.core.errors import UserError


class _StrictLoader(yaml.SafeLoader):
    """`yaml.SafeLoader`, which keeps the last of two equal keys in silence, without that."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node.

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
    """The mapping in a YAML file.

    Raises:
        UserError: there is no such file, it is no YAML, a key is given twice, or it holds no
            mapping.
    """
    try:
        # Not a foreign tag or object: the loader extends yaml.SafeLoader.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Correct the path") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8", "Save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f", line {mark.line + 1}"
        problem = getattr(error, "problem", None) or str(error)
        raise UserError(f"{path}{place}: {problem}", "Correct the file") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no keys with values", "Write them as `key: value`")
    return content
