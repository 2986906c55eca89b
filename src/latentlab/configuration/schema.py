"""JSON Schema of the files in `conf/`, made from the models that check them, for editors.

A file is one layer of several, so that nothing is required in it; and any value may be a reference,
`${..}`. What two keys must be to each other only a run can say.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from latentlab.configuration.loader import Globals
from latentlab.configuration.parameters import parameters_model
from latentlab.core.files import write_atomically
from latentlab.data import SOURCES
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.programs.declaration import ProgramDeclaration
from latentlab.search.settings import SweepSettings
from latentlab.studies.registry import STUDIES

FOLDER = ".schemas"
"""Below `conf/`; Kedro passes over it."""

Schema = dict[str, Any]
_REFERENCE = {"type": "string", "pattern": r"^\$\{.+\}$"}
_NO_TEXT = ("integer", "number", "boolean", "array")
_ABOUT = ("title", "description", "default")
_VALUES = ("default", "enum", "const")
_BLOCKS = ("model", "objective", "training")


def schema_files() -> dict[str, str]:
    """Return the content of each schema by its file name."""
    schemas = {
        "parameters": _parameters(),
        "sweep": _layer(SweepSettings.model_json_schema(), references=False),
        "globals": _layer(Globals.model_json_schema(), references=True),
    }
    return {f"{name}.json": json.dumps(schema, indent=1) + "\n" for name, schema in schemas.items()}


def write_schemas(conf: Path) -> list[Path]:
    """Write all schemas below `conf`; return their paths.

    Raises:
        UserError: the folder cannot be written.
    """
    paths = []
    for name, text in schema_files().items():
        paths.append(conf / FOLDER / name)
        write_atomically(paths[-1], text.encode())
    return paths


def _parameters() -> Schema:
    """Return the schema of `parameters*` and `hypotheses*`: all studies, with what arms may set."""
    declarations = {name: study.declaration for name, study in STUDIES.items()}
    models: list[type[BaseModel]] = [parameters_model(), ProgramDeclaration]
    for declaration in declarations.values():
        models += [declaration, declaration.config_class]
    models += [source.config for source in SOURCES.values()]
    unique = list(dict.fromkeys(models))
    references, content = models_json_schema([(model, "validation") for model in unique])
    named = {model: references[model, "validation"] for model in unique}
    definitions = content["$defs"]
    for declaration in declarations.values():
        if not issubclass(declaration, ProgramDeclaration):
            _spell_out(definitions[_name(named[declaration])], declaration, named, definitions)
    whole = definitions[_name(named[parameters_model()])]
    # Any other block is a study of programs, which `conf/` alone declares.
    whole["additionalProperties"] = named[ProgramDeclaration]
    return _layer({**whole, "$defs": definitions}, references=True)


def _spell_out(
    block: Schema,
    declaration: type[Declaration],
    named: dict[type[BaseModel], Schema],
    definitions: Schema,
) -> None:
    """Say what the blocks of a study may hold: the settings of its own configuration."""
    config = definitions[_name(named[declaration.config_class])]["properties"]
    parts = {name: part for name, part in config.items() if name in _BLOCKS}
    arm = {"type": "object", "properties": config, "additionalProperties": False}
    of_study = f"{declaration.__name__}Arm"
    definitions[of_study] = {"anyOf": [arm, {"type": "null"}]}
    arms = {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{of_study}"}}
    for name in _BLOCKS:
        block["properties"][name] = parts.get(name, {"type": "object", "maxProperties": 0})
    block["properties"]["arms"] |= arms
    brought = definitions["DatasetDefaults"]["properties"]
    block["properties"]["datasets"]["additionalProperties"] = False
    block["properties"]["datasets"]["properties"] = {
        name: {
            "type": "object",
            "properties": brought
            | parts
            | {"arms": brought["arms"] | arms, "source": named[source.config]},
            "additionalProperties": False,
        }
        for name, source in SOURCES.items()
    }
    block["properties"]["dataset"]["enum"] = sorted(SOURCES)


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _layer(schema: Schema, references: bool) -> Schema:
    """Return the schema of one file of several: with nothing required, and with references."""
    done = _partial(schema, references)
    assert isinstance(done, dict)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **done}


def _partial(node: Any, references: bool) -> Any:
    if isinstance(node, list):
        return [_partial(one, references) for one in node]
    if not isinstance(node, dict):
        return node
    done: Schema = {}
    for key, value in node.items():
        if key in ("properties", "$defs"):
            done[key] = {name: _partial(one, references) for name, one in value.items()}
        elif key == "oneOf":
            # Of a claim in a layer the kind may be missing: several then fit.
            done["anyOf"] = _partial(value, references)
        elif key not in ("required", "discriminator"):
            done[key] = value if key in _VALUES else _partial(value, references)
    if references and done.get("type") in _NO_TEXT:
        about = {key: done.pop(key) for key in _ABOUT if key in done}
        return {**about, "anyOf": [done, _REFERENCE]}
    return done
