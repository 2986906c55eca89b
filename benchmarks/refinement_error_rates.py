"""How often a refinement acts on pure noise, and how often it finds a planted effect.

    python benchmarks/refinement_error_rates.py [--noise 300] [--planted 100] [--methods random tpe]

Sweeps are run by the engine's own sampler on formulas with noise (`refinement.simulated`), in a
space like that of a classifier: a choice, a whole number that exists under one choice only, a
learning rate on a log scale, two real numbers and a switch. Printed are shares of sweeps with 95 %
intervals (Wilson).

Pure noise, 20 configurations: something is called significant, fixed, pruned, narrowed, expanded,
or made a candidate; at most 5 % conservative, 10 % aggressive. Planted effects, 60 configurations:
the parameter is acted upon in the right direction; at least 90 % in both modes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latentlab.search.refinement import Mode, Nulls, Refinement, refine
from latentlab.search.refinement.simulated import Truth, no_effect, simulated_sweep
from statsmodels.stats.proportion import proportion_confint

from latentlab.search.settings import SweepSettings
from latentlab.search.space import Configuration

PARAMETERS = {
    "encoder": {"type": "categorical", "choices": ["cnn", "context"]},
    "depth": {"type": "int", "low": 2, "high": 6, "when": {"encoder": "cnn"}},
    "learning_rate": {"type": "float", "low": 5e-5, "high": 1e-2, "log": True},
    "label_smoothing": {"type": "float", "low": 0.0, "high": 0.2},
    "width": {"type": "float", "low": 0.5, "high": 3.0},
    "use_scheduler": {"type": "categorical", "choices": [False, True]},
}
MODES: tuple[Mode, Mode] = ("conservative", "aggressive")


@dataclass(frozen=True)
class Effect:
    """A planted effect.

    Attributes:
        name: what is printed.
        truth: expected scores, in standard deviations of the noise.
        parameter: that it is about.
        direction: which way it is better.
        best: the action that fits it best in an aggressive refinement.
    """

    name: str
    truth: Truth
    parameter: str
    direction: str
    best: str


def switch_worth_two(configuration: Configuration) -> float:
    """A switch worth two standard deviations of the noise."""
    return 2.0 * bool(configuration["use_scheduler"])


def monotone(configuration: Configuration) -> float:
    """A straight line downwards: over uniform draws, Spearman's rho with the score is -.80."""
    return -1.29 * 12**0.5 * float(configuration["label_smoothing"] or 0) / 0.2


def optimum_at_a_bound(configuration: Configuration) -> float:
    """A parabola with its top at the high bound, which explains 64 % over uniform draws."""
    return -4.47 * ((float(configuration["width"] or 0) - 3.0) / 2.5) ** 2


EFFECTS = (
    Effect("a switch worth 2 residual SD", switch_worth_two, "use_scheduler", "true", "fix"),
    Effect(
        "a line of rank correlation .8", monotone, "label_smoothing", "decrease", "fix to bound"
    ),
    Effect("optimum at a bound", optimum_at_a_bound, "width", "increase", "expand"),
)


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noise", type=int, default=300)
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--methods", nargs="+", default=["random", "tpe"])
    parser.add_argument("--studies", type=int, default=499, help="runs of the sampler on noise")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        nulls = Nulls(Path(folder), studies=arguments.studies, permutations=999)
        for method in arguments.methods:
            # Half of a short TPE sweep is a startup here, so that much of it is adaptive.
            startup = 8 if method == "tpe" else 0
            short = settings(method, 20, startup)
            noise(short, arguments.noise, nulls)
            for effect in EFFECTS:
                planted(settings(method, 60, 16), effect, arguments.planted, nulls)


def settings(method: str, configurations: int, startup: int) -> SweepSettings:
    """A sweep of the space."""
    return SweepSettings.model_validate(
        {
            "method": method,
            "configurations": configurations,
            "cohort": 8 if configurations > 20 else 4,
            "startup": startup,
            "parameters": PARAMETERS,
        }
    )


def refinements(
    sweep: SweepSettings, truth: Truth, count: int, nulls: Nulls
) -> list[dict[Mode, Refinement]]:
    """Both refinements of sweeps with seeds 0, 1, .."""
    found: list[dict[Mode, Refinement]] = []
    for seed in range(count):
        table = simulated_sweep(sweep, truth, seed)
        found.append({mode: refine(table, mode, nulls) for mode in MODES})
    return found


def noise(sweep: SweepSettings, count: int, nulls: Nulls) -> None:
    """Shares on pure noise."""
    start = time.perf_counter()
    found = refinements(sweep, no_effect, count, nulls)
    print(f"\n{sweep.method}, pure noise, {sweep.configurations} configurations")
    for mode in MODES:
        ones = [one[mode] for one in found]
        show(f"{mode}: anything significant", ones, called)
        show(f"{mode}: anything done or proposed", ones, lambda one: one.changed)
    print(f"  {time.perf_counter() - start:.0f} s")


def planted(sweep: SweepSettings, effect: Effect, count: int, nulls: Nulls) -> None:
    """Shares with a planted effect."""
    start = time.perf_counter()
    found = refinements(sweep, effect.truth, count, nulls)
    print(f"\n{sweep.method}, {effect.name}, {sweep.configurations} configurations")
    for mode in MODES:
        ones = [one[mode] for one in found]
        show(f"{mode}: found, right direction", ones, lambda one: named(one, effect))
        show(f"{mode}: found, wrong direction", ones, lambda one: wrong(one, effect))
        show(f"{mode}: anything else done", ones, lambda one: elsewhere(one, effect))
    aggressive = [one["aggressive"] for one in found]
    show(f"aggressive: {effect.best}", aggressive, lambda one: acted(one, effect) == effect.best)
    print(f"  {time.perf_counter() - start:.0f} s")


def called(one: Refinement) -> bool:
    """Whether any parameter is called significant."""
    return any(d.p_corrected <= one.rules.alpha for d in one.decisions)


def acted(one: Refinement, effect: Effect) -> str:
    """What was done about the planted parameter."""
    return one.of(effect.parameter).action


def named(one: Refinement, effect: Effect) -> bool:
    """Whether the planted parameter is acted upon in the right direction."""
    decision = one.of(effect.parameter)
    return decision.changes_something and decision.direction == effect.direction


def wrong(one: Refinement, effect: Effect) -> bool:
    """Whether it is acted upon in another direction."""
    decision = one.of(effect.parameter)
    return decision.changes_something and decision.direction != effect.direction


def elsewhere(one: Refinement, effect: Effect) -> bool:
    """Whether something is done about a parameter that does not matter."""
    others = [d for d in one.decisions if d.parameter != effect.parameter]
    return any(d.changes_something for d in others)


def show(what: str, ones: list[Refinement], holds: Callable[[Refinement], bool]) -> None:
    """Print a share with its interval."""
    hits = sum(holds(one) for one in ones)
    low, high = proportion_confint(hits, len(ones), method="wilson")
    share = f"{hits} of {len(ones)} = {100 * hits / len(ones):.1f} %"
    print(f"  {what:<42} {share:<22} [{100 * low:.1f}, {100 * high:.1f}] %", flush=True)


if __name__ == "__main__":
    main()
