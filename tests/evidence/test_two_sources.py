"""Claims that are to hold for other seeds and other examples, from scores to sentences."""

import copy

import numpy as np
import pandas as pd
import pytest

from latentlab.core.errors import UserError
from latentlab.evidence.assessment import Level
from latentlab.evidence.checks import misfits
from latentlab.evidence.decisions import decide
from latentlab.evidence.departures import departures
from latentlab.evidence.hypotheses import read_hypotheses
from latentlab.evidence.margins import Boundary
from latentlab.evidence.planning import plan, plan_two_sources
from latentlab.evidence.pooled_verdicts import judge_pooled
from latentlab.evidence.statements import statements
from latentlab.evidence.tables import Examples
from latentlab.evidence.two_sources import TwoSources
from latentlab.evidence.verdicts import judge
from latentlab.metrics.metric import Metric
from latentlab.reporting.verdict_prose import verdict_sentence
from latentlab.statistics.two_way import two_way_mean

BOTH = ["seeds", "examples"]
METRICS = {
    "accuracy": Metric("accuracy", "higher", "share", "hits", 0, 1, per_example=True),
    "loss": Metric("loss", "lower", "nats", "mean loss", 0, per_example=True),
    "nmi": Metric("nmi", "higher", "share", "information", 0, 1),
}
SEEDS, EXAMPLES = 6, 40
LEVEL = Level("one", interval=0.9, one_sided=0.05, min_seeds=5)


def claim(**changes):
    return {
        "kind": "superiority",
        "question": "the new one is better",
        "metric": {"name": "loss", "split": "test"},
        "arms": {"treatment": "new", "control": "old"},
        "varies": ["objective"],
        "family": "primary",
        "generalises_to": BOTH,
    } | changes


def hypotheses(stopping=None, defaults=None, **claims):
    contents = {"study": "toy", "families": {"primary": {}}, "hypotheses": claims}
    contents |= {"stopping": stopping} if stopping else {}
    contents |= {"defaults": defaults} if defaults else {}
    return read_hypotheses(copy.deepcopy(contents), "hypotheses.yml")


def drawn(arms, seed=0, noise=0.3, hard=0.5):
    """Per arm values [seeds, examples] about a mean; examples are as hard for all arms."""
    rng = np.random.default_rng(seed)
    difficulty = 2 + rng.normal(0, 1, (1, EXAMPLES))
    return {
        arm: difficulty
        + mean
        + rng.normal(0, 0.1, (SEEDS, 1))
        + rng.normal(0, hard, (1, EXAMPLES))
        + rng.normal(0, noise, (SEEDS, EXAMPLES))
        for arm, mean in arms.items()
    }


def study(values, metric="loss", split="test"):
    """Scores, trials, and where the values of single examples are."""
    scores, trials, kept = [], [], {}
    for number, (arm, table) in enumerate(values.items()):
        for seed, row in enumerate(table):
            trial = {"trial_id": f"{arm}-{seed}", "arm": arm, "seed": seed}
            config = {"objective": {"arm": number}}
            trials.append(trial | {"status": "finished", "started_at": None, "config": config})
            scores.append(
                {"trial_id": f"{arm}-{seed}", "split": split, "metric": metric, "value": row.mean()}
            )
            kept[f"{arm}-{seed}"] = {f"test/{metric}": row.astype(np.float32)}
    return pd.DataFrame(scores), pd.DataFrame(trials), kept


def judged(declared, values, kept=None, groups=None, **named):
    scores, trials, own = study(values, **named)
    examples = (own if kept is None else kept).get
    return judge(scores, declared, METRICS, trials, examples=Examples(examples, groups or {}))


