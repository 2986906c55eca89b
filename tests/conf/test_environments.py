"""What wins in `conf/`: a person's own settings in every environment, and `--params` over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.context import KedroContext
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from labs.project_copies import copy_project
from latentlab.core.errors import UserError

ENVIRONMENTS = (None, "base", "smoke", "gpu", "paper", "reduced", "local")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of which nothing is run."""
    project = copy_project(tmp_path / "project", with_store=False).root
    monkeypatch.chdir(project)
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    bootstrap_project(project)
    return project


def write(root: Path, file: str, content: Any) -> None:
    path = root / "conf" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


@contextmanager
def loaded(root: Path, env: str | None = None, **params: Any) -> Iterator[KedroContext]:
    """The project as `kedro run` loads it."""
    with KedroSession.create(root, env=env, runtime_params=params or None) as session:
        yield session.load_context()


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_a_persons_own_settings_win_in_every_environment(root: Path, env: str | None) -> None:
    own = {
        "compute": {"device": "auto", "engine": "processes", "precision": "bfloat16"},
        "derp_vae": {"dataset": "mnist", "seeds": {"count": 7}, "training": {"epochs": 3}},
    }
    write(root, "local/parameters.yml", own)
    write(root, "local/globals.yml", {"data": "elsewhere"})
    write(root, "local/mlflow.yml", {"server": {"mlflow_tracking_uri": "sqlite:///mine.db"}})
    write(root, "local/catalog.yml", {"{study}.champion": {"filepath": "c/{study}.json"}})
    write(root, "local/credentials.yml", {"store": {"key": "secret"}})
    with loaded(root, env) as context:
        compute, study = context.params["compute"], context.params["derp_vae"]
        assert (compute.device, compute.engine, compute.precision) == (
            "auto",
            "processes",
            "bfloat16",
        )
        # What they leave out is as base has it.
        assert compute.checkpoint_seconds == 10
        assert (study.dataset, study.seeds.count) == ("mnist", 7)
        assert study.configs["standard_vae"].training.epochs == 3
        # Sweeps of every environment are looked for.
        assert context.params["sweeps"].folders == (
            "conf/local",
            f"conf/{env or 'base'}",
            "conf/base",
            "elsewhere/08_reporting",
        )
        config = context.config_loader
        catalog = config["catalog"]
        assert config["globals"] == {"data": "elsewhere"}
        assert catalog["{study}.trials"]["filepath"].startswith("elsewhere/")
        # Other keys of the entry stay.
        assert catalog["{study}.champion"]["type"] == "latentlab.pipelines.whole_files.JsonFile"
        assert catalog["{study}.champion"]["filepath"] == "c/{study}.json"
        assert config["credentials"] == {"store": {"key": "secret"}}
        assert context.mlflow.server.mlflow_tracking_uri == "sqlite:///mine.db"
        assert context.mlflow.tracking.run.nested is False


@pytest.mark.parametrize(
    ("env", "device", "data"),
    [
        (None, "cpu", "data"),
        ("smoke", "cpu", "data/smoke"),
        ("gpu", "cuda", "data"),
        ("paper", "auto", "data/paper"),
        ("reduced", "cpu", "data/reduced"),
    ],
)
def test_without_own_settings_the_environment_decides(
    root: Path, env: str | None, device: str, data: str
) -> None:
    (root / "conf" / "local").rmdir()
    with loaded(root, env) as context:
        assert context.params["compute"].device == device
        assert context.config_loader["globals"]["data"] == data
        assert context.params["sweeps"].folders[-1] == f"{data}/08_reporting"
        uri = context.mlflow.server.mlflow_tracking_uri
        assert uri == f"sqlite:///{root / 'mlflow.db'}"


@pytest.mark.parametrize("env", [None, "smoke", "local"])
def test_parameters_of_the_command_line_win_over_all(root: Path, env: str | None) -> None:
    write(root, "local/parameters.yml", {"compute": {"cohort": 3, "threads": 1}})
    with loaded(root, env, compute={"cohort": 5}) as context:
        assert context.params["compute"].cohort == 5
        assert context.params["compute"].threads == 1


def test_the_environment_variable_counts_as_the_option(root: Path, monkeypatch) -> None:
    monkeypatch.setenv("KEDRO_ENV", "paper")
    with loaded(root) as context:
        assert context.params["sweeps"].folders[1] == "conf/paper"
        assert context.params["derp_vae"].dataset == "cifar10"


def refusal(root: Path, env: str | None = None) -> str:
    with pytest.raises(UserError) as caught, loaded(root, env) as context:
        assert context.config_loader["parameters"]
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    "file",
    [
        "local/compute.yml",
        "local/derp_vae/compute.yml",
        "local/derp_vae/mine.yml",
        "local/drep_vae/sweeps/mine.yml",
        "local/parameters.txt",
        "local/notes/plan.md",
        "base/compute.json",
        "smoke/derp_vae/sweep.yml",
        "parameters.yml",
    ],
)
def test_a_file_that_nothing_reads_is_named(root: Path, file: str) -> None:
    write(root, file, "compute: {device: cpu}\n")
    assert refusal(root, "smoke").startswith(f"conf/{file}: nothing reads this file. ")


