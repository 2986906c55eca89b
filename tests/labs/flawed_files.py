"""Sweep files and printed reports of random figures, each with one known flaw; and all flaws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import yaml

from labs.flawed_runs import RUNS, Flawed
from latentlab.runs.audit.printed.correlations import textbook_p

ACCURACY = {"better": "higher", "kind": "share", "split": "test", "epoch": "last"}


def report(**parts: object) -> str:
    """The file of a printed report."""
    return yaml.safe_dump({"title": "Toy", "registered": "claims.yml", **parts}, sort_keys=False)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def accuracies(
    values: Sequence[str], statements: Sequence[Mapping[str, object]] = (), **metric: object
) -> str:
    """A report of one table: accuracies of arms `m0`, `m1`, ..., each over six seeds."""
    cells = markdown(["model", "accuracy"], [[f"m{k}", value] for k, value in enumerate(values)])
    table = {"table": cells, "seeds": 6, "metrics": {"accuracy": ACCURACY | metric}}
    said = [{"table": "main", "metric": "accuracy", **one} for one in statements]
    return report(tables={"main": table}, statements=said)


def correlations(rows: Sequence[Sequence[object]]) -> str:
    """A report of one table of rank correlations."""
    columns = ["parameter", "rho", "p", "n", "says"]
    return report(correlations={"rank": {"table": markdown(columns, rows), "corrected": True}})


def sweep(method: str, **parts: object) -> str:
    """A sweep file in the layout of W&B."""
    whole = {"method": method, "metric": {"name": "loss", "goal": "minimize"}, **parts}
    return yaml.safe_dump(whole, sort_keys=False)


def values(rng: np.random.Generator, count: int) -> dict[str, list[float]]:
    """Different values of a parameter."""
    return {"values": np.sort(rng.choice(1000, count, replace=False) / 1000).tolist()}


def crossed_grid(rng: np.random.Generator) -> Flawed:
    parameters = {
        "lr": values(rng, 3),
        "pruning": {"values": ["plummet", "lognorm"]},
        "plummet_threshold": values(rng, 2 + int(rng.integers(5))),
    }
    return Flawed("D17", sweep("grid", parameters=parameters), about="plummet_threshold")


def stopped_before_it_begins(rng: np.random.Generator) -> Flawed:
    begins = int(rng.integers(300, 500))
    text = sweep(
        "random",
        run_cap=40,
        early_terminate={"type": "hyperband", "min_iter": begins - 100, "eta": 3},
        parameters={
            "pruning_epoch": {"min": begins, "max": begins + 50},
            "epochs": {"value": 2500},
            "lr": {"min": 0.001, "max": 0.1},
        },
    )
    return Flawed("D26", text, about="pruning_epoch")


def seed_asked_for(rng: np.random.Generator) -> Flawed:
    seeds = rng.choice(100, 5, replace=False).tolist()
    parameters = {"lr": {"min": 0.001, "max": 0.1}, "seed": {"values": seeds}}
    return Flawed("D19", sweep("bayes", run_cap=40, parameters=parameters), about="seed")


def pair_on_few_seeds(rng: np.random.Generator) -> Flawed:
    seeds = rng.choice(100, 3 + int(rng.integers(3)), replace=False).tolist()
    parameters = {"norm": {"values": [True, False]}, "seed": {"values": seeds}}
    return Flawed("D02", sweep("grid", parameters=parameters), about="norm")


def p_of_another_n(rng: np.random.Generator) -> Flawed:
    rho = round(rng.uniform(0.4, 0.6), 3)
    rows = [["width", rho, f"{textbook_p(rho, 14):.3f}", 30, ""]]
    rows += [["lr", rho - 0.3, f"{textbook_p(rho - 0.3, 30):.3f}", 30, ""]]
    return Flawed("D11", correlations(rows), about="width")


def against_the_sign(rng: np.random.Generator) -> Flawed:
    rho = round(rng.uniform(0.5, 0.7), 3)
    rows = [
        ["width", rho, f"{textbook_p(rho, 30):.3f}", 30, "decrease helps"],
        ["lr", -rho, f"{textbook_p(rho, 30):.3f}", 30, "decrease helps"],
    ]
    return Flawed("D12", correlations(rows), about="width")


def against_the_figures(rng: np.random.Generator) -> Flawed:
    high = round(rng.uniform(0.7, 0.9), 3)
    said = [{"says": "better", "who": "m1", "than": "m0"}]
    text = accuracies([f"{high:.3f}", f"{high - 0.05:.3f}"], said)
    return Flawed("D12", text, ["m1", "m0"], "main, accuracy")


def same_without_a_margin(rng: np.random.Generator) -> Flawed:
    figures = [f"{value:.3f}" for value in rng.uniform(0.7, 0.8, 3)]
    said = [{"says": "same", "who": "m2", "than": "m0"}]
    return Flawed("D25", accuracies(figures, said), ["m2", "m0"], "main, accuracy")


def no_count_of_examples(rng: np.random.Generator) -> Flawed:
    n = int(rng.integers(8, 15))
    # Between two counts over all examples of all seeds.
    wrong = (6 * n // 2 + 0.5) / (6 * n)
    text = accuracies([f"{wrong:.4f}", f"{round(0.7 * 6 * n) / (6 * n):.4f}"], n=n)
    return Flawed("D21", text, ["m0"], "main, accuracy")


def impossible_figure(rng: np.random.Generator) -> Flawed:
    figures = [f"{rng.uniform(0.7, 0.8):.3f}", f"{rng.uniform(1.01, 1.5):.3f}"]
    return Flawed("D23", accuracies(figures), ["m1"], "main, accuracy")


def elites_as_all_rows(rng: np.random.Generator) -> Flawed:
    have = int(rng.integers(16, 20))
    elites = [{"choice": "encoder=cnn", "elites": 5, "agree": 5, "rows": 20, "have": have}]
    return Flawed("D13", report(elites=elites), about="encoder=cnn")


AXES = {"strategy": ["a", "b"], "alpha": 5, "seed": [1, 2, 3]}


def counted_across(rng: np.random.Generator) -> Flawed:
    axes = AXES | {"threshold": int(rng.integers(3, 8))}
    when = {"threshold": {"strategy": "a"}, "alpha": {"strategy": "b"}}
    grid = {"method": "grid", "axes": axes, "when": when}
    return Flawed("D17", report(sweeps={"grid": grid}), about="grid")


def bands_too_early(rng: np.random.Generator) -> Flawed:
    begins = int(rng.integers(200, 900))
    random = {"method": "random", "axes": AXES, "bands": [begins - 50, begins + 50]}
    text = report(sweeps={"search": random | {"begins": {"pruning": begins}}})
    return Flawed("D26", text, about="search, pruning")


def predicted(rng: np.random.Generator) -> Flawed:
    gains = [f"{gain:.1f} %" for gain in rng.uniform(1, 9, 2)]
    said = [
        {"says": "predicts", "who": who, "by": by}
        for who, by in zip(("a larger batch", "longer training"), gains, strict=True)
    ]
    return Flawed("D28", report(statements=said), ["a larger batch", "longer training"])


def bundle(rng: np.random.Generator) -> Flawed:
    settings = ["lr", "depth", "encoder", "batch_size", "dropout"]
    changes = rng.choice(settings, 2 + int(rng.integers(3)), replace=False).tolist()
    return Flawed("D29", report(next={"phase 1": changes, "phase 2": changes[:1]}), about="phase 1")


def confirmed_on_the_same_seeds(rng: np.random.Generator) -> Flawed:
    seeds = rng.choice(100, 8, replace=False).tolist()
    stages = {
        "selection": {"seeds": seeds[:5], "split": "validation"},
        "confirmation": {"seeds": seeds[3:], "split": "test"},
    }
    return Flawed("D20", report(**stages))


FLAWS: tuple[Callable[[np.random.Generator], Flawed], ...] = (
    *RUNS,
    crossed_grid,
    stopped_before_it_begins,
    seed_asked_for,
    pair_on_few_seeds,
    p_of_another_n,
    against_the_sign,
    against_the_figures,
    same_without_a_margin,
    no_count_of_examples,
    impossible_figure,
    elites_as_all_rows,
    counted_across,
    bands_too_early,
    predicted,
    bundle,
    confirmed_on_the_same_seeds,
)
