"""Runs, sweep files and reports: sound tables of random designs, and such as have a known flaw."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from latentlab.runs.audit.registry import audit
from latentlab.runs.judging.auditing import audited_runs
from latentlab.runs.judging.judged import judge_runs
from latentlab.runs.judging.reading import measured, read_runs
from latentlab.runs.judging.settings import EvidenceSettings
from latentlab.search.auditing import audit_source

METRICS = ("test_acc", "test_f1", "test_loss", "test_rmse")


@dataclasses.dataclass(frozen=True)
class Flawed:
    """Runs, a sweep file or a report with a flaw.

    Attributes:
        rule: that must find it.
        table: the runs; or the text of the file.
        rows: that the finding must name; none where it names none.
        about: what the finding must be about; none where any will do.
        chosen: settings of `evidence`.
        claims: a file of claims; empty without one.
        judged: whether the runs are judged, else only audited.
        optimiser: whether an optimiser asked for the runs.
        implied: other rules that must call it an error too.
    """

    rule: str
    table: pd.DataFrame | str
    rows: Sequence[int | str] | None = None
    about: str | None = None
    chosen: dict[str, object] = dataclasses.field(default_factory=dict)
    claims: str = ""
    judged: bool = False
    optimiser: bool = False
    implied: Sequence[str] = ()


def findings_of(runs: Flawed, folder: Path) -> pd.DataFrame:
    """What the audit finds, through the files that a user gives."""
    if isinstance(runs.table, str):
        (folder / "file.yml").write_text(runs.table)
        return audit_source(EvidenceSettings(source="file.yml"), folder, never).findings
    runs.table.to_csv(folder / "runs.csv", index=False)
    chosen = {"source": "runs.csv", **runs.chosen}
    if runs.claims:
        (folder / "claims.yml").write_text(runs.claims)
        chosen["claims"] = "claims.yml"
    settings = EvidenceSettings.model_validate(chosen)
    if runs.optimiser:
        read = read_runs(settings, folder, never, every_score=True)
        asked = dataclasses.replace(
            read, adaptive=np.arange(len(read.states)) >= 10, distributions=[{}] * len(read.states)
        )
        found = audit(audited_runs(asked, measured(asked, settings, directed=False), None))
        return pd.DataFrame([dataclasses.asdict(one) for one in found.findings])
    way = judge_runs if runs.judged else audit_source
    return way(settings, folder, never).findings


def fitting(runs: Flawed, findings: pd.DataFrame) -> pd.DataFrame:
    """The findings of the rule that name the rows and the subject that they must."""
    found = findings[findings["rule"] == runs.rule]
    if runs.rows is not None:
        shown = ", ".join(str(row) for row in runs.rows[:12])
        more = f" and {len(runs.rows) - 12} more" if len(runs.rows) > 12 else ""
        found = found[found["rows"] == shown + more]
    if runs.about is not None:
        found = found[found["about"] == runs.about]
    return found


def never(name: str) -> pd.DataFrame:
    raise AssertionError(f"the tracking store was asked for {name}")


def arms(
    rng: np.random.Generator, names: Sequence[str], seeds: int, effect: float = 0.0
) -> pd.DataFrame:
    """Arms by seeds: a share of correct answers, a loss; the last arm is better by `effect` SD."""
    luck = rng.normal(size=seeds)
    rows = []
    for arm in names:
        for seed in range(seeds):
            noise = 0.5 * luck[seed] + rng.normal() + effect * (arm == names[-1])
            rows.append(
                {
                    "model": arm,
                    "seed": seed,
                    "lr": 0.001,
                    "test_acc": 0.8 + 0.02 * noise,
                    "test_loss": 0.5 - 0.04 * noise + 0.02 * rng.normal(),
                }
            )
    return pd.DataFrame(rows)


def configurations(rng: np.random.Generator, n: int, repeats: int = 1) -> pd.DataFrame:
    """A random design over four settings, each configuration run so many times."""
    k = -(-n // repeats)
    table = pd.DataFrame(
        {
            "lr": 10 ** rng.uniform(-4, -1, k),
            "depth": rng.integers(1, 6, k),
            "dropout": rng.uniform(0, 0.5, k),
            "activation": rng.choice(["relu", "gelu", "tanh"], k),
        }
    )
    table = table.loc[np.repeat(np.arange(k), repeats)[:n]].reset_index(drop=True)
    signal = -0.5 * np.log10(table["lr"]) + 0.2 * table["depth"] - table["dropout"]
    table["test_acc"] = 0.6 + 0.05 * signal + 0.02 * rng.normal(size=n)
    return table


CONTROLLED = ("control", "wide", "deep")


def one_run_arm(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 5)
    table = table.drop(index=table.index[(table["model"] == "deep") & (table["seed"] > 0)])
    return Flawed("D01", table, [11])


def one_pair(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 1)
    chosen = {"metric": "test_acc"}
    return Flawed("D01", table, about="new", judged=True, chosen=chosen, implied=["D02"])


CLAIMS = """
study: toy
families: {{arms: {{alpha: .05, correction: {correction}}}}}
defaults: {{family: arms, metric: {{name: acc, split: test, better: higher}}, min_seeds: 2}}
hypotheses:
  wide: &claim
    kind: superiority
    question: is wide better?
    arms: {{treatment: wide, control: control}}
    test: {{primary: {test}, sides: two}}
  deep:
    <<: *claim
    question: is deep better?
    arms: {{treatment: deep, control: control}}