def test_the_verdict_is_that_of_the_table_and_says_how_it_divides():
    values = drawn({"new": -0.5, "old": 0.0})
    both, alone = (
        judged(hypotheses(H=claim(generalises_to=to)), values).iloc[0] for to in (BOTH, "seeds")
    )
    table = two_way_mean(values["old"], values["new"])
    assert both["effect"] == pytest.approx(alone["effect"], rel=1e-6)
    assert both["estimate"] == pytest.approx(-both["effect"])
    assert both["p_supported"] == pytest.approx(float(table.p("greater")), rel=1e-4)
    assert [both["interval_low"], both["interval_high"]] == pytest.approx(
        list(table.interval(0.9)), rel=1e-5
    )
    assert both["interval_low"] < alone["interval_low"]
    assert both["examples"] == EXAMPLES
    assert both["examples_share"] == pytest.approx(float(table.examples_share), rel=1e-4)
    assert f'"paired_t over seeds alone": {alone["p_supported"]}' in both["sensitivity"]
    share = round(100 * float(table.examples_share))
    said = verdict_sentence(both)
    assert f"Seeds {100 - share} %, examples {share} %: more seeds alone cannot make it" in said
    assert f"narrower than +- {table.narrowest(0.9):.2g}." in said
    assert "6 seeds x 40 examples" in said
    assert "examples" not in verdict_sentence(alone)


def test_higher_and_lower_mirror_each_other():
    values = drawn({"new": -0.3, "old": 0.0})
    lower = TwoSources(*values.values(), "superiority", Boundary(0.1), lower_is_better=True)
    higher = TwoSources(*(-v for v in values.values()), "superiority", Boundary(0.1))
    for one, other in zip(lower.evidence(), higher.evidence(), strict=True):
        assert one == pytest.approx(other)


@pytest.mark.parametrize("kind", ["superiority", "non_inferiority"])
def test_a_relative_boundary_has_the_interval_of_its_test(kind):
    values = drawn({"new": -0.3, "old": 0.0})
    key = "min_effect" if kind == "superiority" else "margin"
    row = judged(hypotheses(H=claim(kind=kind, **{key: "5% of control mean"})), values).iloc[0]
    assert row["effect"] == pytest.approx(
        100 * (1 - values["new"].mean() / values["old"].mean()), rel=1e-5
    )
    for end, side in (("interval_low", "p_supported"), ("interval_high", "p_refuted")):
        at = row[end] if kind == "superiority" else -row[end]
        if at <= 0:
            continue
        moved = judged(
            hypotheses(H=claim(kind=kind, **{key: f"{at:.12f}% of control mean"})), values
        ).iloc[0]
        assert moved[side] == pytest.approx(0.05, rel=1e-4)


def test_an_interaction_is_judged_over_examples_too():
    values = drawn({"ab": 1.0, "a": 0.2, "b": 0.3, "none": 0.0})
    arms = {"both": "ab", "first_only": "a", "second_only": "b", "neither": "none"}
    declared = hypotheses(H=claim(kind="interaction", arms=arms))
    row = judged(declared, values).iloc[0]
    table = two_way_mean(values["b"] - values["none"], values["ab"] - values["a"])
    assert row["p_supported"] == pytest.approx(float(table.p("greater")), rel=1e-4)
    assert row["examples"] == EXAMPLES


def test_examples_that_each_seed_draws_are_a_part_of_its_variance():
    values = drawn({"new": -0.5, "old": 0.0})
    metric = {"name": "loss", "split": "validation"}
    rows = [
        judged(hypotheses(H=claim(metric=metric, generalises_to=to)), values, split="validation")
        for to in (BOTH, "seeds")
    ]
    nested, alone = (row.iloc[0] for row in rows)
    assert nested["p_supported"] == alone["p_supported"]
    said = verdict_sentence(nested)
    assert "Each seed has validation examples of its own, so its variance holds both" in said


def test_values_that_are_not_there_or_are_others_are_named():
    values = drawn({"new": -0.5, "old": 0.0})
    declared, (_, _, kept) = hypotheses(H=claim()), study(values)
    row = judged(declared, values, kept={}).iloc[0]
    assert row["verdict"] == "invalid"
    assert "no values of single examples are kept (first: new seed 0); the stage" in row["cause"]
    moved = kept | {"old-2": {"test/loss": kept["old-2"]["test/loss"] + 0.01}}
    cause = judged(declared, values, kept=moved).iloc[0]["cause"]
    assert cause == "the values of single examples of trial old-2 do not give its test/loss"
    shorter = {t: {"test/loss": v["test/loss"]} for t, v in kept.items()}
    shorter["old-2"] = {"test/loss": np.full(3, values["old"][2].mean())}
    assert "unlike examples" in judged(declared, values, kept=shorter).iloc[0]["cause"]


