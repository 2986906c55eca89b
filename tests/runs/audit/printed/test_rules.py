"""Each rule on small tables: what it finds, what it lets pass, and the formulas behind it."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from benchmarks.printed_error_rates import report

from latentlab.core.errors import UserError
from latentlab.core.strict_yaml import parse_yaml
from latentlab.core.validation import validate
from latentlab.reporting.formatting import format_number
from latentlab.runs.audit.printed.audit import audit_report
from latentlab.runs.audit.printed.declared import PrintedReport
from latentlab.runs.audit.printed.figures import figure
from latentlab.runs.audit.printed.plan_rules import branches


def read(text):
    return validate(PrintedReport, parse_yaml(text.encode(), "report.yml"), "report.yml")


def found(text):
    return {(one.rule, one.severity) for one in audit_report(read(text))[0]}


def table(rows, metrics, more="", seeds="seeds: 5"):
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *[list(row.values()) for row in rows]]
    printed = "\n".join(f"      | {' | '.join(map(str, line))} |" for line in lines)
    head = f"title: t\ntables:\n  a:\n    {seeds}\n    metrics: {metrics}\n"
    return f"{head}    table: |\n{printed}\n{more}"


ACCURACY = "{accuracy: {better: higher, kind: share, split: test, epoch: last}}"


def shares(*values, n=None, more="", seeds="seeds: 1"):
    rows = [{"model": f"m{i}", "accuracy": value} for i, value in enumerate(values)]
    metrics = ACCURACY if n is None else ACCURACY.replace("share,", f"share, n: {n},")
    return found(table(rows, metrics, more, seeds))


@pytest.mark.parametrize(
    ("text", "value", "half"),
    [
        ("0.286", 0.286, 0.0005),
        ("**63.80%**", 0.638, 0.00005),
        ("28.6 %", 0.286, 0.0005),
        ("50K", 50_000, 500),
        ("1.5e-3", 0.0015, 0.00005),
        ("−842", -842, 0.5),
        ("2,106.70", 2106.7, 0.005),
        ("~.29", 0.29, 0.005),
    ],
)
def test_a_figure_keeps_its_digits(text, value, half):
    read_figure = figure(text)
    assert (read_figure.value, read_figure.half) == pytest.approx((value, half))


def test_grim_agrees_with_enumeration():
    # Every share of 73 that three decimals can print, and nothing else.
    printable = {f"{k / 73:.3f}" for k in range(74)}
    for thousandths in range(0, 1001, 7):
        text = f"{thousandths / 1000:.3f}"
        assert (("D21", "error") in shares(text, n=73)) == (text not in printable)


def test_grim_counts_the_examples_of_all_seeds():
    assert ("D21", "error") in shares("0.255", n=10)
    assert ("D21", "error") not in shares("0.255", n=10, seeds="seeds: 20")


def test_grim_is_not_asked_where_nobody_says_how_many_runs_were_averaged():
    assert ("D21", "error") not in shares("0.255", n=10, seeds="settings: []")


def test_the_smallest_distance_over_n_points_is_half_a_step():
    # Points in the middle of their steps lie closest; the rule's law begins there.
    for n in (1, 4, 32):
        points = (np.arange(n) + 0.5) / n
        assert scipy.stats.kstest(points, "uniform").statistic == pytest.approx(0.5 / n)
        assert scipy.stats.kstwo.cdf(0.5 / n - 1e-9, n) == 0


@pytest.mark.parametrize(
    ("printed", "n", "wrong"), [("0.000", 32, 1), ("0.02", 32, 1), ("0.15", 32, 0)]
)
def test_distances_that_a_sample_cannot_have(printed, n, wrong):
    metrics = f"{{ks: {{better: lower, kind: ks, n: {n}, split: test, epoch: last}}}}"
    assert (("D23", "error") in found(table([{"model": "m", "ks": printed}], metrics))) == wrong


def test_a_share_outside_its_range():
    assert ("D23", "error") in shares("1.02")
    assert ("D23", "error") not in shares("100.0%")


def test_bold_that_is_not_the_best_and_bold_that_ties():
    assert ("D21", "error") in shares("**0.90**", "0.91")
    assert ("D21", "error") not in shares("**0.91**", "0.91", "0.90")


PARTS = "    counts: n\n    parts: {m0: [[m1, m2]]}\n"


def parts(whole, one, n, other, m, total):
    rows = [
        {"model": "m0", "accuracy": whole, "n": total},
        {"model": "m1", "accuracy": one, "n": n},
        {"model": "m2", "accuracy": other, "n": m},
    ]
    return found(table(rows, ACCURACY, PARTS, seeds="settings: []"))


def test_parts_that_give_the_whole_pass_whatever_their_rounding():
    rng = np.random.default_rng(0)
    for _ in range(50):
        first, second = rng.uniform(size=rng.integers(2, 9)), rng.uniform(size=rng.integers(2, 9))
        whole = np.concatenate([first, second]).mean()
        shown = [f"{value:.2f}" for value in (whole, first.mean(), second.mean())]
        told = parts(
            shown[0], shown[1], len(first), shown[2], len(second), len(first) + len(second)
        )
        assert ("D21", "error") not in told
    assert ("D21", "error") in parts("0.259", "0.272", 15, "0.234", 5, 20)
    assert ("D21", "error") in parts("0.262", "0.272", 15, "0.234", 5, 21)


SAID = "statements:\n  - {{says: {}, table: a, metric: accuracy, who: m0, than: m1{}}}\n"


def test_spreads_are_judged_by_welchs_test():
    p = scipy.stats.ttest_ind_from_stats(0.71, 0.02, 5, 0.70, 0.02, 5, equal_var=False).pvalue
    assert p > 0.05
    assert ("D04", "error") in shares(
        "0.71 ± 0.02", "0.70 ± 0.02", more=SAID.format("better", ""), seeds="seeds: 5"
    )
    assert ("D04", "error") not in shares(
        "0.75 ± 0.02", "0.70 ± 0.02", more=SAID.format("better", ""), seeds="seeds: 5"
    )


def test_printed_p_values_are_taken_at_their_word_and_as_a_family():
    rows = ("0.71 ± 0.02", "0.70 ± 0.02")
    paired = SAID.format("better", ", p: 0.03")
    assert not [
        rule
        for rule, severity in shares(*rows, more=paired, seeds="seeds: 5")
        if severity == "error"
    ]
    assert ("D04", "error") in shares(*rows, more=SAID.format("better", ", p: 0.2"))
    again = paired + paired.removeprefix("statements:\n").replace("0.03", "0.04")
    assert ("D10", "error") in shares(*rows, more=again)
    assert ("D10", "error") not in shares(*rows, more=f"{again}corrected: true\n")


@pytest.mark.parametrize(
    ("says", "by", "rule"),
    [
        ("worse", "", "D12"),
        ("better", ", by: 0.02", None),
        ("better", ", by: 0.05", "D21"),
        ("better", ", by: 2.9 %", None),
        ("better", ", by: 6 %", "D21"),
        ("same", "", "D25"),
        ("same, margin: 0.01", "", None),
        ("same, margin: 0.001", "", "D12"),
    ],
)
def test_what_is_said_against_the_figures(says, by, rule):
    told = shares("0.72", "0.70", more=SAID.format(says, by), seeds="seeds: 5")
    assert {code for code, severity in told if severity == "error"} == ({rule} if rule else set())


def test_the_best_is_held_against_all_others():
    best = "statements:\n  - {says: best, table: a, metric: accuracy, who: m1}\n"
    assert ("D12", "error") in shares("0.72", "0.70", more=best)
    assert ("D12", "error") not in shares("0.70", "0.72", "0.72", more=best)


def test_branches_are_what_enumeration_leaves():
    sweep = read(
        "title: t\nsweeps: {s: {method: grid, runs: 9, axes: {kind: [a, b], x: 3, y: 4, seed: 2}, "
        "when: {x: {kind: a}, y: {kind: b}}}}"
    ).sweeps["s"]
    cells = {
        (kind, x if kind == "a" else None, y if kind == "b" else None, seed)
        for kind, x, y, seed in itertools.product("ab", range(3), range(4), range(2))
    }
    sizes = {
        branch: math.prod(n if isinstance(n := sweep.axes[name], int) else len(n) for name in names)
        for branch, names in branches(sweep).items()
    }
    assert sum(sizes.values()) == len(cells)
    assert sizes == {"a": 6, "b": 8}


def runs(rows, more=""):
    metrics = "{loss: {better: lower, split: test, epoch: best}}"
    return audit_report(read(table(rows, metrics, more, seeds="settings: [lr, steps, seed]")))[0]


def test_noise_is_that_of_runs_that_differ_in_their_seed_alone():
    values = np.random.default_rng(1).normal(size=(3, 4)).round(2)
    rows = [
        {"run": f"{i}-{j}", "lr": lr, "steps": "50K", "seed": j, "loss": f"{values[i, j]:.2f}"}
        for i, lr in enumerate(["1e-1", "1e-2", "1e-3"])
        for j in range(4)
    ]
    notes = [one.text for one in runs(rows) if (one.rule, one.severity) == ("D04", "note")]
    pooled = np.sqrt(values.var(axis=1, ddof=1).mean())
    assert any(f"loss {format_number(pooled)} on 9 degrees of freedom" in one for one in notes)


def test_clean_pairs_and_collinear_settings_agree_with_counting():
    draws = np.random.default_rng(2)
    rows = [
        {"run": i, "lr": f"{lr:.3f}", "steps": f"{steps}K", "seed": 1, "loss": "0.5"}
        for i, (lr, steps) in enumerate(draws.choice(range(1, 10), size=(12, 2)))
    ]
    told = {one.rule: one.text for one in runs(rows)}
    clean = sum(
        (a["lr"] != b["lr"]) + (a["steps"] != b["steps"]) == 1
        for a, b in itertools.combinations(rows, 2)
    )
    assert told["D07"].startswith(f"{clean} of 66 pairs")
    assert "D09" not in told
    together = [{**row, "steps": f"{1000 * float(row['lr']):.0f}"} for row in rows]
    assert "lr and steps vary together" in {one.rule: one.text for one in runs(together)}["D09"]


def test_elites_that_agree_beyond_their_base_rate_pass():
    line = "title: t\nelites: [{{choice: a=b, elites: 5, agree: 5, rows: 20, have: {}}}]"
    assert ("D13", "warning") in found(line.format(15))
    assert found(line.format(8)) == set()  # 56 of 15,504 fives


CLEAN = [
    table(
        [
            {"model": "control", "accuracy": "0.702 ± 0.011", "seconds": "101 ± 3"},
            {"model": "treatment", "accuracy": "**0.741 ± 0.009**", "seconds": "120 ± 4"},
        ],
        "{accuracy: {better: higher, kind: share, split: test, epoch: best}, "
        "seconds: {better: lower, kind: seconds, split: train, epoch: last}}",
        "statements:\n"
        "  - {says: better, who: treatment, than: control, table: a, metric: accuracy, by: 0.039}\n"
        "  - {says: worse, who: treatment, than: control, table: a, metric: seconds, by: 19 %}\n",
        seeds="seeds: 10",
    ),
    table(
        [
            {"group": "all", "accuracy": "0.640", "n": "30"},
            {"group": "first", "accuracy": "0.650", "n": "15"},
            {"group": "second", "accuracy": "0.630", "n": "15"},
        ],
        "{accuracy: {better: higher, kind: share, chance: 0.1, split: validation, epoch: best}}",
        "    counts: n\n    parts: {all: [[first, second]]}\nregistered: registration.yml\n"
        "tests: {groups: {test: welch_t, seeds: 15, tests: 2, correction: holm}}\n"
        "selection: {seeds: [1, 2], split: validation}\n"
        "confirmation: {seeds: [3, 4], split: test}\n",
        seeds="settings: []",
    ),
    table(
        [
            {"run": "1", "lr": "0.1", "seed": "1", "loss": "0.41"},
            {"run": "2", "lr": "0.1", "seed": "2", "loss": "0.43"},
            {"run": "3", "lr": "0.01", "seed": "1", "loss": "0.52"},
            {"run": "4", "lr": "0.01", "seed": "2", "loss": "0.50"},
        ],
        "{loss: {better: lower, split: test, epoch: best}}",
        "    settings: [lr, seed]\n",
    ),
]


@pytest.mark.parametrize("text", CLEAN)
def test_clean_tables_have_no_error(text):
    assert "error" not in {severity for _, severity in found(text)}


@pytest.mark.parametrize("seed", range(12))
def test_honest_reports_have_no_error(seed):
    """`benchmarks/printed_error_rates.py` does the same with 1,000 reports."""
    told, _ = audit_report(report(seed))
    assert not [one for one in told if one.severity == "error"]


def test_all_mistakes_of_a_file_are_told_at_once_with_what_is_meant():
    text = table(
        [{"model": "m0", "accuracy": "high", "extra": "1"}],
        ACCURACY.replace("accuracy", "acuracy"),
        "statements:\n  - {says: better, who: m0}\n  - {says: wins, who: m0}\n"
        "elites: [{choice: a, elites: 2, agree: 3, rows: 9, have: 9}]\n",
    )
    with pytest.raises(UserError) as told:
        read(text)
    message = str(told.value)
    assert "\n" not in message
    for part in (
        "report.yml",
        "there is no column acuracy",
        "column extra is no metric",
        "statements[0].table: is missing",
        "there is no 'wins'",
        "3 of 2 elites",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (("who: m0", "who: m7"), "there is no row m7"),
        (("table: a, metric", "table: b, metric"), "there is no table b"),
        (("metric: accuracy, who", "metric: loss, who"), "there is no metric loss in table a"),
        (("| m1 | 0.70 |", "| m1 | 0.70 | 3 |"), "has 3 cells, the heading 2"),
        (("| m1 |", "| m0 |"), "'m0' is empty or given twice"),
        (("0.70", "good"), "row m1, column accuracy: 'good' is no number"),
        (("0.70", "0,70"), "'0,70' is no number"),
        (("0.70", "1e999"), "'1e999' is no number"),
        (("kind: share", "range: [1, 0]"), "its range is empty"),
        (("seeds: 5", "counts: accuracy"), "0.72 is no number of runs"),
        (("title: t", "title: t\nsweeps: {s: {method: grid, axes: {x: 0}}}"), "sweeps.s.axes.x"),
        (("title: t", "titel: t"), "did you mean title"),
    ],
)
def test_a_mistake_names_its_place(change, part):
    rows = [{"model": "m0", "accuracy": "0.72"}, {"model": "m1", "accuracy": "0.70"}]
    text = table(rows, ACCURACY, SAID.format("better", ""))
    assert change[0] in text
    with pytest.raises(UserError, match=part.replace("[", r"\[")):
        read(text.replace(*change))
