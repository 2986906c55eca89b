"""Wrong inputs of every kind: each ends in one line and a status not 0, and leaves nothing half.

    python tests/wrong_inputs.py                # all of them, some twenty minutes on two cores
    python tests/wrong_inputs.py csv damaged    # those whose name contains a word
    python tests/wrong_inputs.py --list

The suite runs `SMALL` of them, one or two of each kind.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from labs.project_copies import ProjectCopy, copy_project
from labs.scripts import command_line, say

SECONDS = 240
"""After which a run counts as hanging; the machine may be busy."""

STUDY = "derp_vae"
Spoil = Callable[[ProjectCopy], None]
Finder = Callable[[ProjectCopy], Path]


@dataclass(frozen=True)
class WrongInput:
    """One input and the command that reads it.

    Attributes:
        name: kind and case.
        arguments: what follows `kedro run --env smoke`.
        spoil: makes the input in a copy of the project.
        finished: whether the copy is one in which the study has run.
        tracking: the tracking address; none: that of the copy.
    """

    name: str
    arguments: tuple[str, ...] = ("--pipelines", f"{STUDY}.data_preparation")
    spoil: Spoil = lambda project: None
    finished: bool = False
    tracking: str | None = None


def written(path: str, content: str | bytes) -> Spoil:
    """Write a file of the project."""

    def spoil(project: ProjectCopy) -> None:
        file = project.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def params(text: str) -> tuple[str, ...]:
    return ("--pipelines", f"{STUDY}.data_preparation", "--params", text)


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 10)
)
TEXTS: dict[str, str | bytes] = {
    "not_closed": "derp_vae: {dataset: [digits",
    "a_list": "- derp_vae\n- digits\n",
    "bare_words": "use the large model\n",
    "a_tag": "derp_vae: !!python/object/apply:os.system [ls]\n",
    "a_reference": "raw_data: ${nowhere}\n",
    "half_a_reference": "raw_data: ${globals:\n",
    "too_deep": "derp_vae: " + "{a: " * 400 + "1" + "}" * 400,
    "tabs": "derp_vae:\n\tdataset: digits\n",
    "a_key_twice": "retrain: true\nretrain: false\n",
    "binary": bytes(range(256)),
    "latin_1": "raw_data: café".encode("latin-1"),
    "no_such_date": "raw_data: 2026-13-45\n",
    "aliases_of_aliases": ALIASES,
}
FILES = ("parameters.yml", f"{STUDY}/hypotheses.yml", "globals.yml", "catalog.yml", "mlflow.yml")


def of_conf() -> Iterator[WrongInput]:
    for file in FILES:
        for kind, text in TEXTS.items():
            if kind == "a_key_twice" or file == "parameters.yml" or hash_of(file + kind) % 3:
                yield WrongInput(f"conf:{file}:{kind}", spoil=written(f"conf/local/{file}", text))
    yield WrongInput("conf:unread_file", spoil=written("conf/local/compute.yml", "a: 1"))
    yield WrongInput("conf:cut_json", spoil=written("conf/local/parameters.json", '{"retrain": tr'))
    settings = {
        "mlflow_key": ("mlflow.yml", "tracking: {rum: {nested: false}}"),
        "mlflow_type": ("mlflow.yml", "tracking: {run: {nested: perhaps}}"),
        "catalog_type": ("catalog.yml", '"{study}.trials": {type: pandas.ParquetDatase}'),
        "catalog_argument": ("catalog.yml", '"{study}.trials": {file_path: x}'),
        "catalog_no_type": ("catalog.yml", "derp_vae.trials: 5"),
        "globals_type": ("globals.yml", "data: [a, b]"),
        "globals_key": ("globals.yml", "dta: elsewhere"),
    }
    for kind, (file, text) in settings.items():
        command = ("--pipelines", f"{STUDY}.training")
        yield WrongInput(f"conf:{kind}", command, written(f"conf/local/{file}", text))


def hash_of(text: str) -> int:
    """A number that is the same in every process."""
    return sum(text.encode())


PARAMS = [
    "derp_va.training.epochs=3",
    "compute.engin=inline",
    "compute.device=gpu",
    "compute.workers=100000",
    "compute.threads=0",
    "compute.compile=maybe",
    "compute.checkpoint_seconds=0",
    "compute=cpu",
    "retrain=maybe",
    "tracking.weights=some",
    "trackin.weights=all",
    "raw_data=5",
    "derp_vae=3",
    "derp_vae.dataset=mnst",
    "derp_vae.datasets.digits.source.subset=1",
    "derp_vae.datasets.digits.source.subst=100",
    "derp_vae.seeds.count=0",
    "derp_vae.seeds.count=1000000000",
    "derp_vae.seeds.count=ten",
    "derp_vae.seeds.first=-1",
    "derp_vae.training.epochs=1000000000000",
    "derp_vae.training.epochs=1.5",
    "derp_vae.training.learning_rate=-1",
    "derp_vae.training.learning_rate=fast",
    "derp_vae.training.learnin_rate=0.1",
    "derp_vae.training.batch_size=1000000",
    "derp_vae.training.optimiser=adamm",
    "derp_vae.model.hidden=100000000",
    "derp_vae.model.latent_dim=0",
    "derp_vae.objective.probes=3",
    "derp_vae.arms.mine.objective.beta=high",
    "derp_vae.champion.metric=acuracy",
    "derp_vae.hypotheses.hypotheses.accuracy_kept.margin=-1",
    "derp_vae.hypotheses.hypotheses.accuracy_kept.arms.treatment=nobody",
    "derp_vae.hypotheses.hypotheses.accuracy_kept.family=nobody",
    "sweeps.folders=5",
    "sweeps.restart=perhaps",
    "analysis.direction=up",
    "analysis.settings.resamples=1000000000",
    "least_volume.training.epoch=3",
    "mixture_harmonium.plan.rows=1-99999999999",
]


def of_the_command_line() -> Iterator[WrongInput]:
    for text in PARAMS:
        yield WrongInput(f"params:{text}", params(text))
    commands = {
        "pipeline": ("--pipelines", "derp_va"),
        "environment": ("--env", "smok"),
        "node": ("--nodes", "derp_vae.trian"),
        "tag": ("--tags", "nobody"),
        "from_nodes": ("--from-nodes", "nobody"),
        "to_outputs": ("--to-outputs", "derp_vae.scors"),
        "namespace": ("--namespaces", "derp_va"),
        "runner": ("--runner", "QuickRunner"),
        "option": ("--pipelnes", "derp_vae"),
        "params_without_value": ("--params", "retrain"),
        "params_not_closed": ("--params", "derp_vae.seeds.chosen=[1"),
        "params_reference": ("--params", "raw_data=${nowhere}"),
        "params_two_types": ("--params", "derp_vae.seeds.count=2,derp_vae=3"),
        "conf_source": ("--conf-source", "nowhere"),
        "config_file": ("--config", "nowhere.yml"),
    }
    for kind, arguments in commands.items():
        yield WrongInput(f"command:{kind}", arguments)


SWEEP = """method: random
configurations: 3
seeds: {first: 1000, count: 2}
parameters:
  objective.beta: {type: float, low: 0.05, high: 4.0}
