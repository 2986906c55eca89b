"""How many planted flaws the audit finds, and what it says of sound tables.

    PYTHONPATH=tests python benchmarks/audit_levels.py [--tables 200] [--each 2]

Tables go through the files that a user gives. Of the sound ones those with even seeds are arms by
seeds, which are judged too, the others random configurations.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from labs.flawed_runs import FLAWS, findings_of, fitting, sound
from latentlab.runs.audit.registry import CHECKS
from latentlab.runs.audit.rules import RULES


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--each", type=int, default=2)
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
        for seed in range(options.tables):
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
    for code in dict.fromkeys(check.rule for check in CHECKS):
        print(
            f"| {code} {RULES[code].name} | {planted[code]} | {found[code]} | {errors[code]} | "
            f"{warnings[code]} |"
        )


if __name__ == "__main__":
    main()
