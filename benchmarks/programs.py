"""What it costs to run programs as trials, beside running them with xargs.

```console
$ python benchmarks/programs.py [--trials 200] [--workers 2] [--seconds 1]
```

A program sleeps and writes a score. Printed are the wall-clock times of all of them as trials of a
study, stored and on the disk, the second time all known, and with `xargs -P`; their ratio; and what
a trial costs beside the program's own time.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from latentlab.compute import ComputeConfig
from latentlab.core.validation import validate
from latentlab.experiment.planning import plan_trials
from latentlab.experiment.programs.declaration import ProgramDeclaration
from latentlab.experiment.programs.source import find_program
from latentlab.experiment.programs.study import program_study
from latentlab.training.store import TrialStore

SCORE = r"{\"score\": %s}"
"""What a program writes, within the quotes of a shell."""


def as_trials(root: Path, trials: int, workers: int, seconds: float) -> tuple[float, float]:
    """Return seconds for all trials, and for a second run in which all are known."""
    script = f'sleep {seconds}; echo "{SCORE % "$1"}" > $0/scores.json'
    content = {
        "program": {"command": ["sh", "-c", script.replace("{", "{{").replace("}", "}}"),
                                "{folder}", "{seed}"]},
        "metrics": {"score": {"better": "higher"}},
        "seeds": {"count": trials},
        "arms": {"only": {}},
        "hypotheses": {"study": "asleep", "families": {}, "hypotheses": {}},
    }  # fmt: skip
    study = program_study("asleep", with_history=False)
    declaration = validate(ProgramDeclaration, content, "asleep")
    source = find_program(declaration.dataset, declaration.program, root, "asleep.program")
    planned = plan_trials(study, declaration, source, "float32")
    store = TrialStore(root / "store")
    compute = ComputeConfig(engine="processes", workers=workers)
    taken = []
    for _ in range(2):
        begun = time.perf_counter()
        with study.trainer(declaration, source, store, compute) as trainer:
            trainer.train(planned)
        taken.append(time.perf_counter() - begun)
    records = [store.record(trial.id) for trial in planned]
    assert all(record.status == "finished" for record in records), records[0].outcome
    return taken[0], taken[1]


def with_xargs(root: Path, trials: int, workers: int, seconds: float) -> float:
    """Return seconds for the same programs under `xargs -P`."""
    write = f'echo "{SCORE % "$0"}" > {root}/x/$0/scores.json'
    script = f"mkdir -p {root}/x/$0; sleep {seconds}; {write}"
    begun = time.perf_counter()
    subprocess.run(
        ["xargs", "-P", str(workers), "-n", "1", "sh", "-c", script],
        input="\n".join(map(str, range(trials))),
        text=True,
        check=True,
    )
    return time.perf_counter() - begun


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        reference = with_xargs(root, **options)
        first, again = as_trials(root, **options)
    trials, workers, seconds = options["trials"], options["workers"], options["seconds"]
    beside = (first * workers / trials - seconds) * 1000
    print(f"{trials} programs of {seconds:g} s, {workers} at once")
    print(f"xargs -P {workers}       {reference:8.1f} s")
    print(f"as trials         {first:8.1f} s, {first / reference:.2f} of that")
    print(f"all known         {again:8.1f} s")
    print(f"beside a program  {beside:8.0f} ms")


if __name__ == "__main__":
    main()
