"""Honest runs of many kinds: verdicts stay confirmatory, and `verify` finds nothing.

    python tests/honest_runs.py                # all of them
    python tests/honest_runs.py arms killed    # those whose name contains a word
    python tests/honest_runs.py --list

Each begins with a copy of a finished study, does what a person may do without bending anything, and
is verified. Runs share one process, without MLflow; those that are killed have their own. The suite
runs `SMALL` of them.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from damage import run
from labs.project_copies import ProjectCopy, copy_project
from labs.scripts import command_line, say
from labs.warm_processes import start_kedro
from latentlab.data import SOURCES
from latentlab.data.images.digits import DIGITS, DigitsConfig
from latentlab.data.images.mnist import MnistConfig
from latentlab.data.prepared import Prepared
from latentlab.data.source import Source

STUDY = "derp_vae"
DATA = Path("data/smoke")
TRIALS = DATA / "06_models" / STUDY
SCORES = DATA / "07_model_output" / STUDY / "scores.parquet"
VERDICTS = DATA / "08_reporting" / STUDY / "verdicts.csv"
STAGES = ("data_preparation", "training", "evaluation", "hypothesis_testing")
JUDGED = ",".join(f"{STUDY}.{stage}" for stage in STAGES)
LOOKS = {"design": "group_sequential", "looks": [3, 4, 5], "spending": "pocock"}


class Lab:
    """A copy of the finished study, and the settings that it was last run with."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.params: tuple[str, ...] = ()

    def run(self, *params: str, pipeline: str = JUDGED, options: tuple[str, ...] = ()) -> None:
        """Run the stages up to the verdicts, or another pipeline."""
        self.params = params
        told = run(self.root, pipeline, *options, *self._given())
        assert not told, told

    def verified(self) -> None:
        """Derive the verdicts anew with the settings of the last run."""
        told = run(self.root, f"{STUDY}.verify", *self._given())
        assert not told, told

    def table(self, path: Path) -> pd.DataFrame:
        return pd.read_csv(self.root / path, keep_default_na=False)

    def declare(self, **block: Any) -> None:
        """Write a person's own settings of the study."""
        text = yaml.safe_dump({STUDY: block})
        (self.root / "conf/local/parameters.yml").write_text(text)

    def claims(self) -> dict[str, Any]:
        return yaml.safe_load((self.root / f"conf/base/{STUDY}/hypotheses.yml").read_text())

    def lose(self, count: int) -> None:
        """Lose so many trials, as a disk may."""
        for trial in sorted((self.root / TRIALS / "trials").iterdir())[:count]:
            shutil.rmtree(trial)

    def git(self, *arguments: str) -> None:
        """Keep the project in a repository."""
        own = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        command = ["git", *own, *arguments]
        subprocess.run(command, cwd=self.root, check=True, capture_output=True)

    def kill(self, after: float, *params: str, pipeline: str = JUDGED) -> None:
        """Begin a run in a process of its own and kill it after some seconds."""
        self.params = params
        arguments = ("run", "--env", "smoke", "--pipelines", pipeline, *self._given())
        copy = ProjectCopy(self.root)
        process = start_kedro(arguments, copy.root, copy.environment)
        process.join(after)
        if process.is_alive():
            assert process.pid is not None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.join()

    def _given(self) -> tuple[str, ...]:
        return ("--params", ",".join(self.params)) if self.params else ()


Honest = Callable[[Lab], None]


def of(*params: str, **options: Any) -> Honest:
    """One further run with these settings of the study."""
    return lambda lab: lab.run(*(f"{STUDY}.{param}" for param in params), **options)


def stage(*names: str) -> Honest:
    """Some stages alone, from stored outputs."""
    return of(pipeline=",".join(f"{STUDY}.{name}" for name in names))


def after(*steps: Honest) -> Honest:
    """Steps one after the other."""

    def all_of(lab: Lab) -> None:
        for step in steps:
            step(lab)

    return all_of


def losing(count: int) -> Honest:
    return lambda lab: lab.lose(count)


def planned(**compute: Any) -> Honest:
    """Trials are lost, and trained again by another plan."""

    def again(lab: Lab) -> None:
        lab.lose(3)
        lab.run(*(f"compute.{key}={value}" for key, value in compute.items()))

    return again


def lost(*paths: Path) -> Honest:
    """Files or folders are lost."""

    def again(lab: Lab) -> None:
        for path in paths:
            for found in lab.root.glob(str(path)):
                shutil.rmtree(found) if found.is_dir() else found.unlink()
        lab.run()

    return again


def reworded(change: Callable[[dict[str, Any]], None]) -> Honest:
    """What decides nothing is written otherwise in the file of hypotheses."""

    def again(lab: Lab) -> None:
        content = lab.claims()
        change(content[STUDY]["hypotheses"])
        path = lab.root / f"conf/base/{STUDY}/hypotheses.yml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        lab.run()

    return again


def another_question(declared: dict[str, Any]) -> None:
    declared["hypotheses"]["H1_reported"]["question"] = "the same in other words"