"""


def too_few_for_the_test(rng: np.random.Generator) -> Flawed:
    claims = CLAIMS.format(correction="holm", test="sign_flip")
    table = arms(rng, CONTROLLED, 5)
    chosen = {"metric": "test_acc"}
    return Flawed("D02", table, about="wide", claims=claims, judged=True, chosen=chosen)


def small_study(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 4)
    return Flawed("D03", table, about="new", judged=True, chosen={"metric": "test_acc"})


def lead_in_the_noise(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 24, 2)
    means = table["test_acc"].groupby(np.arange(24) // 2).mean().sort_values()
    best = int(means.index[-1])
    shift = means.iloc[-1] - means.iloc[-2] - 0.001
    table.loc[[2 * best, 2 * best + 1], "test_acc"] -= shift
    return Flawed("D04", table, [2 * best + 1, 2 * best + 2])


def best_of_noise(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 60, 2)
    table["test_acc"] = 0.8 + 0.02 * rng.normal(size=60)
    means = table["test_acc"].groupby(np.arange(60) // 2).mean().sort_values()
    best = int(means.index[-1])
    table.loc[[2 * best, 2 * best + 1], "test_acc"] -= means.iloc[-1] - means.iloc[-2] - 0.001
    return Flawed("D05", table, [2 * best + 1, 2 * best + 2])


def best_of_many_arms(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "a", "b", "c", "winner"), 8, effect=6)
    return Flawed("D05", table, about="winner", judged=True, chosen={"metric": "test_acc"})


def tuned_against_untuned(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 6)
    table["lr"] = np.where(table["model"] == "new", 10.0 ** -(1 + table["seed"]), 0.001)
    return Flawed("D06", table, about="control", chosen={"arm": "model"})


def confounded(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 5)
    table["depth"] = np.where(table["model"] == "deep", 8, 4)
    rows = list(range(11, 16))
    return Flawed("D07", table, rows, "deep", chosen={"arm": "model"})


def note_tells(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 24, 2)
    table["notes"] = np.where(np.isin(table.index, [4, 10]), "no entropy term", "")
    return Flawed("D08", table, [5, 6, 11, 12])


def two_clusters(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 12)
    fallen = (table["model"] == "new") & (table["seed"] % 3 == 0)
    table.loc[fallen, "test_acc"] -= 0.4
    rows = (np.flatnonzero(fallen) + 1).tolist()
    return Flawed("D08", table, rows, "test_acc")


def numbers_together(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 40)
    table["warmup"] = 1000 * table["lr"] * np.exp(0.1 * rng.normal(size=40))
    return Flawed("D09", table, about="lr, warmup")


def words_together(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 40)
    norm = table["activation"].map({"relu": "batch", "gelu": "layer", "tanh": "none"})
    return Flawed("D09", table.assign(norm=norm), about="activation, norm")


def sum_of_others(rng: np.random.Generator) -> Flawed:
    parts = [rng.permutation(60) for _ in range(3)]
    table = configurations(rng, 60)[["test_acc"]].assign(width=sum(parts) + rng.uniform(size=60))
    for name, part in zip(("depth", "heads", "blocks"), parts, strict=True):
        table[name] = part
    return Flawed("D09", table, about="width")


def uncorrected(rng: np.random.Generator) -> Flawed:
    claims = CLAIMS.format(correction="none", test="paired_t")
    table = arms(rng, CONTROLLED, 6)
    chosen = {"metric": "test_acc"}
    return Flawed("D10", table, about="wide, deep", claims=claims, judged=True, chosen=chosen)


def asked_by_an_optimiser(rng: np.random.Generator) -> Flawed:
    return Flawed("D16", configurations(rng, 30), list(range(11, 31)), optimiser=True)


def searched_seed(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 30).assign(seed=0, init_seed=rng.integers(0, 5, 30))
    return Flawed("D19", table, about="init_seed", optimiser=True, chosen={"seed": "seed"})


def seed_as_arm(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 6).assign(split_seed=lambda t: t["seed"] % 2)
    return Flawed(
        "D19", table, about="split_seed", chosen={"arm": "model+split_seed", "seed": "seed"}
    )


def unpaired_second_seed(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 6)
    table["init_seed"] = rng.permutation(len(table))
    return Flawed("D19", table, about="init_seed", chosen={"seed": "seed"})


def same_seed_twice(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 5)
    again = table.iloc[[3]].assign(test_acc=0.81)
    return Flawed("D18", pd.concat([table, again], ignore_index=True), [4, 16])


def copied_seed(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 6)
    table.loc[8, ["test_acc", "test_loss"]] = table.loc[10, ["test_acc", "test_loss"]]
    return Flawed("D18", table, [9, 11])


def confirmed_on_what_chose(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 8)
    table["phase"] = np.where(table["seed"] < 5, "search", "confirm")
    again = table[(table["seed"] == 2)].assign(phase="confirm")
    whole = pd.concat([table, again], ignore_index=True)
    return Flawed("D20", whole, [17, 18], chosen={"arm": "model"})


def impossible_shares(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 6).assign(n_test=250)
    table["test_acc"] = np.round(table["test_acc"] * 250) / 250
    table.loc[[4, 9], "test_acc"] += 0.0017
    return Flawed("D21", table, [5, 10], "test_acc")


def plateau(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 60)
    stuck = rng.choice(60, 20, replace=False)
    table.loc[stuck, "test_acc"] = 0.113
    return Flawed("D22", table, sorted((stuck + 1).tolist()), "test_acc")


def out_of_range(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 5)
    table.loc[6, "test_acc"] = 81.2
    return Flawed("D23", table, [7], "test_acc")


def not_measured(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 5).assign(test_f1=0.0)
    return Flawed("D23", table, about="test_f1", chosen={"metric": "test_acc+test_f1"})


def zero_in_one_arm(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 5).assign(test_score=lambda t: t["test_acc"] + 0.01)
    table.loc[5:9, "test_score"] = 0.0
    chosen = {"metric": "test_acc+test_score"}
    return Flawed("D23", table, list(range(6, 11)), "test_score", chosen=chosen)


def upside_down(rng: np.random.Generator) -> Flawed:
    names = ["control", *(f"arm{k}" for k in range(5))]
    table = arms(rng, names, 5)
    table["test_acc"] += 0.2 * table["model"].map(names.index)
    table["test_acc"] /= 2
    # A loss that grows with accuracy.
    table["test_loss"] = 1 + table["test_acc"] + 0.001 * rng.normal(size=len(table))
    return Flawed("D24", table, about="test_acc, test_loss")


def open_claim(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 8)
    return Flawed("D25", table, about="new", judged=True, chosen={"metric": "test_acc"})


def lost_in_one_arm(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 10).assign(status="finished")
    lost = (table["model"] == "new") & (table["seed"] < 7)
    table.loc[lost, "status"] = "failed"
    table.loc[lost, ["test_acc", "test_loss"]] = np.nan
    return Flawed("D27", table, list(range(11, 18)), "test_acc")


def no_value(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 6)
    table.loc[[3, 12], "test_acc"] = np.nan
    return Flawed("D27", table, [4, 13], "test_acc")


def last_and_best(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 5)
    table["best_test_acc"] = table["test_acc"] + 0.01 * rng.uniform(size=len(table))
    return Flawed("D30", table, about="test_acc", chosen={"metric": "test_acc"})


def best_on_validation(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 5).rename(columns={"test_acc": "best_val_acc"})
    return Flawed("D30", table, about="best_val_acc", chosen={"metric": "best_val_acc"})


def timed_once(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 20).assign(train_seconds=rng.uniform(10, 20, 20))
    chosen = {"metric": "test_acc+train_seconds"}
    return Flawed("D31", table, about="train_seconds", chosen=chosen)


def timed_elsewhere(rng: np.random.Generator) -> Flawed:
    table = arms(rng, ("control", "new"), 5)
    table["train_seconds"] = rng.uniform(10, 20, 10)
    table["device"] = np.where(table["model"] == "new", "a100", "v100")
    chosen = {"metric": "test_acc+train_seconds", "arm": "model"}
    return Flawed("D31", table, about="train_seconds", chosen=chosen, implied=["D07"])


def base_rate_of_elites(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 24).drop(columns="activation")
    table["test_acc"] = 0.8 + 0.02 * rng.normal(size=24)
    # Three rows of another choice, none of them good, none bad.
    middle = np.argsort(table["test_acc"])[10:13]
    table["encoder"] = np.where(np.isin(table.index, middle), "context", "cnn")
    return Flawed("D13", table, about="encoder")


def crowded_bound(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 24)[["depth"]]
    table["width"] = np.r_[rng.uniform(0.5, 0.6, 23), 3]
    table["test_acc"] = 0.8 + 0.02 * rng.normal(size=24)
    return Flawed("D14", table, about="width")


def importances_of_noise(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 24)
    table["test_acc"] = 0.8 + 0.02 * rng.normal(size=24)
    return Flawed("D15", table)


def conditional_setting(rng: np.random.Generator) -> Flawed:
    table = configurations(rng, 30)
    table["encoder"] = np.where(np.arange(30) % 3 == 2, "context", "cnn")
    table["blocks"] = np.where(table["encoder"] == "cnn", rng.integers(2, 7, 30), np.nan)
    return Flawed("D11", table, about="blocks")


def after_the_data(rng: np.random.Generator) -> Flawed:
    table = arms(rng, CONTROLLED, 6)
    return Flawed("D32", table, about="wide, deep", judged=True, chosen={"metric": "test_acc"})


RUNS: tuple[Callable[[np.random.Generator], Flawed], ...] = (
    one_run_arm,
    one_pair,
    too_few_for_the_test,
    small_study,
    lead_in_the_noise,
    best_of_noise,
    best_of_many_arms,
    tuned_against_untuned,
    confounded,
    note_tells,
    two_clusters,
    numbers_together,
    words_together,
    sum_of_others,
    uncorrected,
    asked_by_an_optimiser,
    same_seed_twice,
    copied_seed,
    searched_seed,
    seed_as_arm,
    unpaired_second_seed,
    confirmed_on_what_chose,
    impossible_shares,
    plateau,
    out_of_range,
    not_measured,
    zero_in_one_arm,
    upside_down,
    open_claim,
    lost_in_one_arm,
    no_value,
    last_and_best,
    best_on_validation,
    timed_once,
    timed_elsewhere,
    base_rate_of_elites,
    crowded_bound,
    importances_of_noise,
    conditional_setting,
    after_the_data,
)


def sound(seed: int) -> Flawed:
    """Runs without a flaw: of an even seed arms by seeds, of an odd one random configurations."""
    rng = np.random.default_rng([7, seed])
    count = int(rng.integers(1, len(METRICS) + 1))
    decimals = [None, 2, 3, 4][int(rng.integers(4))]
    examples = int(rng.choice([0, 0, 97, 360, 1000]))
    if seed % 2 == 0:
        k, seeds = int(rng.integers(2, 7)), int(rng.integers(5, 13))
        table = pd.DataFrame(
            {
                "model": np.repeat(["control", *(f"arm{j}" for j in range(1, k))], seeds),
                "seed": np.tile(np.arange(seeds), k),
                "lr": 0.001,
            }
        )
        signal = np.repeat(rng.normal(size=k), seeds) * rng.choice([0.0, 0.5, 2.0])
        signal = signal + np.tile(rng.normal(size=seeds), k) * rng.choice([0.0, 0.5])
    else:
        n, repeats = int(rng.integers(10, 301)), int(rng.choice([1, 1, 2, 3]))
        table = configurations(rng, n, repeats).drop(columns="test_acc")
        signal = 0.5 * table["depth"].to_numpy() - np.log10(table["lr"].to_numpy())
        signal = signal * rng.choice([0.0, 0.3])
    n = len(table)
    shape = rng.choice(["normal", "skewed", "heavy"])
    common = {
        "normal": rng.normal(size=n),
        "skewed": rng.gamma(2, size=n) / np.sqrt(2),
        "heavy": rng.standard_t(4, size=n) / np.sqrt(2),
    }[shape]
    for name in METRICS[:count]:
        score = signal + 0.7 * common + 0.7 * rng.normal(size=n)
        turned = -1 if name in ("test_loss", "test_rmse") else 1
        scale = 0.02 if turned == 1 else 0.05
        centre = {"test_acc": 0.7, "test_f1": 0.6, "test_loss": 1.2, "test_rmse": 2.0}[name]
        values = centre + turned * scale * score
        if turned == 1:
            values = np.clip(values, 0, 1)
        table[name] = values if decimals is None else np.round(values, decimals)
        if examples and turned == 1:
            table[name] = np.round(values * examples) / examples
        if rng.uniform() < 0.15:
            table.loc[rng.uniform(size=n) < 0.05, name] = np.nan
    return Flawed("", table, chosen={"metric": "+".join(METRICS[:count])}, judged=seed % 2 == 0)
