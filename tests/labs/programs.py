"""A small program, and studies that run it."""

from __future__ import annotations

from pathlib import Path

import yaml

from latentlab.compute import ComputeConfig
from latentlab.core.validation import validate
from latentlab.experiment.planning import plan_trials
from latentlab.experiment.programs.declaration import ProgramDeclaration
from latentlab.experiment.programs.source import ProgramSource, find_program
from latentlab.experiment.programs.study import ProgramStudy, program_study
from latentlab.training.store import TrialStore

SCRIPT = """
import argparse, json, os, pathlib, random, signal, subprocess, sys, time
parser = argparse.ArgumentParser()
for name in ("lr", "how", "seed", "out"):
    parser.add_argument(f"--{name}")
a = parser.parse_args()
out = pathlib.Path(a.out)
pathlib.Path(os.environ.get("PIDS", out / "pids")).open("a").write(f"{os.getpid()}\\n")
random.seed(f"{a.seed} {a.lr}")
print("begin", a.how, flush=True)
if a.how == "crashes":
    raise ZeroDivisionError("by design")
if a.how == "hangs":
    subprocess.Popen(["sleep", "300"])
    time.sleep(300)
if a.how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if a.how == "silent":
    sys.exit()
if a.how == "tidy":
    import shutil
    shutil.rmtree(out)
    sys.exit(5)
if a.how == "flaky" and not pathlib.Path("tried").exists():
    pathlib.Path("tried").touch()
    sys.exit(7)
with (out / "history.jsonl").open("w") as history:
    for epoch in range(1, 4):
        line = {"epoch": epoch, "test_acc": float(a.lr) * epoch / 3}
        history.write(json.dumps(line) + "\\n")
        history.flush()
        time.sleep(.4 if a.how == "slow" else 0)
scores = {"test_acc": .5 + float(a.lr) / 2 + random.gauss(0, .02)}
if a.how == "undeclared":
    scores["accuracy"] = 1
(out / "scores.json").write_text(json.dumps(scores))
"""

CLAIM = {
    "study": "toy",
    "families": {"primary": {}},
    "hypotheses": {
        "better": {
            "question": "a larger rate is better",
            "kind": "superiority",
            "metric": {"name": "test_acc", "split": "test"},
            "arms": {"treatment": "large", "control": "small"},
            "varies": ["training.lr"],
            "test": {"primary": "paired_t", "sides": "one"},
            "min_effect": 0.01,
            "min_seeds": 2,
            "family": "primary",
        }
    },
}


def block(root: Path, arms, **changes):
    """The study's block, and its script in `root`; `program` in changes is laid over it."""
    (root / "repo").mkdir(exist_ok=True)
    (root / "repo" / "train.py").write_text(SCRIPT)
    options = ["--lr={training.lr}", "--how={how}", "--seed={seed}", "--out={folder}"]
    program = {
        "command": ["python", "train.py", *options],
        "directory": "repo",
        "history": "history.jsonl",
        "timeout": "3s",
    }
    return {
        "program": program | changes.pop("program", {}),
        "metrics": {"test_acc": {"better": "higher", "range": [0, 1.2]}},
        "settings": {"how": "well"},
        "training": {"lr": 0.1},
        "seeds": {"first": 0, "count": 2},
        "arms": arms,
        "hypotheses": {"study": "toy", "families": {}, "hypotheses": {}},
    } | changes


def declared(content) -> ProgramDeclaration:
    """The declaration of a block, or the one line of what is wrong in it."""
    return validate(ProgramDeclaration, content, "toy")


class ToyStudy:
    """A study of the small program in a folder, without a pipeline around it."""

    def __init__(self, root: Path, arms, **changes):
        self.study: ProgramStudy = program_study("toy", with_history=True)
        self.declaration = declared(block(root, arms, **changes))
        self.source: ProgramSource = find_program(
            "program", self.declaration.program, root, "toy.program"
        )
        self.store = TrialStore(root / "store")

    @property
    def trials(self):
        """All arms on all seeds."""
        return plan_trials(self.study, self.declaration, self.source, "float32")

    def run(self, **settings):
        """Run what has not run; ids of what did."""
        compute = ComputeConfig(engine="inline")
        with self.study.trainer(self.declaration, self.source, self.store, compute) as trainer:
            return trainer.train(self.trials, **settings)

    def outcomes(self):
        """Status and outcome by arm, of the first seed."""
        records = {t.arm: self.store.record(t.id) for t in self.trials[::-1]}
        return {arm: (record.status, record.outcome) for arm, record in records.items()}


def write_conf(root: Path, arms, **changes) -> None:
    """Declare the study in a project's `conf/base/toy`."""
    content = block(root, arms, **changes)
    folder = root / "conf" / "base" / "toy"
    folder.mkdir()
    claims = {"toy": {"hypotheses": CLAIM}}
    del content["hypotheses"]
    (folder / "parameters.yml").write_text(yaml.safe_dump({"toy": content}))
    (folder / "hypotheses.yml").write_text(yaml.safe_dump(claims))
