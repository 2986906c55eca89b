"""Everything that a GPU is asked for, in one command of under nine minutes.

    python benchmarks/gpu.py [--out build/gpu] [--device cuda] [--only NAME] [--minutes 8.5]
    python benchmarks/gpu.py --device cpu --quick        # the rehearsal where there is none

It runs the tests that are marked `gpu`, then times five workloads on one device: our cohort (eager,
compiled, compiled with CUDA graphs) beside one eager trial, one trial compiled with CUDA graphs,
eager trials in as many processes as there are cores, the ensembling recipe of torch.func (eager and
compiled), and JAX where it is installed. Peers take turns, round after round; figures are medians.
What is not done when the time is up is left out and said. Results go to `results.json` and
`gpu.md`, written anew after each workload.

Beside torch it needs numpy, scipy, pydantic, safetensors, pyyaml, filelock, rich, and pytest for
the tests.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from gpu_peers import Case, Steps, ensembled, one_eager, ours, with_jax
from latentlab.compute.config import ComputeConfig
from latentlab.compute.device import machine_name
from latentlab.compute.executors.processes import WorkerPool
from workloads import Workload, workloads_of_one_shape

ROOT = Path(__file__).parents[1]
WARM = 3

GRAPHS = {"compiled": True, "graphs": True}
OURS = ("ours, eager", "ours, compiled", "ours, CUDA graphs")
PROCESSES = "eager trials in processes"
PEERS: dict[str, Callable[[Case], Steps]] = {
    OURS[0]: ours,
    "one eager trial": one_eager,
    "torch.func's recipe": functools.partial(ensembled, compiled=False),
    "JAX": with_jax,
    OURS[1]: functools.partial(ours, compiled=True),
    OURS[2]: functools.partial(ours, **GRAPHS),
    "one trial, CUDA graphs": lambda case: ours(replace(case, trials=case.trials[:1]), **GRAPHS),
    "torch.func's recipe, compiled": functools.partial(ensembled, compiled=True),
}
"""In the order in which they are built: what the compiler makes comes last."""
COMPILED = (*OURS[1:], "one trial, CUDA graphs", "torch.func's recipe, compiled")


def synchronise(device: str) -> None:
    """Wait for the device."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def rate(steps: Steps, seconds: float, device: str) -> float:
    """Trial-steps per second."""
    synchronise(device)
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        done += steps()
    synchronise(device)
    return done / (time.perf_counter() - begun)


_kept: dict[str, Steps] = {}


def rate_in_worker(payload: tuple[Case, float], report: Callable[[object], None]) -> float:
    """Time one eager trial in a worker, which keeps it for the next round."""
    case, seconds = payload
    torch.set_num_threads(1)
    if case.prepared.name not in _kept:
        _kept[case.prepared.name] = one_eager(case)
        for _ in range(WARM):
            _kept[case.prepared.name]()
    return rate(_kept[case.prepared.name], seconds, case.device)


def limits(case: Case, best: float) -> dict[str, float]:
    """What bounds the fastest cohort: its share of a large product's speed, and of busy time.

    `arithmetic` is floating-point operations of matrix products, as torch counts them, over those
    that a float32 product of 4096 x 4096 numbers does (1024 on a CPU). `busy` is the time that
    kernels run in an eager step, over the step's: far below 1, launches bind.
    """
    steps = ours(case)
    for _ in range(WARM):
        steps()
    with FlopCounterMode(display=False) as counter:
        done = steps()
    size = 4096 if case.device.startswith("cuda") else 1024
    a = torch.randn(size, size, device=case.device)
    products = rate(lambda: (a @ a, 1)[1], 0.3, case.device)
    found = {
        "flops_a_step": counter.get_total_flops() / done,
        "arithmetic": best * counter.get_total_flops() / done / (products * 2 * size**3),
    }
    if case.device.startswith("cuda"):
        from torch.profiler import ProfilerActivity, profile

        synchronise(case.device)
        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            done = sum(steps() for _ in range(20))
            synchronise(case.device)
        kernels = sum(event.self_device_time_total for event in profiled.key_averages()) / 1e6
        found["busy"] = kernels / done * rate(steps, 0.3, case.device)
    return found


