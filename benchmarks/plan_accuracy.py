"""What `latentlab plan STUDY` says of a run, and what the run then takes, in wall-clock seconds.

Give it a study that is not trained, in the project's folder, on a machine that does nothing else:
`python benchmarks/plan_accuracy.py STUDY`. Further arguments go to both commands, as `--env smoke`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time


def main(study: str, *options: str) -> None:
    """Plan, run, and print both with their ratio."""
    said = subprocess.run(
        ["kedro", "plan", study, *options, "--json"], check=True, capture_output=True, text=True
    )
    plan = json.loads(said.stdout)
    begun = time.perf_counter()
    subprocess.run(["kedro", "run", "-q", "--pipelines", study, *options], check=True)
    took = time.perf_counter() - begun
    for stage, seconds in plan["stages"].items():
        print(f"{stage:<20} {seconds:8.1f} s planned")
    print(f"{'the whole run':<20} {plan['seconds']:8.1f} s planned, {took:.1f} s taken")
    print(f"planned over taken: {plan['seconds'] / took:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