def test_a_file_that_is_read_or_a_note_is_not_named(root: Path) -> None:
    for file in (
        "local/parameters.yml",
        "local/parameters_mine.yaml",
        "local/parameters_mine.json",
        "local/parameters/mine.yml",
        "local/derp_vae/parameters.yml",
        "local/derp_vae/hypotheses_more.yml",
        "local/globals.yaml",
        "local/catalog_mine.yml",
        "local/mlflow.yml",
        "local/credentials.yml",
        "local/derp_vae/sweeps/mine.yml",
        "local/anchored_multimodal_advice/configurations/mine.yml",
        "local/README.md",
        "local/derp_vae/README.md",
        "local/.DS_Store",
        "local/.ipynb_checkpoints/compute.yml",
        "smoke/derp_vae/sweeps/mine.yml",
        # Of an environment that this run does not ask for.
        "paper/compute.yml",
    ):
        write(root, file, "{}\n")
    with loaded(root, "smoke") as context:
        assert context.config_loader.run_env == "smoke"


def test_what_yaml_and_json_files_of_one_environment_say_is_read(root: Path) -> None:
    write(root, "local/parameters_a.yaml", {"compute": {"cohort": 3}})
    write(root, "local/parameters_b.json", '{"compute": {"threads": 2}}')
    write(root, "local/globals.yaml", {"data": "elsewhere"})
    with loaded(root, "smoke") as context:
        assert context.params["compute"].cohort == 3
        assert context.params["compute"].threads == 2
        assert context.config_loader["globals"]["data"] == "elsewhere"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"local/parameters.yml": "compute: {device: cpu\n"}, ["local/parameters.yml", "line"]),
        (
            {
                "local/parameters.yml": "compute: {device: cpu}\n",
                "local/parameters_2.yml": "compute: {device: cuda}\n",
            },
            ["local/parameters.yml", "local/parameters_2.yml", "compute.device"],
        ),
        ({"local/parameters.yml": 'raw_data: "${globals:place}"\n'}, ["place", "raw_data"]),
        ({"local/globals.yml": 'data: "${place}"\n'}, ["place", "data"]),
    ],
)
def test_what_cannot_be_read_is_one_line(
    root: Path, files: dict[str, str], words: list[str]
) -> None:
    for file, content in files.items():
        write(root, file, content)
    line = refusal(root, "smoke")
    assert all(word in line for word in words), line


@pytest.mark.parametrize(
    "file",
    [
        "local/parameters.yml",
        "local/hypotheses.yaml",
        "local/catalog.yml",
        "local/credentials.yml",
        "smoke/mlflow.json",
        "base/derp_vae/sweeps/mine.yml",
        "logging.yml",
    ],
)
def test_a_folder_in_the_place_of_a_file_is_named(root: Path, file: str) -> None:
    path = root / "conf" / file
    path.unlink(missing_ok=True)
    path.mkdir(parents=True)
    line = refusal(root, "smoke")
    assert line == f"conf/{file} is a folder where a file is read. Rename the folder."


def test_an_environment_that_is_not_there_is_named(root: Path) -> None:
    line = refusal(root, "smok")
    assert "conf/smok. Did you mean smoke?" in line
    assert "base, gpu, local, paper, reduced, smoke" in refusal(root, "production")


def test_all_mistakes_of_all_files_are_told_at_once(root: Path) -> None:
    write(root, "local/parameters.yml", "use the large model\n")
    write(root, "local/catalog.yml", "- a list\n")
    write(root, "smoke/compute.yml", "device: cpu\n")
    line = refusal(root, "smoke")
    for words in (
        "conf/local/parameters.yml holds no keys",
        "conf/local/catalog.yml holds no keys",
        "conf/smoke/compute.yml: nothing reads",
    ):
        assert words in line


def test_all_mistakes_of_parameters_are_told_where_they_stand(root: Path) -> None:
    own = {
        "derp_va": {"dataset": "digits"},
        "retrain": "maybe",
        "compute": {"engin": "inline"},
        "derp_vae": {
            "model": {"hiden": 3},
            "arms": {"mine": {"objective": {"betta": 1.0}}},
            "datasets": {"digits": {"training": {"epoch": 3}}},
            "champion": {"metric": "acuracy"},
        },
    }
    write(root, "local/parameters.yml", own)
    with pytest.raises(UserError) as caught, loaded(root, "smoke") as context:
        assert context.params
    for words in (
        "derp_va: there is no such key",
        "retrain: 'maybe' is no switch",
        "compute.engin: there is no such key",
        "derp_vae.model.hiden: there is no such key",
        "derp_vae.arms.mine.objective.betta: there is no such key (did you mean beta?)",
        "derp_vae.datasets.digits.training.epoch: there is no such key",
        "derp_vae.champion.metric: 'acuracy'",
    ):
        assert words in str(caught.value)


@pytest.mark.parametrize("name", ["a[x]", "what?", "50%25"])
def test_a_folder_that_cannot_be_named_in_patterns_is_refused(tmp_path: Path, name: str) -> None:
    project = copy_project(tmp_path / name, with_store=False).root
    bootstrap_project(project)
    with pytest.raises(UserError, match="the folder's name has"), loaded(project):
        pass


def test_a_folder_of_settings_may_be_named_relatively(root: Path) -> None:
    with KedroSession.create(root, env="smoke", conf_source="conf") as session:
        assert session.load_context().params["derp_vae"].seeds.count == 3
