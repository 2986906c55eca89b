"""How often a screening and a refinement err on noise, and how often they find a planted effect.

    python benchmarks/refinement_error_rates.py [--noise 300] [--planted 100] [--innocent 300]
        [--methods random quasi_random tpe]

Sweeps are run by the engine's own sampler on formulas with noise (`search.simulated_sweep`), in a
space like that of a classifier: a choice, a whole number that exists under one choice only, a
learning rate on a log scale, two real numbers and a switch. Printed are shares of sweeps with 95 %
intervals (Wilson).

Pure noise, 20 configurations: something is called significant, fixed, pruned, narrowed, expanded,
or made a candidate; at most 5 % conservative, 10 % aggressive. Planted effects, 60 configurations:
the parameter is acted upon in the right direction; at least 90 % in both modes. Innocent parameters
beside one or two that matter, 40 configurations by TPE: any of them is called significant; at most
5 % and three standard errors. In no sweep do the printed tier and the action contradict each other.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statsmodels.stats.proportion import proportion_confint

from latentlab.search.matrix import sweep_matrix
from latentlab.search.refine import Mode, Refinement, refine
from latentlab.search.screening import NullDistribution, Screening, screen
from latentlab.search.settings import SweepSettings
from latentlab.search.simulated_sweep import Truth, no_effect, simulated_sweep
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
ACTS = {"conservative": {"high"}, "aggressive": {"high", "moderate"}}
"""Tiers on which each mode acts."""

FLOAT = {"type": "float", "low": 0.0, "high": 1.0}
FEW = {
    **dict.fromkeys(("x", "y", "u", "v"), FLOAT),
    "kind": {"type": "categorical", "choices": ["a", "b", "c"]},
}
"""Four real numbers and a choice, of which one or two real numbers matter."""


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


@dataclass(frozen=True)
class Real:
    """Parameters of `FEW` that matter, beside innocent ones.

    Attributes:
        name: what is printed.
        truth: expected scores, in standard deviations of the noise.
        parameters: that matter.
    """

    name: str
    truth: Truth
    parameters: frozenset[str]


def _linear(**weights: float) -> Real:
    name = " and ".join(f"{parameter} worth {weight:g} SD" for parameter, weight in weights.items())

    def truth(configuration: Configuration) -> float:
        return sum(w * float(configuration[name] or 0) for name, w in weights.items())

    return Real(name, truth, frozenset(weights))


def _curved(configuration: Configuration) -> float:
    return 13 * math.expm1(4 * float(configuration["x"] or 0)) / math.expm1(4)


def _inside(configuration: Configuration) -> float:
    return -52 * (float(configuration["x"] or 0) - 0.3) ** 2


REALS = (
    _linear(x=2),
    _linear(x=4),
    _linear(x=13),
    Real("x worth 13 SD, exponentially", _curved, frozenset({"x"})),
    Real("x best inside its range", _inside, frozenset({"x"})),
    _linear(x=4, y=2),
    _linear(x=4, y=4),
    _linear(x=13, y=4),
    _linear(x=13, y=13),
)


@dataclass(frozen=True)
class Analysed:
    """A simulated sweep with its screening and both refinements."""

    screening: Screening
    refinements: dict[Mode, Refinement]

    @property
    def contradicts(self) -> bool:
        """Whether a printed tier and an action contradict each other."""
        return any(
            (one.action not in {"keep", "drop"} and tier not in ACTS[mode])
            or (one.rule in {"main effect", "effect given stronger ones"} and tier in ACTS[mode])
            for mode, refinement in self.refinements.items()
            for one in refinement.decisions
            for tier in (self.screening.tests[one.parameter].tier,)
        )


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noise", type=int, default=300)
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--innocent", type=int, default=300)
    parser.add_argument("--methods", nargs="+", default=["random", "quasi_random", "tpe"])
    parser.add_argument("--runs", type=int, default=499, help="of the sampler on noise")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        null = NullDistribution(Path(folder), runs=arguments.runs, permutations=999)
        for method in arguments.methods:
            # Half of a short TPE sweep is a startup here, so that much of it is adaptive.
            startup = 8 if method == "tpe" else 0
            noise(settings(method, 20, startup), arguments.noise, null)
            for effect in EFFECTS:
                planted(settings(method, 60, 16), effect, arguments.planted, null)
        if "tpe" in arguments.methods:
            sweep = settings("tpe", 40, 16, FEW)
            for real in REALS:
                innocent(sweep, real, arguments.innocent, null)


def settings(
    method: str, configurations: int, startup: int, parameters: dict[str, Any] = PARAMETERS
) -> SweepSettings:
    """A sweep of a space."""
    return SweepSettings.model_validate(
        {
            "method": method,
            "configurations": configurations,
            "cohort": 8 if configurations > 20 else 4,
            "startup": startup,
            "parameters": parameters,
        }
    )


def analysed(
    sweep: SweepSettings, truth: Truth, count: int, null: NullDistribution
) -> list[Analysed]:
    """Screenings and both refinements of sweeps with seeds 0, 1, .."""
    found = []
    for seed in range(count):
        screening = screen(sweep_matrix(simulated_sweep(sweep, truth, seed)), null)
        found.append(Analysed(screening, {mode: refine(screening, mode) for mode in MODES}))
    return found


def noise(sweep: SweepSettings, count: int, null: NullDistribution) -> None:
    """Shares on pure noise."""
    start = time.perf_counter()
    found = analysed(sweep, no_effect, count, null)
    print(f"\n{sweep.method}, pure noise, {sweep.configurations} configurations")
    for mode in MODES:
        ones = [one.refinements[mode] for one in found]
        show(f"{mode}: anything significant", ones, called)
        show(f"{mode}: anything done or proposed", ones, lambda one: one.changed)
    end(found, start)


def planted(sweep: SweepSettings, effect: Effect, count: int, null: NullDistribution) -> None:
    """Shares with a planted effect."""
    start = time.perf_counter()
    found = analysed(sweep, effect.truth, count, null)
    print(f"\n{sweep.method}, {effect.name}, {sweep.configurations} configurations")
    for mode in MODES:
        ones = [one.refinements[mode] for one in found]
        show(f"{mode}: found, right direction", ones, lambda one: named(one, effect))
        show(f"{mode}: found, wrong direction", ones, lambda one: wrong(one, effect))
        show(f"{mode}: anything else done", ones, lambda one: elsewhere(one, effect))
    aggressive = [one.refinements["aggressive"] for one in found]
    show(f"aggressive: {effect.best}", aggressive, lambda one: acted(one, effect) == effect.best)
    end(found, start)


def innocent(sweep: SweepSettings, real: Real, count: int, null: NullDistribution) -> None:
    """Shares of adaptive sweeps in which an innocent parameter is called significant."""
    start = time.perf_counter()
    found = analysed(sweep, real.truth, count, null)
    print(f"\n{sweep.method}, {real.name}, {sweep.configurations} configurations")
    screenings = [one.screening for one in found]
    for tiers in (("high",), ("high", "moderate")):
        text = " or ".join(tiers)
        show(
            f"{text}: any innocent parameter",
            screenings,
            lambda one, tiers=tiers: any(
                test.tier in tiers for n, test in one.tests.items() if n not in real.parameters
            ),
        )
        for name in sorted(real.parameters):
            show(
                f"{text}: {name}",
                screenings,
                lambda one, tiers=tiers, name=name: one.tests[name].tier in tiers,
            )
    end(found, start)


def end(found: Sequence[Analysed], start: float) -> None:
    """Print contradictions and the time."""
    show("tier and action contradict each other", found, lambda one: one.contradicts)
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


def show(what: str, ones: Sequence[Any], holds: Callable[[Any], bool]) -> None:
    """Print a share with its interval."""
    hits = sum(holds(one) for one in ones)
    low, high = proportion_confint(hits, len(ones), method="wilson")
    share = f"{hits} of {len(ones)} = {100 * hits / len(ones):.1f} %"
    print(f"  {what:<42} {share:<22} [{100 * low:.1f}, {100 * high:.1f}] %", flush=True)


if __name__ == "__main__":
    main()
