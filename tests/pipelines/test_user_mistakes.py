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
        ("derp_vae.training.learnin_rate=0.1", ["learnin_rate", "no such key"]),
        ("derp_vae.training.learning_rate=-1", ["learning_rate", "greater than 0"]),
        ("derp_vae.seeds.count=0", ["derp_vae.seeds.count", "greater than or equal to 1"]),
        ("derp_vae.dataset=mnst", ["mnst", "mnist"]),
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
        ({"seeds": {"chosen": [1, 2, 2]}}, ["derp_vae.seeds", "chosen holds seed 2 twice"]),
        (
            {"hypotheses": {"hypotheses": {"accuracy_kept": {"margin": None}}}},
            ["accuracy_kept", "margin"],
        ),
        (
            {"hypotheses": {"stopping": {"plan": "group_sequential"}}},
            ["stopping", "no such key"],
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


def write_idx(path: Path, array: np.ndarray, magic: int | None = None) -> None:
    header = struct.pack(">I", magic or 0x0800 + array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
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


def spoil_truncated(folder: Path) -> None:
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:5000])


def spoil_magic(folder: Path) -> None:
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.arange(100) % 10, magic=0x0D01)


def spoil_counts(folder: Path) -> None:
    write_idx(folder / "train-labels-idx1-ubyte.gz", np.arange(599) % 10)


def spoil_classes(folder: Path) -> None:
    write_idx(folder / "train-labels-idx1-ubyte.gz", np.zeros(600))
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.zeros(100))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_truncated, ["train-images-idx3-ubyte.gz"]),
        (spoil_magic, ["t10k-labels-idx1-ubyte.gz"]),
        (spoil_counts, ["599", "600"]),
        (spoil_classes, ["class"]),
    ],
)
def test_a_wrong_file_is_named(project: ProjectCopy, mnist: Path, spoil, words: list[str]) -> None:
    spoil(mnist)
    line = told(project, "--params", "derp_vae.dataset=mnist")
    assert all(word in line for word in words), line
    assert nothing_written(project)


def test_files_in_the_official_format_train(project: ProjectCopy, mnist: Path) -> None:
    done = project.kedro(
        "run",
        "--env",
        "smoke",
        "--pipelines",
        "derp_vae.data_preparation",
        "--params",
        "derp_vae.dataset=mnist",
    )
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
