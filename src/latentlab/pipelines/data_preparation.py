"""Stage 1: read the data, check it, store it as tensors with a card; or look at a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedro.pipeline import Node, Pipeline

from latentlab.compute.config import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.data import Prepared
from latentlab.data.card import data_card
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study
from latentlab.pipelines.binding import bound
from latentlab.tracking.store_address import project_root

if TYPE_CHECKING:
    from latentlab.experiment.programs.declaration import ProgramDeclaration
    from latentlab.experiment.programs.source import ProgramSource

STAGE = "data_preparation"


def prepare(
    study: Study, declaration: Declaration, compute: ComputeConfig, raw: object
) -> tuple[Prepared, dict[str, Any]]:
    """The study's data, and its card; refuses what could not be trained on this machine."""
    from latentlab.compute.device import resolve_device
    from latentlab.experiment.planning import prepare_data

    if not isinstance(raw, str) or (project_root() / raw).is_file():
        raise UserError(f"raw_data: {raw!r} is no folder", "Write its name, such as data/01_raw.")
    resolve_device(compute)
    prepared = prepare_data(study, declaration, project_root() / raw)
    return prepared, data_card(prepared)


def look_at_program(
    study: Study, declaration: ProgramDeclaration, compute: ComputeConfig
) -> tuple[ProgramSource, dict[str, Any]]:
    """The study's program as it is found, and its card: code and inputs decide its trials."""
    from latentlab.compute.device import resolve_device
    from latentlab.experiment.programs.source import find_program

    resolve_device(compute)
    where = f"{study.name}.program"
    found = find_program(declaration.dataset, declaration.program, project_root(), where)
    return found, found.card()


def create_pipeline(study: Study) -> Pipeline:
    """The stage for one study."""
    s = study.name
    reads = [] if study.runs_programs else ["params:raw_data"]
    return Pipeline(
        [
            Node(
                bound(look_at_program if study.runs_programs else prepare, study),
                [f"params:{s}", "params:compute", *reads],
                [study.made_from, f"{s}.data_card"],
                name=f"{s}.{'look_at_program' if study.runs_programs else 'prepare'}",
                namespace=f"{s}.{STAGE}",
            )
        ]
    )
