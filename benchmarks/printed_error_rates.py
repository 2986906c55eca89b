"""How often the audit of printed reports calls an honest report wrong.

    python benchmarks/printed_error_rates.py [--reports 1000]

Each report is made from random scores and says what is true of them: a table of arms with means
and standard deviations, of which one is called better where Welch's test on the unrounded scores
says so at .05; groups of runs that are parts of a whole; rank correlations with their p and n;
runs with their settings and seeds. Scores are normal, skewed, heavy-tailed or shares of a small
test set with ties, and printed to two to four digits. Printed are the shares of reports with an
error by each rule; every one of them is a false alarm.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import numpy as np
import scipy.stats
import yaml

from latentlab.core.arrays import Array
from latentlab.core.validation import validate
from latentlab.runs.audit.printed.audit import audit_report
from latentlab.runs.audit.printed.declared import PrintedReport

EXAMPLES = 200


def scores(draws: np.random.Generator, family: str, mean: float, n: int) -> Array:
    """Draw `n` shares in (0, 1) around a mean."""
    match family:
        case "skewed":
            noise = draws.exponential(size=n) - 1
        case "heavy tails":
            noise = np.clip(draws.standard_t(3, size=n), -5, 5)
        case _:
            noise = draws.normal(size=n)
    found = mean + 0.02 * noise
    return np.round(found * EXAMPLES) / EXAMPLES if family == "ties" else found


def arms(draws: np.random.Generator, family: str, decimals: int) -> tuple[dict, list[dict]]:
    """Return a table of arms, and what may be said of it."""
    n, effect = int(draws.integers(3, 16)), draws.choice([0.0, 0.0, 0.05])
    control, treatment = (scores(draws, family, 0.7 + e, n) for e in (0.0, effect))
    lines = [
        f"| {name} | {x.mean():.{decimals}f} ± {x.std(ddof=1):.{decimals}f} |"
        for name, x in (("control", control), ("treatment", treatment))
    ]
    metric = {"better": "higher", "kind": "share", "split": "test", "epoch": "best"}
    if family == "ties":
        metric["n"] = EXAMPLES
    table = {
        "table": "\n".join(["| arm | accuracy |", "|---|---|", *lines]),
        "metrics": {"accuracy": metric},
        "seeds": n,
    }
    difference = treatment.mean() - control.mean()
    p = scipy.stats.ttest_ind(treatment, control, equal_var=False).pvalue
    if not p < 0.05:
        return table, []
    rows = {"who": "treatment", "than": "control", "table": "arms", "metric": "accuracy"}
    says = "better" if difference > 0 else "worse"
    return table, [{**rows, "says": says, "by": f"{abs(difference):.{decimals}f}"}]


def groups(draws: np.random.Generator, family: str, decimals: int) -> dict:
    """Return a table of a whole and its parts."""
    sizes = draws.integers(2, 30, size=int(draws.integers(2, 5)))
    parts = [
        scores(draws, family, mean, n)
        for n, mean in zip(sizes, draws.uniform(0.3, 0.9, 4), strict=False)
    ]
    rows = {"all": np.concatenate(parts), **{f"part {i}": x for i, x in enumerate(parts)}}
    lines = [f"| {name} | {x.mean():.{decimals}f} | {len(x)} |" for name, x in rows.items()]
    metric = {"better": "higher", "kind": "share", "split": "validation", "epoch": "best"}
    return {
        "table": "\n".join(["| rows | accuracy | n |", "|---|---|---|", *lines]),
        "metrics": {"accuracy": metric},
        "counts": "n",
        "parts": {"all": [[name for name in rows if name != "all"]]},
    }


def correlations(draws: np.random.Generator, family: str) -> dict:
    """Return a table of rank correlations, half of them of half of the rows."""
    total = int(draws.integers(12, 80))
    y = scores(draws, family, 0.7, total)
    lines = []
    for i in range(6):
        n = total if i % 2 else total // 2
        x = draws.choice([8, 16, 32, 64], size=n) if i < 3 else draws.uniform(size=n)
        rho, p = scipy.stats.spearmanr(x, y[:n])
        if np.isfinite(rho):
            way = "increase helps" if rho > 0 else "decrease helps"
            lines.append(f"| p{i} | {rho:.3f} | {p:.3f} | {n} | {way if abs(rho) > 0.1 else ''} |")
    head = ["| parameter | rho | p | n | says |", "|---|---|---|---|---|"]
    return {"table": "\n".join([*head, *lines]), "corrected": True}


def runs(draws: np.random.Generator, family: str, decimals: int) -> dict:
    """Return a table of runs of random configurations, two seeds each."""
    lines = []
    for i in range(int(draws.integers(4, 20))):
        lr, depth = draws.choice(["1e-3", "2e-3", "5e-3"]), draws.integers(1, 6)
        for seed in (1, 2):
            (value,) = scores(draws, family, 0.6 + 0.03 * depth, 1)
            lines.append(f"| {i}.{seed} | {lr} | {depth} | {seed} | {value:.{decimals}f} |")
    metric = {"better": "higher", "kind": "share", "split": "test", "epoch": "last"}
    head = ["| run | lr | depth | seed | accuracy |", "|---|---|---|---|---|"]
    return {
        "table": "\n".join([*head, *lines]),
        "settings": ["lr", "depth", "seed"],
        "metrics": {"accuracy": metric},
    }


def report(seed: int) -> PrintedReport:
    """Return an honest report."""
    draws = np.random.default_rng(seed)
    family = ("normal", "skewed", "heavy tails", "ties")[seed % 4]
    decimals = int(draws.integers(2, 5))
    table, said = arms(draws, family, decimals)
    content = {
        "title": f"report {seed}",
        "tables": {
            "arms": table,
            "groups": groups(draws, family, decimals),
            "runs": runs(draws, family, decimals),
        },
        "statements": said,
        "correlations": {"directions": correlations(draws, family)},
    }
    return validate(PrintedReport, yaml.safe_load(yaml.safe_dump(content)), "report")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--reports", type=int, default=1000)
    reports = parser.parse_args().reports
    start = time.perf_counter()
    wrong: Counter[str] = Counter()
    said = 0
    for seed in range(reports):
        honest = report(seed)
        said += len(honest.statements)
        found, _ = audit_report(honest)
        rules = {one.rule for one in found if one.severity == "error"}
        wrong.update(rules)
        wrong["any"] += bool(rules)
    print(f"{reports} reports, {said} statements, {time.perf_counter() - start:.0f} s")
    for rule, count in sorted(wrong.items()):
        print(f"| {rule} | {count} | {100 * count / reports:.1f} % |")


if __name__ == "__main__":
    main()