"""


def of_sweeps() -> Iterator[WrongInput]:
    command = ("--pipelines", f"{STUDY}_sweep.search", "--params", f"{STUDY}.sweep=mine")
    spoiled: dict[str, str | bytes] = {
        **{kind: TEXTS[kind] for kind in ("not_closed", "a_list", "a_tag", "too_deep", "binary")},
        "empty": "",
        "key": SWEEP + "confgurations: 4\n",
        "method": SWEEP.replace("random", "randomly"),
        "backwards": SWEEP.replace("low: 0.05", "low: 9"),
        "parameter": SWEEP.replace("objective.beta", "objective.betta"),
        "huge": SWEEP.replace("configurations: 3", "configurations: 1000000000"),
        "wide": SWEEP + "  model.hidden: {type: int, low: 4, high: 1000000000000}\n",
        "seeds": SWEEP.replace("count: 2", "count: 0"),
    }
    for kind, text in spoiled.items():
        file = f"conf/local/{STUDY}/sweeps/mine.yml"
        yield WrongInput(f"sweep:{kind}", command, written(file, text))
    yield WrongInput("sweep:missing", command)


TABLE = "lr,seed,value\n.1,0,.5\n.1,1,.6\n.2,0,.7\n.2,1,.4\n.3,0,.3\n.3,1,.2\n"


def of_tables() -> Iterator[WrongInput]:
    def command(more: str = "", source: str = "runs.csv") -> tuple[str, ...]:
        return ("--pipelines", "sweep_analysis", "--params", f"analysis.source={source}{more}")

    spoiled: dict[str, str | bytes] = {
        "empty": "",
        "header_alone": "lr,seed,value\n",
        "long_row": TABLE + ".4,0,.5,.6\n",
        "column_twice": TABLE.replace("seed", "lr"),
        "words": TABLE.replace(".7", "good"),
        "binary": bytes(range(256)) * 4,
        "no_value": TABLE.replace("value", "score"),
        "no_number": TABLE.replace("\n.1,0", "\n.1,first"),
    }
    for kind, text in spoiled.items():
        yield WrongInput(f"csv:{kind}", command(), written("runs.csv", text))
    table = written("runs.csv", TABLE)
    yield WrongInput("csv:missing", command())
    yield WrongInput("csv:no_source", ("--pipelines", "sweep_analysis"))
    yield WrongInput("csv:column", command(",analysis.seed=sed"), table)
    yield WrongInput("csv:sampler", command(",analysis.sampler=tpee"), table)
    yield WrongInput("csv:key", command(",analysis.objectiv=value"), table)
    yield WrongInput("csv:a_folder", command(source="conf"))
    yield WrongInput("optuna:no_database", command(source="sqlite:///nowhere/a.db"))
    yield WrongInput("optuna:dialect", command(source="nosql://localhost/a"))
    yield WrongInput("optuna:driver", command(source="oracle://localhost/a"))
    garbage = written("a.db", b"not a database at all" * 50)
    yield WrongInput("optuna:garbage", command(source="sqlite:///a.db"), garbage)
    yield WrongInput("optuna:journal", command(source="a.log"), written("a.log", "{]\n"))
    yield WrongInput("mlflow:experiment", command(source="mlflow:nobody"))


def idx(count: int, side: int = 28, magic: int = 0x803) -> bytes:
    header = struct.pack(">4I", magic, count, side, side)
    return gzip.compress(header + bytes(count * side * side))


def of_raw_files() -> Iterator[WrongInput]:
    folder = "data/01_raw/mnist/train-images-idx3-ubyte.gz"
    spoiled: dict[str, bytes] = {
        "empty": b"",
        "garbage": b"\x00garbage" * 40,
        "cut": idx(100)[:60],
        "magic": idx(100, magic=0x999),
        "huge_header": gzip.compress(struct.pack(">4I", 0x803, 2**31, 2**15, 2**15)),
    }
    offline = f"{STUDY}.dataset=mnist,{STUDY}.datasets.mnist.source.download=false"
    for kind, content in spoiled.items():
        yield WrongInput(f"raw:mnist_{kind}", params(offline), written(folder, content))
    yield WrongInput("raw:mnist_missing", params(offline))
    for dataset in ("celeba", "cifar10"):
        missing = f"{STUDY}.dataset={dataset},{STUDY}.datasets.{dataset}.source.download=false"
        yield WrongInput(f"raw:{dataset}_missing", params(missing))
    yield WrongInput("raw:folder_is_a_file", params(offline), written("data/01_raw", b""))
    yield WrongInput("place:data_is_a_file", spoil=written("data", b""))


def foreign_database(project: ProjectCopy) -> None:
    with sqlite3.connect(project.root / "other.db") as database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("insert into alembic_version values ('nobody')")


def of_tracking() -> Iterator[WrongInput]:
    addresses = {
        "scheme": "nosql:///a.db",
        "driver": "oracle://localhost/a",
        "gone": "http://127.0.0.1:9",
        "no_folder": "sqlite:////dev/null/a.db",
    }
    for kind, address in addresses.items():
        yield WrongInput(f"tracking:{kind}", tracking=address)
    yield WrongInput(
        "tracking:garbage",
        spoil=written("other.db", b"not a database at all" * 50),
        tracking="sqlite:///other.db",
    )
    yield WrongInput("tracking:schema", spoil=foreign_database, tracking="sqlite:///other.db")


INPUTS = {
    "06_models/{s}/trials.parquet": "evaluation",
    "06_models/{s}/history.parquet": "reporting",
    "07_model_output/{s}/scores.parquet": "hypothesis_testing",
    "07_model_output/{s}/pictures.npz": "reporting",
    "07_model_output/{s}/champion.json": "reporting",
    "08_reporting/{s}/verdicts.csv": "reporting",
    "05_model_input/{s}/data_card.json": "hypothesis_testing",
    "05_model_input/{s}/prepared/*/card.json": "training",
    "05_model_input/{s}/prepared/*/train_features.npy": "training",
}


def of_stages() -> Iterator[WrongInput]:
    """Stages that run alone on an input that is missing or damaged."""
    for file, stage in INPUTS.items():
        path = f"data/smoke/{file.format(s=STUDY)}"

        def found(project: ProjectCopy, path: str = path) -> Path:
            (one,) = project.root.glob(path)
            return one

        def removed(project: ProjectCopy, found: Finder = found) -> None:
            found(project).unlink()

        def emptied(project: ProjectCopy, found: Finder = found) -> None:
            found(project).write_bytes(b"")

        def garbage(project: ProjectCopy, found: Finder = found) -> None:
            found(project).write_bytes(b"\x93\xffgarbage" * 30)

        for spoil in (removed, emptied, garbage):
            name = f"damaged:{Path(path).name}:{spoil.__name__}"
            yield WrongInput(name, ("--pipelines", f"{STUDY}.{stage}"), spoil, finished=True)


ALL = {
    one.name: one
    for kind in (
        of_conf,
        of_the_command_line,
        of_sweeps,
        of_tables,
        of_raw_files,
        of_tracking,
        of_stages,
    )
    for one in kind()
}

SMALL = (
    "conf:parameters.yml:bare_words",
    "conf:parameters.yml:aliases_of_aliases",
    "conf:globals.yml:half_a_reference",
    "conf:catalog_type",
    "params:derp_va.training.epochs=3",
    "params:retrain=maybe",
    "command:params_not_closed",
    "tracking:garbage",
    "damaged:pictures.npz:removed",
)
"""What the suite runs."""


def fault_of(wrong: WrongInput, root: Path, finished: ProjectCopy) -> str | None:
    """Run a command on a wrong input; what is not as it should be, or None.

    Args:
        wrong: the input.
        root: where a copy of the project is made; it must not exist.
        finished: a copy in which the study has run.
    """
    if wrong.finished:
        shutil.copytree(finished.root, root)
    else:
        copy_project(root)
    project = ProjectCopy(root, tracking=wrong.tracking)
    wrong.spoil(project)
    env = () if "--env" in wrong.arguments else ("--env", "smoke")
    before = files_of(root)
    done = project.kedro("run", *env, *wrong.arguments, timeout=SECONDS)
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    everything = done.stdout + done.stderr
    if done.returncode is None or done.returncode < 0:
        return f"no end within {SECONDS} s"
    if done.returncode == 0:
        return "status 0"
    if "Traceback" in everything:
        return f"a traceback: {everything.strip().splitlines()[-1][:200]}"
    if len(lines) != 1:
        return f"{len(lines)} lines"
    new = files_of(root) - before
    half = [path for path in new if path.endswith((".partial", ".old"))]
    early = [path for path in new if not wrong.finished and "06_models" in path]
    return f"left behind: {(half + early)[:3]}" if half or early else None


def files_of(root: Path) -> set[str]:
    """All files of the data; a lock that nobody holds is no trace of a run."""
    files = (path for path in (root / "data").rglob("*") if path.is_file())
    return {str(path.relative_to(root)) for path in files if path.name != ".lock"}


def main(words: list[str]) -> int:
    """Run the inputs whose name has one of the words, all if there are none."""
    chosen = [one for name, one in ALL.items() if not words or any(w in name for w in words)]
    with tempfile.TemporaryDirectory() as folder:
        finished = copy_project(Path(folder) / "finished")
        if any(one.finished for one in chosen):
            done = finished.kedro("run", "--env", "smoke")
            assert done.returncode == 0, done.stderr
        faults = 0
        for number, one in enumerate(chosen):
            root = Path(folder) / str(number)
            fault = fault_of(one, root, finished)
            shutil.rmtree(root, ignore_errors=True)
            faults += fault is not None
            say(f"{'ok' if fault is None else 'WRONG'}  {one.name}  {fault or ''}")
    say(f"{len(chosen)} wrong inputs, {len(chosen) - faults} as they should be")
    return int(faults > 0)


if __name__ == "__main__":
    command_line(ALL, main)