def measured(
    load: Workload, arguments: argparse.Namespace, pool: WorkerPool, end: float
) -> dict[str, Any]:
    """Rates of all peers of a workload by name, what was left out and why, and the limits."""
    trials = load.groups[0][: 4 if arguments.quick else None]
    case = Case(load.method, trials, load.prepared, arguments.device)
    built: dict[str, Steps] = {}
    left_out: dict[str, str] = {}
    for name, make in PEERS.items():
        if name in COMPILED and arguments.eager:
            left_out[name] = "not asked for"
        elif name == "JAX" and "auto-encoder" not in load.name:
            left_out[name] = "written for the auto-encoder alone"
        elif time.monotonic() > end:
            left_out[name] = "the time was up"
        else:
            try:
                steps = make(case)
                for _ in range(WARM):
                    steps()
                built[name] = steps
            # A peer that cannot run here is told, and the others go on.
            except Exception as error:
                first = str(error).strip().partition(chr(10))[0]
                left_out[name] = f"{type(error).__name__}: {first:.120}"

    def in_processes(seconds: float) -> float:
        jobs = {str(n): (replace(case, trials=trials[:1]), seconds) for n in range(len(pool))}
        return sum(pool.run(rate_in_worker, jobs, lambda news: None))

    rates: dict[str, list[float]] = {name: [] for name in (*built, PROCESSES)}
    in_processes(0.0)
    for _ in range(arguments.rounds):
        for name, steps in built.items():
            rates[name].append(rate(steps, arguments.seconds, arguments.device))
        rates[PROCESSES].append(in_processes(arguments.seconds))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    best = max((medians[name] for name in OURS if name in medians), default=0.0)
    return {
        "trials": len(trials),
        "rates": medians,
        "rounds": rates,
        "left_out": left_out,
        "limits": limits(case, best),
    }


def page(results: dict[str, Any]) -> str:
    """The results in Markdown."""
    lines = [
        f"# {results['card']}: what was measured",
        "",
        f"Command: `{results['command']}`; torch {results['torch']}, {results['cores']} cores. "
        f"Tests: {results['tests']}.",
        "",
        "Trial-steps per second, medians over rounds in which peers took turns.",
    ]
    for name, found in results["workloads"].items():
        rates = found["rates"]
        alone = rates.get("one eager trial", float("nan"))
        lines += ["", f"## {name} ({found['trials']} trained)", ""]
        lines += ["| loop | trial-steps/s | over one eager trial |", "|---|---|---|"]
        lines += [f"| {n} | {r:,.0f} | x {r / alone:,.1f} |" for n, r in rates.items()]
        mine = max((rates[n] for n in OURS if n in rates), default=float("nan"))
        peers = {n: r for n, r in rates.items() if n not in OURS}
        peer = max(peers, key=lambda n: peers[n])
        bound = found["limits"]
        busy = f"; kernels run {bound['busy']:.0%} of an eager step" if "busy" in bound else ""
        lines += [
            "",
            f"Our best over the best peer ({peer}): x {mine / peers[peer]:.2f}. Its matrix "
            f"products reach {bound['arithmetic']:.1%} of a large product's speed{busy}.",
        ]
        lines += [f"Left out: {n} ({why})." for n, why in found["left_out"].items()]
    return "\n".join(lines) + "\n"


def run_tests(device: str, seconds: float) -> str:
    """Run the tests marked `gpu`; returns pytest's last line."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/gpu"]
    try:
        ended = subprocess.run(
            [*command, "--confcutdir=tests/gpu", "-m", "gpu"],
            cwd=ROOT,
            env={**os.environ, "DEVICE_UNDER_TEST": device},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {seconds:.0f} s"
    print(ended.stdout, ended.stderr, sep="")
    return (ended.stdout.strip() or ended.stderr.strip()).splitlines()[-1].strip("= ")


def main() -> None:
    """Run the tests, time the workloads, and write both down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, or cpu for a rehearsal")
    parser.add_argument("--quick", action="store_true", help="4 trials each, a moment each")
    parser.add_argument("--eager", action="store_true", help="nothing that is compiled")
    parser.add_argument("--without-tests", action="store_true")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--minutes", type=float, default=8.5, help="for all")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device; --device cpu --quick rehearses without one")
    arguments.rounds, arguments.seconds = (1, 0.05) if arguments.quick else (3, 0.5)
    begun, cores = time.monotonic(), ComputeConfig().cores()
    torch.set_num_threads(1)
    results: dict[str, Any] = {
        "card": torch.cuda.get_device_name() if arguments.device == "cuda" else "CPU, a rehearsal",
        "machine": machine_name(torch.device(arguments.device)),
        "command": " ".join(["python", "benchmarks/gpu.py", *sys.argv[1:]]),
        "torch": torch.__version__,
        "cores": cores,
        "tests": "not asked for",
        "workloads": {},
    }
    if not arguments.without_tests:
        results["tests"] = run_tests(arguments.device, 0.3 * 60 * arguments.minutes)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        loads = [w for w in workloads_of_one_shape(Path(folder)) if arguments.only in w.name]
        for place, load in enumerate(loads):
            # Each workload gets an even share of the time that is left, most of it to compile.
            left = begun + 60 * arguments.minutes - time.monotonic()
            end = time.monotonic() + 0.7 * left / (len(loads) - place)
            with WorkerPool(2 if arguments.quick else cores) as pool:
                results["workloads"][load.name] = measured(load, arguments, pool, end)
            (arguments.out / "results.json").write_text(json.dumps(results, indent=1))
            (arguments.out / "gpu.md").write_text(page(results))
    print(page(results))


if __name__ == "__main__":
    main()