def another_rationale(declared: dict[str, Any]) -> None:
    declared["hypotheses"]["accuracy_kept"]["margin_rationale"] = "the same in other words"


def another_order(declared: dict[str, Any]) -> None:
    declared["hypotheses"] = dict(reversed(declared["hypotheses"].items()))


def other_sensitivity(declared: dict[str, Any]) -> None:
    declared["defaults"]["test"]["sensitivity"] = ["sign_flip"]


def settings(content: Mapping[str, Any]) -> Honest:
    """A person's own settings lie in `conf/local`."""

    def again(lab: Lab) -> None:
        (lab.root / "conf/local/parameters.yml").write_text(yaml.safe_dump(dict(content)))
        lab.run()

    return again


def from_nothing(*steps: Honest) -> Honest:
    """Before anything was run."""

    def anew(lab: Lab) -> None:
        shutil.rmtree(lab.root / DATA)
        after(*steps)(lab)

    return anew


def registered(lab: Lab) -> None:
    lab.run(*lab.params, pipeline=f"{STUDY}.register")


def moved(lab: Lab) -> None:
    """As if it had been copied to another machine."""
    there = lab.root.with_name(f"{lab.root.name} elsewhere")
    lab.root.rename(there)
    lab.root = there
    lab.run()


def in_another_time_zone(lab: Lab) -> None:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Pacific/Honolulu"
    time.tzset()
    try:
        lab.lose(2)
        lab.run()
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


def committed(lab: Lab) -> None:
    """The registration is committed before training, and the project goes on in git."""
    shutil.rmtree(lab.root / DATA)
    lab.git("init")
    lab.git("add", "conf")
    lab.git("commit", "-m", "declared")
    registered(lab)
    lab.git("add", "-f", str(TRIALS / "registration.yml"))
    lab.git("commit", "-m", "registered")
    lab.run()
    lab.git("commit", "--allow-empty", "-m", "something else")
    lab.run()


def in_a_dirty_tree(lab: Lab) -> None:
    lab.git("init")
    lab.git("add", "conf")
    lab.git("commit", "-m", "declared")
    (lab.root / "conf/base/catalog.yml").open("a").write("\n# a note\n")
    lab.lose(2)
    lab.run()


def with_looks(*steps: Honest) -> Honest:
    """Declared looks, from the start."""

    def looking(lab: Lab) -> None:
        shutil.rmtree(lab.root / DATA)
        lab.declare(seeds={"count": 5}, hypotheses={"stopping": LOOKS})
        after(*steps)(lab)

    return looking


def killed(seconds: float, *params: str, pipeline: str = JUDGED) -> Honest:
    return lambda lab: lab.kill(seconds, *params, pipeline=pipeline)


def swept(lab: Lab) -> None:
    """Run the study's sweep, whose winner must be confirmatory."""
    lab.run(pipeline=f"{STUDY}_sweep")
    path = DATA / "08_reporting" / STUDY / "sweeps/default/confirmation.csv"
    found = lab.table(path)
    assert set(found.loc[found["split"] == "test", "status"]) == {"confirmatory"}


def digits_as_mnist(config: MnistConfig, folder: Path) -> Prepared:
    """Data without files: the embedded digits under the other name."""
    found = DIGITS.read(DigitsConfig(subset=config.subset), folder)
    schema = found.schema.model_copy(update={"name": "mnist"})
    return Prepared(schema, found.splits, found.origin)


