"""The registered pipelines, and that every environment resolves for each of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import MemoryDataset
from kedro.pipeline import Pipeline

from labs.project_copies import copy_project
from latentlab.experiment.programs.study import program_study
from latentlab.pipeline_registry import (
    ADVICE_STAGES,
    STAGES,
    SWEEP_STAGES,
    register_pipelines,
    study_pipelines,
)
from latentlab.studies.registry import STUDIES

ENVIRONMENTS = ("base", "smoke", "gpu", "paper", "reduced")


def test_names_are_as_documented() -> None:
    names = set(register_pipelines())
    stages = {stage.STAGE for stage in STAGES}
    assert stages == {
        "data_preparation",
        "training",
        "evaluation",
        "hypothesis_testing",
        "reporting",
    }
    searching = {stage.STAGE for stage in SWEEP_STAGES}
    assert searching == {"data_preparation", "search", "confirmation", "sweep_analysis"}
    expected = {"all", "audit", "evidence", "sweep_analysis", "__default__"}
    assert {stage.STAGE for stage in ADVICE_STAGES} - stages == {"advice"}
    for name, study in STUDIES.items():
        expected |= {f"{name}.register", f"{name}.verify"}
        expected |= {name, *(f"{name}.{stage}" for stage in stages)}
        if study.advises:
            expected.add(f"{name}.advice")
        else:
            expected |= {f"{name}_sweep.{stage}" for stage in (*searching, "verify")}
            expected.add(f"{name}_sweep")
    assert names == expected


def test_all_are_the_studies_with_a_question_of_their_own() -> None:
    pipelines = register_pipelines()
    run = {str(node.namespace).partition(".")[0] for node in pipelines["all"].nodes}
    assert run == {name for name, study in STUDIES.items() if not study.advises}
    assert {study.advises for study in STUDIES.values()} - {""} <= run


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_pipeline_resolves(environment: str, tmp_path: Path, monkeypatch) -> None:
    project = copy_project(tmp_path / "project").root
    monkeypatch.chdir(project)
    bootstrap_project(project)
    with KedroSession.create(project, env=environment) as session:
        context = session.load_context()
        # Built once: every access builds it anew.
        catalog = context.catalog
        # Reading the parameters validates every typed one.
        assert context.params["compute"].checkpoint_seconds == 10
        assert f"conf/{environment}" in context.params["sweeps"].folders
        # Whole blocks: a data set for every key in them would be thousands.
        assert not [name for name in catalog if name.startswith("params:") and "." in name]
        for name, pipeline in register_pipelines().items():
            for dataset in pipeline.datasets():
                if dataset.startswith("params:"):
                    continue
                found = catalog.get(dataset)
                assert found is not None, f"{name}: {dataset} is not in the catalog"
                # What `verify` found is for who asked, and kept nowhere.
                in_memory = dataset.endswith("checks")
                assert isinstance(found, MemoryDataset) == in_memory, dataset


def everything() -> Pipeline:
    """All nodes of all pipelines, and of a study of programs, of which none ships."""
    of_programs = study_pipelines(program_study("programs", with_history=True))
    return sum((register_pipelines() | of_programs).values(), Pipeline([]))


def test_no_catalog_entry_is_unused(tmp_path: Path, monkeypatch) -> None:
    import re

    import yaml

    project = copy_project(tmp_path / "project").root
    patterns = yaml.safe_load((project / "conf" / "base" / "catalog.yml").read_text())
    used = everything().datasets()
    for pattern in patterns:
        if pattern.startswith("_") or pattern == "{study}.examination":
            # What entries share; what a command writes, and no pipeline.
            continue
        shape = re.sub(r"\\{\w+\\}", r"\\w+", re.escape(pattern))
        assert any(re.fullmatch(shape, name) for name in used), pattern


def test_no_parameter_is_unused(tmp_path: Path) -> None:
    import yaml

    project = copy_project(tmp_path / "project").root
    declared = yaml.safe_load((project / "conf" / "base" / "parameters.yml").read_text())
    used = {n.removeprefix("params:") for n in everything().datasets()}
    # `tracking` is read by the hook rather than by a node.
    assert set(declared) - {"tracking"} <= used
