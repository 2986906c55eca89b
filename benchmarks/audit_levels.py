"""How many planted flaws the audit finds, what it says of sound tables, and what it costs.

    PYTHONPATH=tests python benchmarks/audit_levels.py [--tables 200] [--first 0] [--each 2]

Tables go through the files that a user gives. Of the sound ones those with even seeds are arms by
seeds, which are judged too, the others random configurations.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from labs.flawed_files import FLAWS
from labs.flawed_runs import Flawed, arms, configurations, findings_of, fitting, sound
from latentlab.runs.audit.rules import RULES


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    planted, found = Counter[str](), Counter[str]()
    errors, warnings = Counter[str](), Counter[str]()
    any_error = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for flaw in FLAWS:
            for seed in range(options.each):
                runs = flaw(np.random.default_rng([seed, 1]))
                planted[runs.rule] += 1
                if len(fitting(runs, findings_of(runs, folder))):
                    found[runs.rule] += 1
                else:
                    print(f"not found: {flaw.__name__}, seed {seed}")
        for seed in range(options.first, options.first + options.tables):
            findings = findings_of(sound(seed), folder)
            by_severity = {
                kind: set(findings.loc[findings["severity"] == kind, "rule"])
                for kind in ("error", "warning")
            }
            errors.update(by_severity["error"])
            warnings.update(by_severity["warning"])
            any_error += bool(by_severity["error"])
            if by_severity["error"]:
                print(f"sound table {seed}: {sorted(by_severity['error'])}")
    print(f"\nplanted flaws: {sum(found.values())} of {sum(planted.values())} at the right rows")
    print(f"sound tables with an error: {any_error} of {options.tables}\n")
    print("| rule | planted | found | sound tables: error | warning |\n|---|---|---|---|---|")
    for code in RULES:
        print(
            f"| {code} {RULES[code].name} | {planted[code]} | {found[code]} | {errors[code]} | "
            f"{warnings[code]} |"
        )
    cost(options.runs)


def cost(runs: int) -> None:
    """Print the time of reading and auditing so many runs, and of judging them too."""
    rng = np.random.default_rng(0)
    several = configurations(rng, runs, 2)
    for k in range(6):
        several[f"setting_{k}"] = np.repeat(rng.integers(0, 4, runs // 2), 2)
    names = ["control", *(f"arm{k}" for k in range(19))]
    judged = arms(rng, names, runs // len(names))
    with tempfile.TemporaryDirectory() as name:
        for what, table in (
            ("configurations audited", Flawed("", several)),
            ("arms judged", Flawed("", judged, judged=True, chosen={"metric": "test_acc"})),
        ):
            begin = time.perf_counter()
            findings_of(table, Path(name))
            print(f"\n{len(table.table)} runs, {what}: {time.perf_counter() - begin:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