FRESH = ("seeds.first=10", "amendment=fresh_seeds")
LATER = ("seeds.first=20", "amendment=fresh_seeds")
ALL: dict[str, Honest] = {
    "judged:again": stage("hypothesis_testing"),
    "judged:twice": after(stage("hypothesis_testing"), stage("hypothesis_testing")),
    "stage:data_preparation": stage("data_preparation"),
    "stage:training": stage("training"),
    "stage:evaluation": stage("evaluation"),
    "stage:evaluation_and_judging": stage("evaluation", "hypothesis_testing"),
    "stage:reporting": after(of(pipeline=STUDY), stage("reporting")),
    "stage:one_by_one": after(*(stage(name) for name in STAGES)),
    "whole:again": of(),
    "whole:missing_outputs": of(options=("--only-missing-outputs",)),
    "whole:register_again": after(registered, registered, of()),
    "whole:retrained": lambda lab: lab.run("retrain=true"),
    "arms:another": of("arms.extra.objective.beta=3.0"),
    "arms:another_model": of("arms.wide.model.hidden=24"),
    "arms:another_budget": of("arms.short.training.epochs=1"),
    "arms:two": of("arms.extra.objective.beta=3.0", "arms.more.objective.beta=5.0"),
    "arms:another_and_gone": after(of("arms.extra.objective.beta=3.0"), of()),
    "plan:cohort_1": planned(cohort=1),
    "plan:cohort_4": planned(cohort=4),
    "plan:threads": planned(threads=2),
    "plan:processes": planned(engine="processes", workers=2),
    "plan:calibrated": planned(cohort="auto", engine="auto"),
    "plan:checkpoints": planned(checkpoint_seconds=0.01),
    "lost:one_trial": after(losing(1), of()),
    "lost:half_of_the_trials": after(losing(9), of()),
    "lost:all_trials": after(losing(18), of()),
    "lost:scores_of_trials": lost(TRIALS / "trials/*/scores.json"),
    "lost:scores": lost(SCORES),
    "lost:verdicts": lost(VERDICTS),
    "lost:tables": lost(TRIALS / "*.parquet", SCORES, VERDICTS),
    "lost:prepared_data": lost(DATA / "05_model_input"),
    "lost:record_of_outputs": lost(TRIALS / "outputs.json"),
    "words:question": reworded(another_question),
    "words:rationale": reworded(another_rationale),
    "words:order": reworded(another_order),
    "words:other_tests_beside": reworded(other_sensitivity),
    "setting:champion": of("champion.metric=accuracy"),
    "setting:sweep": of("sweep=refined"),
    "setting:weights_in_mlflow": lambda lab: lab.run("tracking.weights=chosen"),
    "setting:raw_data": lambda lab: lab.run("raw_data=elsewhere"),
    "setting:own_compute": settings({"compute": {"cohort": 2, "threads": 2}}),
    "setting:own_arm": settings({STUDY: {"arms": {"mine": {"objective": {"beta": 7.0}}}}}),
    "data:another": of("dataset=mnist"),
    "data:another_and_back": after(of("dataset=mnist"), of()),
    "data:both_again": after(of("dataset=mnist"), of(), of("dataset=mnist")),
    "place:moved": moved,
    "place:another_time_zone": in_another_time_zone,
    "git:committed": committed,
    "git:dirty": in_a_dirty_tree,
    "registered:first": from_nothing(registered, of()),
    "registered:alone_then_stages": from_nothing(registered, *(stage(name) for name in STAGES)),
    "amended:fresh_seeds": of(*FRESH),
    "amended:twice": after(of(*FRESH), of(*LATER)),
    "amended:and_judged_again": after(of(*FRESH), of(*FRESH)),
    "amended:more_fresh_seeds": of(*FRESH, "seeds.count=4"),
    "amended:another_arm": of(*FRESH, "arms.extra.objective.beta=3.0"),
    "amended:another_data_set": after(of(*FRESH), of(*FRESH, "dataset=mnist")),
    **{
        f"killed:after_{seconds}_s": from_nothing(killed(seconds), of())
        for seconds in (2, 4, 5, 6, 7, 8)
    },
    "killed:twice": from_nothing(killed(5), killed(6), of()),
    "looks:to_the_end": with_looks(of()),
    "looks:again": with_looks(of(), of(), stage("hypothesis_testing")),
    "looks:lost_trials": with_looks(of(), losing(5), of()),
    **{
        f"looks:killed_after_{seconds}_s": with_looks(killed(seconds), of())
        for seconds in (3, 5, 6, 7, 8, 9, 10, 11, 12, 13)
    },
    "sweep:beside": swept,
    "sweep:again": after(swept, swept),
    "sweep:before": from_nothing(swept, of()),
    "sweep:and_judged_again": after(swept, stage("hypothesis_testing")),
}

SMALL = ("arms:another", "words:other_tests_beside")
"""What the suite runs."""


def fault_of(honest: Honest, finished: ProjectCopy, root: Path) -> str | None:
    """Do something honest to a copy of a finished study; what was alarmed by it, or None."""
    shutil.copytree(finished.root, root)
    lab = Lab(root)
    before = lab.table(VERDICTS).set_index("hypothesis")["verdict"]
    try:
        honest(lab)
        found = lab.table(VERDICTS)
        judged = found[~found["verdict"].isin(["not_run", "invalid"])]
        bent = judged[judged["status"] != "confirmatory"]
        if len(bent):
            return f"{bent['hypothesis'].iloc[0]} is {bent['status_reason'].iloc[0]}"
        assert set(before.index) <= set(found["hypothesis"])
        lab.verified()
    except AssertionError as error:
        return str(error)
    finally:
        shutil.rmtree(lab.root, ignore_errors=True)
    return None


def main(words: list[str]) -> int:
    """Do what has one of the words in its name, all if there are none."""
    logging.disable(logging.WARNING)
    SOURCES["mnist"] = Source("mnist", MnistConfig, digits_as_mnist)
    chosen = {n: one for n, one in ALL.items() if not words or any(w in n for w in words)}
    order = list(chosen)
    random.Random(0).shuffle(order)
    with tempfile.TemporaryDirectory() as folder:
        finished = copy_project(Path(folder) / "finished")
        told = run(finished.root, JUDGED)
        assert not told, told
        faults = 0
        for number, name in enumerate(order):
            begun = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                fault = fault_of(chosen[name], finished, Path(folder) / str(number))
            faults += fault is not None
            seconds = time.perf_counter() - begun
            say(f"{'ALARM' if fault else 'ok'}  {name}  {seconds:.0f} s  {fault or ''}")
    say(f"{len(order)} honest runs, {faults} false alarms")
    return int(faults > 0)


if __name__ == "__main__":
    command_line(ALL, main)