def test_examples_that_belong_together_count_as_one_group():
    values = drawn({"new": -0.5, "old": 0.0})
    groups = np.arange(EXAMPLES) // 3
    row, alone = (
        judged(hypotheses(H=claim()), values, groups=known).iloc[0]
        for known in ({"test": groups}, {"test": np.arange(EXAMPLES)})
    )
    table = two_way_mean(values["old"], values["new"], groups)
    assert row["p_supported"] == pytest.approx(float(table.p("greater")), rel=1e-4)
    assert (row["effect"], row["examples"], row["example_groups"]) == (alone["effect"], 40, 14)
    assert "6 seeds x 40 examples in 14 groups" in verdict_sentence(row)
    own = judged(hypotheses(H=claim()), values).iloc[0]
    pd.testing.assert_series_equal(own, alone)
    few = judged(hypotheses(H=claim()), values, groups={"test": groups > 0}).iloc[0]
    assert few["verdict"] == "invalid"
    assert few["cause"] == (
        "its 40 examples belong to 2 groups, which count for 1.2 of equal size; other examples are "
        "known from 2 on"
    )


def test_examples_that_a_metric_leaves_out_are_in_no_group():
    values = drawn({"new": -0.5, "old": 0.0})
    groups, members = np.arange(EXAMPLES) // 2, np.arange(EXAMPLES) % 2 == 0
    left = {arm: np.where(members, table, np.nan) for arm, table in values.items()}
    scores, trials, kept = study({arm: table[:, members] for arm, table in values.items()})
    for arm, table in left.items():
        for seed, own in enumerate(table):
            kept[f"{arm}-{seed}"] = {"test/loss": own.astype(np.float32)}
    examples = Examples(kept.get, {"test": groups})
    row = judge(scores, hypotheses(H=claim()), METRICS, trials, examples=examples).iloc[0]
    assert row["examples"] == members.sum()
    assert pd.isna(row["example_groups"])
    kept["old-2"] = {"test/loss": values["old"][2].astype(np.float32)}
    row = judge(scores, hypotheses(H=claim()), METRICS, trials, examples=examples).iloc[0]
    assert "do not give its test/loss" in row["cause"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"test": {"primary": "sign_flip"}}, "test.primary: sign_flip"),
        ({"pairing": "none", "test": {"primary": "welch_t"}}, "test.primary: welch_t"),
        ({"missing": "worst_value"}, "missing: worst_value"),
        ({"generalises_to": "examples"}, "write seeds, or [seeds, examples]"),
        ({"generalises_to": "all"}, "there is no 'all'"),
    ],
)
def test_what_is_not_worked_out_is_refused_by_name(changes, said):
    with pytest.raises(UserError, match=r"hypotheses\.H") as error:
        hypotheses(H=claim(**changes))
    assert said in str(error.value)


def test_metrics_without_values_and_looks_are_refused_by_name():
    looks = {"design": "group_sequential", "looks": [5, 10], "spending": "pocock"}
    declared = hypotheses(
        stopping=looks, H=claim(metric={"name": "nmi", "split": "test"}, min_seeds=5)
    )
    found = [str(one) for one in misfits(declared, ["new", "old"], METRICS, range(10))]
    assert found == [
        "hypothesis H: generalises_to: nmi is no mean over examples whose values are kept. "
        "Write generalises_to: seeds for it, or one of accuracy, loss",
        "hypothesis H: generalises_to: looks are not worked out for [seeds, examples]. "
        "Write generalises_to: seeds for it, or leave stopping out",
    ]


def test_a_default_holds_for_claims_that_compare_arms():
    trend = {
        "kind": "association",
        "question": "loss falls",
        "metric": {"name": "loss", "split": "test"},
        "family": "primary",
        "against": {"factor": "width"},
        "direction": "negative",
    }
    own = claim()
    del own["generalises_to"]
    declared = hypotheses(defaults={"generalises_to": BOTH}, H=own, T=trend)
    assert declared.hypotheses["H"].population == ("seeds", "examples")
    assert declared.hypotheses["T"].population == ("seeds",)


