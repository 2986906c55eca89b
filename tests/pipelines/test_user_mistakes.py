"""What a user can get wrong: one line that names it, a status not 0, nothing half-written."""

from __future__ import annotations

import gzip
import struct
import subprocess
from pathlib import Path

import mlflow
import numpy as np
import pytest
import yaml

from labs.project_copies import ProjectCopy


def told(project: ProjectCopy, *arguments: str) -> str:
    """The one line of a run that fails, and that it is one."""
    return told_by(project.kedro("run", "--env", "smoke", *arguments))


def told_by(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return errors[0]


def nothing_written(project: ProjectCopy) -> bool:
    return not [
        p
        for p in (project.root / "data").rglob("*")
        if p.is_file() and "01_raw" not in p.parts and p.name != ".lock"
    ]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            "derp_vae.training.learnin_rate=0.1,derp_vae.training.learning_rate=-1",
            ["learnin_rate", "no such key", "learning_rate", "greater than 0"],
        ),
        (
            "derp_vae.hypotheses.hypotheses.accuracy_kept.arms.treatment=derp_vae_9",
            ["accuracy_kept", "derp_vae_9"],
        ),
    ],
)
def test_a_wrong_setting_is_found_before_anything_runs(
    bare_project: ProjectCopy, parameters: str, words: list[str]
) -> None:
    line = told(bare_project, "--params", parameters)
    assert all(word in line for word in words), line
    assert nothing_written(bare_project)
    assert not (bare_project.root / "mlflow.db").exists()


def test_a_shell_sees_the_line_and_the_status(bare_project: ProjectCopy) -> None:
    done = bare_project.kedro_command("run", "--env", "smoke", "--params", "compute.engin=inline")
    line = told_by(done)
    assert "compute.engin" in line
    assert "no such key" in line
    assert done.returncode == 1
    assert nothing_written(bare_project)
    assert not (bare_project.root / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (
            {
                "seeds": {"chosen": [1, 2, 2]},
                "hypotheses": {
                    "hypotheses": {"accuracy_kept": {"margin": None}},
                    "stopping": {"plan": "group_sequential"},
                },
            },
            [
                "derp_vae.seeds: chosen holds seed 2 twice",
                "stopping.plan: there is no such key",
                "accuracy_kept: margin is missing",
            ],
        ),
        ({"arms": {"bad": {"objective": {"probes": 3}}}}, ["bad", "probes"]),
    ],
)
def test_a_wrong_block_is_found_before_anything_runs(
    project: ProjectCopy, block: dict, words: list[str]
) -> None:
    path = project.root / "conf" / "smoke" / "parameters_wrong.yml"
    smoke = yaml.safe_load((project.root / "conf" / "smoke" / "parameters.yml").read_text())
    for key in block:
        smoke["derp_vae"].pop(key, None)
    (project.root / "conf" / "smoke" / "parameters.yml").write_text(yaml.safe_dump(smoke))
    path.write_text(yaml.safe_dump({"derp_vae": block}))
    line = told(project)
    assert all(word in line for word in words), line
    assert nothing_written(project)


def test_a_file_that_nothing_reads_is_named_before_anything_runs(bare_project: ProjectCopy) -> None:
    (bare_project.root / "conf/local/compute.yml").write_text("compute: {device: cuda}\n")
    line = told(bare_project)
    assert "conf/local/compute.yml: nothing reads this file" in line
    assert nothing_written(bare_project)
    assert not (bare_project.root / "mlflow.db").exists()


def test_an_own_setting_reaches_a_run_of_an_environment(bare_project: ProjectCopy) -> None:
    (bare_project.root / "conf/local/parameters.yml").write_text("derp_vae: {dataset: mnst}\n")
    line = told(bare_project)
    assert "mnst" in line
    assert "mnist" in line


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


@pytest.fixture
def mnist(project: ProjectCopy) -> Path:
    """A small data set in MNIST's format."""
    folder = project.root / "data" / "01_raw" / "mnist"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split, count in (("train", 600), ("t10k", 100)):
        write_idx(folder / f"{split}-images-idx3-ubyte.gz", rng.integers(0, 256, (count, 28, 28)))
        write_idx(folder / f"{split}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    return folder


def test_a_wrong_file_is_named_and_the_official_one_is_read(
    project: ProjectCopy, mnist: Path
) -> None:
    """The other ways in which a file is wrong are tried where it is read."""
    chosen = ("--params", "derp_vae.dataset=mnist")
    path = mnist / "train-images-idx3-ubyte.gz"
    official = path.read_bytes()
    path.write_bytes(official[:5000])
    assert path.name in told(project, *chosen)
    assert nothing_written(project)
    path.write_bytes(official)
    stage = ("--pipelines", "derp_vae.data_preparation")
    done = project.kedro("run", "--env", "smoke", *stage, *chosen)
    assert done.returncode == 0, done.stderr


def test_a_missing_file_says_how_to_get_it(project: ProjectCopy) -> None:
    line = told(project, "--params", "derp_vae.dataset=celeba")
    assert "list_attr_celeba.txt" in line
    assert nothing_written(project)


def test_a_gpu_that_is_not_there(project: ProjectCopy) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    line = told(project, "--params=compute.device=cuda")
    assert "compute.device is cuda" in line
    assert nothing_written(project)
    client = mlflow.MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("derp_vae").experiment_id])
    assert run.info.status == "FAILED"
    assert "compute.device is cuda" in run.data.tags["error"]


def test_fewer_examples_than_a_batch(project: ProjectCopy) -> None:
    line = told(project, "--params", "derp_vae.training.batch_size=1000")
    assert "training.batch_size is 1000" in line
    assert nothing_written(project)


def test_an_unwritable_data_folder(project: ProjectCopy) -> None:
    # A file where a folder is wanted stops even a user who may write everywhere.
    (project.root / "data").mkdir(exist_ok=True)
    (project.root / "data" / "smoke").write_text("in the way")
    line = told(project)
    assert "cannot be written" in line
