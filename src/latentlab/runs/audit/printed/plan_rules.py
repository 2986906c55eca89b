"""Rules over the sweeps and tests that a report describes, and over what it plans next."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scipy.stats import hypergeom

from latentlab.reporting.formatting import format_p, plural
from latentlab.runs.audit.findings import Finding
from latentlab.runs.audit.printed.declared import (
    Elites,
    PlannedTests,
    PrintedReport,
    PrintedSweep,
)
from latentlab.runs.seed_names import is_seed
from latentlab.statistics.attainable import PAIRED_TESTS, LocationTest, smallest_p
from latentlab.statistics.corrections import level_left
from latentlab.statistics.power import detectable_effect

_UNEQUAL = 2


def plan_findings(report: PrintedReport) -> Iterator[Finding]:
    """D02, D03, D06, D10, D13, D17, D19, D20, D26 and D29."""
    for elites in report.elites:
        yield from _base_rate(elites)
    for name, sweep in report.sweeps.items():
        yield from _crossed(name, sweep)
        yield from _seeds_searched(name, sweep)
        yield from _stopped(name, sweep)
    yield from _dipped(report)
    for name, tests in report.tests.items():
        yield from _attainable(name, tests)
        yield from _family(name, tests)
    for name, changes in report.next.items():
        if len(changes) > 1:
            text = (
                f"{name} changes {len(changes)} settings at once ({', '.join(changes)}): a gain or "
                "a loss of it will be nobody's."
            )
            remedy = f"Beside it run {len(changes)} arms, each without one of the changes."
            yield Finding("D29", "warning", text, name, remedy=remedy)


def _base_rate(one: Elites) -> Iterator[Finding]:
    if one.agree < one.elites:
        return
    chance = float(hypergeom.sf(one.agree - 1, one.rows, one.have, one.elites))
    if chance > 0.05:
        text = (
            f"All {one.elites} elites have {one.choice}, and so have {one.have} of {one.rows} "
            f"rows: {one.elites} rows picked at random all have it with chance {format_p(chance)}. "
            "No reason to fix it."
        )
        remedy = "Compare the choices on equal seeds and equal budgets before one is dropped."
        yield Finding("D13", "warning", text, one.choice, remedy=remedy)


def branches(sweep: PrintedSweep) -> dict[str, list[str]]:
    """The axes that exist, by the choices that decide it; seeds among them."""
    deciding = sorted({other for condition in sweep.when.values() for other in condition})
    combinations: list[dict[str, object]] = [{}]
    for other in deciding:
        values = sweep.axes[other]
        assert isinstance(values, list)
        combinations = [{**one, other: value} for one in combinations for value in values]
    return {
        ", ".join(map(str, chosen.values())): [
            name
            for name in sweep.axes
            if name not in chosen
            and all(chosen[other] == v for other, v in sweep.when.get(name, {}).items())
        ]
        for chosen in combinations
    }


def _size(sweep: PrintedSweep, names: list[str]) -> int:
    axes = [sweep.axes[name] for name in names]
    return math.prod(axis if isinstance(axis, int) else len(axis) for axis in axes)


def _crossed(name: str, sweep: PrintedSweep) -> Iterator[Finding]:
    """D17 and D06: what a grid over all axes makes, and what of it is different runs."""
    if sweep.method != "grid":
        return
    axes = branches(sweep)
    crossed = _size(sweep, list(sweep.axes))
    runs = {branch: _size(sweep, names) for branch, names in axes.items()}
    real = sum(runs.values())
    if crossed != real:
        counted = f" The report counts {sweep.runs:,}." if sweep.runs else ""
        text = (
            f"A grid over all {len(sweep.axes)} axes has {crossed:,} runs; {real:,} differ in "
            f"something that exists ({', '.join(f'{b} {n:,}' for b, n in runs.items())}).{counted} "
            "The others repeat them with other values of what does nothing."
        )
        parameters = ", ".join(sweep.when)
        remedy = f"One grid for each branch, or conditions (`when`) on {parameters}."
        yield Finding("D17", "error", text, name, remedy=remedy)
    elif sweep.runs is not None and sweep.runs != real:
        text = f"The axes make {real:,} runs, the report counts {sweep.runs:,}."
        yield Finding("D21", "error", text, name, remedy="Correct the axes or the count.")
    cells = {b: _size(sweep, [n for n in names if not is_seed(n)]) for b, names in axes.items()}
    if len(cells) > 1 and max(cells.values()) >= _UNEQUAL * min(cells.values()):
        text = (
            f"{' against '.join(f'{n} cells of {b}' for b, n in cells.items())}: the best of more "
            "tries is better by that alone."
        )
        remedy = f"Compare the best of {min(cells.values())} tries each."
        yield Finding("D06", "warning", text, name, remedy=remedy)


def _seeds_searched(name: str, sweep: PrintedSweep) -> Iterator[Finding]:
    seeds = [axis for axis in sweep.axes if is_seed(axis)]
    if seeds and sweep.method == "adaptive":
        text = f"{', '.join(seeds)} is searched: the sampler looks for the luckiest seed."
        remedy = "Run every configuration on the same seeds and search on their mean."
        yield Finding("D19", "error", text, name, remedy=remedy)


def _stopped(name: str, sweep: PrintedSweep) -> Iterator[Finding]:
    for mechanism, begins in sweep.begins.items():
        before = [band for band in sweep.bands if band < begins]
        if before:
            text = (
                f"Weak runs are stopped at epoch {' and '.join(map(str, before))}, and {mechanism} "
                f"begins at {begins}: whether a run goes on is decided without it."
            )
            remedy = f"Put the first band beyond epoch {begins}."
            yield Finding("D26", "warning", text, f"{name}, {mechanism}", remedy=remedy)


def _dipped(report: PrintedReport) -> Iterator[Finding]:
    chosen, confirmed = report.selection, report.confirmation
    if chosen is None or confirmed is None:
        return
    shared = sorted(set(chosen.seeds) & set(confirmed.seeds))
    split = chosen.split is not None and chosen.split == confirmed.split
    if shared:
        data = f", both on {chosen.split} data" if split else ""
        text = (
            f"{len(shared)} of {plural(len(confirmed.seeds), 'seed')} that confirm "
            f"({', '.join(map(str, shared))}) are among those that selected{data}: what was chosen "
            "for its luck on them is shown to have it."
        )
        remedy = "Confirm on fresh seeds, and on test data."
        yield Finding("D20", "error", text, remedy=remedy)
    elif split:
        text = f"What was chosen by {chosen.split} scores is confirmed by {chosen.split} scores."
        yield Finding("D20", "warning", text, remedy="Confirm on test data.")


def _attainable(name: str, tests: PlannedTests) -> Iterator[Finding]:
    correction = "none" if tests.tests == 1 else tests.correction
    level = level_left(tests.alpha, correction, tests.tests)
    exact: LocationTest = "sign_flip" if tests.test in PAIRED_TESTS else "permutation"
    family = f" that {correction} leaves {tests.tests} tests" if correction != "none" else ""
    for test in dict.fromkeys([tests.test, exact]):
        smallest = min(1.0, 2 * smallest_p(test, tests.seeds, tests.seeds))
        if smallest <= level:
            continue
        own = test == tests.test
        follows = (
            "No data whatever can decide it."
            if own
            else f"Where {tests.test} goes below, it rests on the scores being normal."
        )
        text = (
            f"{tests.seeds} seeds of each arm: no two-sided p of {test} lies below {smallest:.3g}, "
            f"which is above the {level:.3g}{family}. {follows}"
        )
        remedy = "More seeds; docs/verdicts.md says how many."
        yield Finding("D02", "error" if own else "warning", text, name, remedy=remedy)
        break
    if tests.seeds >= 2:
        paired = tests.test in PAIRED_TESTS
        size = detectable_effect(tests.seeds, level / 2, paired=paired)
        text = (
            f"{tests.seeds} seeds find an effect of {size:.2f} standard deviations"
            f"{' of the differences' if paired else ''} in four of five studies, and smaller ones "
            "mostly not."
        )
        yield Finding(
            "D03", "note", text, name, remedy="Say which effect matters, and plan for it."
        )


def _family(name: str, tests: PlannedTests) -> Iterator[Finding]:
    if tests.tests > 1 and tests.correction == "none":
        chance = 1 - (1 - tests.alpha) ** tests.tests
        text = (
            f"{tests.tests} tests at {tests.alpha:g} and no correction: if nothing is there, one "
            f"of them comes out in {100 * chance:.0f} % of studies (were they independent)."
        )
        remedy = f"Holm, which tests the smallest p at {tests.alpha / tests.tests:.2g}."
        yield Finding("D10", "error", text, name, remedy=remedy)