def test_a_change_of_it_departs_and_the_default_is_not_written():
    then, now = (hypotheses(H=claim(generalises_to=to)) for to in ("seeds", BOTH))
    assert "generalises_to" not in statements(then, METRICS)["H"].claim
    assert statements(now, METRICS)["H"].claim["generalises_to"] == BOTH
    registered = registration(then), registration(now)
    assert departures(registered[1], registered[0], "H") == [
        "its generalises_to is ['seeds', 'examples'], registered not set"
    ]


def test_other_groups_depart_where_a_claim_is_about_other_examples():
    declared = hypotheses(H=claim(), S=claim(generalises_to=["seeds"]))
    then, now = (registration(declared, grouping) for grouping in ("", "abc"))
    assert departures(now, then, "H") == ["its groups is abc, registered not set"]
    assert departures(now, then, "S") == []


def registration(declared, grouping=""):
    from latentlab.evidence.registration import Declared

    return Declared(
        subject="toy",
        fingerprint="f",
        precision="float32",
        versions={},
        seeds=[0],
        arms={},
        claims=statements(declared, METRICS, grouping),
    )


def test_it_is_not_pooled():
    scores, trials, _ = study(drawn({"new": -0.5, "old": 0.0}))
    table = scores.merge(trials, on="trial_id")
    verdicts = judge_pooled(
        {"a": table, "b": table}, hypotheses(H=claim()), {"H": ["a", "b"]}, METRICS
    )
    assert verdicts["verdict"].tolist() == ["not_run"]
    assert "generalise to seeds alone" in verdicts["cause"].iloc[0]


def test_without_a_part_of_examples_the_plan_is_that_of_paired_seeds():
    differences = np.array([0.3, 0.1, 0.4, -0.1, 0.2])
    known = two_way_mean(np.repeat(differences[:, None], 50, axis=1), np.zeros((5, 50)))
    spread, mean = float(differences.std(ddof=1)), float(differences.mean())
    for comparison, offset, boundary in (
        ("superiority", mean, 0.0),
        ("equivalence", mean, 0.5),
        ("equivalence", mean, 0.1),
    ):
        detectable, needed = plan(comparison, 5, spread, offset, boundary, LEVEL, paired=True)
        found = plan_two_sources(comparison, known, boundary, LEVEL)
        assert found[0] == pytest.approx(detectable)
        assert found[1] == needed.at_least(LEVEL.min_seeds)


def test_seeds_alone_do_not_settle_what_the_examples_leave_open():
    values = drawn({"new": -0.08, "old": 0.0}, noise=0.1, hard=0.6)
    row = judged(hypotheses(H=claim()), values).iloc[0]
    assert row["verdict"] == "inconclusive"
    assert pd.isna(row["seeds_needed"])
    assert "No affordable number of seeds would settle an effect this small on these examples" in (
        verdict_sentence(row)
    )


NOISES = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, size=shape),
    "skewed": lambda rng, shape: rng.exponential(size=shape) - 1,
    "ties": lambda rng, shape: rng.integers(-1, 2, size=shape).astype(float),
}


@pytest.mark.parametrize("noise", NOISES)
def test_no_more_false_verdicts_than_declared(noise):
    """Families of four, all at the boundary, and one real effect beside three of none."""
    rng, studies = np.random.default_rng(8), 3_000
    draw, shape = NOISES[noise], (4 * studies, 5, 24)
    table = 0.5 * draw(rng, (*shape[:2], 1)) + draw(rng, (shape[0], 1, shape[2]))
    table = table + draw(rng, shape)
    table[::4] += 2.0
    # The limit of .055, with three standard errors; skew of seeds cannot be seen from five.
    limit = 0.055 + 3 * np.sqrt(0.05 * 0.95 / studies) + (0.06 if noise == "skewed" else 0.0)
    null = np.arange(len(table)) % 4 > 0
    for shift, wrong in ((0.0, null), (-2.0 * ~null[:, None, None], np.full_like(null, True))):
        own = TwoSources(table + shift, np.zeros(shape), "superiority", Boundary(0.0))
        supported, refuted = (p.reshape(studies, 4) for p in own.evidence())
        decision = decide(
            supported,
            refuted,
            alpha=0.05,
            correction="holm",
            attainable=np.zeros(4),
            enough_seeds=np.full(4, True),
        )
        for verdict in ("supported", "refuted"):
            false = (decision.verdict == verdict) & wrong.reshape(studies, 4)
            assert false.any(axis=1).mean() <= limit
