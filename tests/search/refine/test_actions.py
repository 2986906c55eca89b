"""What is done about parameters that matter, and that nothing is done about the others."""

import numpy as np
import pytest

from labs.refinement import PARAMETERS, random_table, refined_table, table_of
from latentlab.search.refine import AGGRESSIVE
from latentlab.search.screening import NullDistribution

NULL = NullDistribution(permutations=499)
MODES = ("conservative", "aggressive")
SPARE = {"spare": {"type": "float", "low": 0.0, "high": 1.0}}


def refined(parameters, truth, mode, **others):
    return refined_table(random_table(parameters | SPARE, truth, **others), mode, NULL)


def test_a_better_choice_is_fixed_or_a_candidate():
    def truth(row):
        return 3.0 * (row["encoder"] == "cnn")

    fixed = refined(PARAMETERS, truth, "aggressive")
    decision = fixed.of("encoder")
    assert (decision.action, decision.direction, decision.after) == ("fix", "cnn", "cnn")
    assert fixed.space.fixed["encoder"] == "cnn"
    # Its condition always holds now.
    assert fixed.space.parameters["depth"].when == {}
    kept = refined(PARAMETERS, truth, "conservative")
    assert kept.of("encoder").action == "candidate"
    assert kept.of("encoder").compare == ("cnn", "context")
    assert kept.space.parameters == random_table(PARAMETERS | SPARE, truth).space.parameters


def test_a_parameter_whose_condition_is_gone_is_dropped():
    found = refined(PARAMETERS, lambda row: 3.0 * (row["encoder"] == "context"), "aggressive")
    assert found.of("encoder").after == "context"
    assert found.of("depth").action == "drop"
    assert "depth" not in found.space.parameters


FOUR = {"kind": {"type": "categorical", "choices": ["a", "b", "c", "d"]}}


def test_worse_choices_are_pruned_and_good_ones_stay():
    worth = {"a": 0.0, "b": 0.0, "c": -4.0, "d": -4.0}
    for mode in MODES:
        found = refined(FOUR, lambda row: worth[row["kind"]], mode)
        assert found.of("kind").action == "prune"
        assert found.space.parameters["kind"].choices == ("a", "b")


def test_a_condition_forgets_pruned_choices():
    tree = FOUR | {
        "x": {"type": "float", "low": 0.0, "high": 1.0, "when": {"kind": ["a", "c"]}},
        "y": {"type": "float", "low": 0.0, "high": 1.0, "when": {"kind": ["c", "d"]}},
    }
    worth = {"a": 0.0, "b": 0.0, "c": -4.0, "d": -4.0}
    found = refined(tree, lambda row: worth[row["kind"]], "aggressive")
    assert found.space.parameters["x"].when == {"kind": "a"}
    assert found.of("y").action == "drop"


def test_a_choice_that_was_never_tried_is_not_judged():
    rows = [{"kind": "ab"[k % 2]} for k in range(30)]
    scores = [3.0 * (k % 2) + k / 100 for k in range(30)]
    found = refined_table(table_of(FOUR, rows, scores), "aggressive", NULL)
    assert found.space.parameters["kind"].choices == ("b", "c", "d")


WIDTH = {"width": {"type": "float", "low": 0.5, "high": 3.0}}


def test_elites_at_a_bound_move_it_and_raise_the_floor():
    found = refined(WIDTH, lambda row: 4 * row["width"], "aggressive")
    width = found.space.parameters["width"]
    assert found.of("width").action == "expand"
    assert found.of("width").direction == "increase"
    assert width.high == 4.5
    assert 0.5 < width.low < 3.0
    margins = [
        refined(WIDTH, lambda row: 4 * row["width"], mode).space.parameters["width"].low
        for mode in MODES
    ]
    # The conservative margin is wider.
    assert margins[0] < margins[1]


def test_a_bound_that_cannot_move_is_fixed_or_a_candidate():
    limited = {"dropout": {"type": "float", "low": 0.0, "high": 0.5}}
    found = refined(limited, lambda row: -12 * row["dropout"], "aggressive")
    assert found.of("dropout").action == "fix to bound"
    assert found.space.fixed == {"dropout": 0.0}
    kept = refined(limited, lambda row: -12 * row["dropout"], "conservative")
    assert kept.of("dropout").action == "candidate"
    assert kept.of("dropout").compare == (0.0, 0.25)
    hard = {"dropout": {"type": "float", "low": 0.1, "high": 0.9, "hard": {"max": 0.9}}}
    found = refined(hard, lambda row: 12 * row["dropout"], "aggressive")
    assert found.space.fixed == {"dropout": 0.9}


def test_a_hard_limit_beyond_the_bound_is_reached_and_not_passed():
    hard = {"dropout": {"type": "float", "low": 0.1, "high": 0.8, "hard": {"max": 1.0}}}
    found = refined(hard, lambda row: 12 * row["dropout"], "aggressive")
    assert found.space.parameters["dropout"].high == 1.0


def test_an_optimum_inside_narrows_both_ends():
    rate = {"rate": {"type": "float", "low": 1e-5, "high": 1e-1, "log": True}}
    found = refined(rate, lambda row: -4 * (np.log10(row["rate"]) + 3) ** 2, "aggressive")
    decision, after = found.of("rate"), found.space.parameters["rate"]
    assert (decision.action, decision.direction) == ("narrow", "interior")
    assert 1e-5 < after.low < 1e-3 < after.high < 1e-1
    assert after.log


def test_an_optimum_far_from_the_bound_narrows_one_end_only():
    def truth(row):
        return -30 * max(0.55 - row["x"], 0)

    found = refined({"x": {"type": "float", "low": 0.0, "high": 1.0}}, truth, "aggressive", n=80)
    after = found.space.parameters["x"]
    assert after.low > 0.3
    assert after.high >= 1.0


def test_ordered_choices_lose_their_worse_end():
    batch = {"batch": {"type": "categorical", "choices": [8, 16, 32, 64, 128], "ordered": True}}

    def truth(row):
        return -3.0 * [8, 16, 32, 64, 128].index(row["batch"])

    after = {mode: refined(batch, truth, mode) for mode in MODES}
    for found in after.values():
        assert found.of("batch").action == "prune"
        assert found.of("batch").direction == "decrease"
    aggressive, conservative = (
        after[mode].space.parameters["batch"].choices for mode in ("aggressive", "conservative")
    )
    # All elites have 8 or 16; the conservative space keeps the neighbour.
    assert (aggressive, conservative) == ((8, 16), (8, 16, 32))


@pytest.mark.parametrize("seed", range(6))
def test_conservative_never_fixes_a_value(seed):
    rng = np.random.default_rng(seed)
    weights = dict(zip(PARAMETERS, rng.normal(scale=4, size=len(PARAMETERS)), strict=True))

    def truth(row):
        score = weights["encoder"] * (row["encoder"] == "cnn")
        score += weights["width"] * row["width"] + 20 * weights["depth"] * row["label_smoothing"]
        return score + weights["use_scheduler"] * row["use_scheduler"]

    table = random_table(PARAMETERS, truth, seed=seed)
    found = refined_table(table, "conservative", NULL)
    assert found.changed
    assert found.space.fixed == {}
    assert set(found.space.parameters) == set(table.space.parameters)
    candidates = [one for one in found.decisions if one.action == "candidate"]
    assert all(one.compare is not None and one.change is None for one in candidates)


def test_a_candidate_carries_its_command():
    found = refined_table(
        random_table(PARAMETERS, lambda row: 3.0 * row["use_scheduler"]),
        "conservative",
        NULL,
        command=lambda name, new, old: f"compare {name}: {new} {old}",
    )
    assert found.of("use_scheduler").command == "compare use_scheduler: True False"


def test_noise_that_goes_along_with_an_effect_is_kept():
    # b copies a, and does nothing itself.
    switches = {n: {"type": "categorical", "choices": [False, True]} for n in "ab"}
    rng = np.random.default_rng(0)
    a = rng.random(60) < 0.5
    b = np.where(rng.random(60) < 0.15, ~a, a)
    rows = [{"a": bool(x), "b": bool(y)} for x, y in zip(a, b, strict=True)]
    found = refined_table(
        table_of(switches, rows, 3.0 * a + rng.normal(size=60)), "aggressive", NULL
    )
    assert found.of("a").action == "fix"
    decision = found.of("b")
    assert decision.p < 0.01 < AGGRESSIVE.alpha < decision.p_corrected
    assert decision.tier == "open"
    assert decision.action == "keep"
    assert "given a" in decision.reason


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("rows", "scores", "outcomes", "reason"),
    [
        ([], [], {}, "0 configurations"),
        ([{"x": 0.5}], [1.0], {}, "1 configuration;"),
        ([{"x": k / 4} for k in range(4)], [1.0, 2, 3, 4], {}, "4 configurations"),
        ([{"x": k / 9} for k in range(9)], [1.0] * 9, {}, "all scores are equal"),
        ([{"x": 0.5}] * 9, list(range(9)), {}, "a single value"),
        ([{"x": k / 9} for k in range(9)], list(range(9)), {"state": "failed"}, "0 config"),
    ],
)
def test_where_there_is_nothing_to_compare_everything_is_kept(mode, rows, scores, outcomes, reason):
    table = table_of({"x": {"type": "float", "low": 0.0, "high": 1.0}}, rows, scores, **outcomes)
    found = refined_table(table, mode, NULL)
    assert not found.changed
    assert found.space == table.space
    assert reason in found.of("x").reason


def test_a_single_parameter_is_a_family_of_one():
    found = refined_table(random_table(WIDTH, lambda row: 3 * row["width"]), "aggressive", NULL)
    assert found.of("width").p_corrected == found.of("width").p
    assert found.of("width").action == "expand"


def test_a_plateau_has_no_elites_and_is_said_so():
    rows = [{"x": k / 20} for k in range(20)]
    scores = [0.0] * 6 + [1.0] * 14
    table = table_of({"x": {"type": "float", "low": 0.0, "high": 1.0}}, rows, scores)
    found = refined_table(table, "aggressive", NULL)
    assert found.of("x").elites == 0
    assert "plateau" in found.of("x").share
    assert found.of("x").action == "keep"


def test_too_few_null_replicates_change_nothing_and_say_so():
    table = random_table(WIDTH, lambda row: 9 * row["width"])
    found = refined_table(table, "conservative", NullDistribution(permutations=20))
    assert not found.changed
    assert "20 cannot show a p of 0.02" in found.of("width").would_change_if


def test_more_of_the_same_is_what_would_change_a_decision():
    found = refined_table(
        random_table(WIDTH, lambda row: 0.5 * row["width"], n=24), "aggressive", NULL
    )
    decision = found.of("width")
    assert decision.action == "keep"
    assert decision.would_change_if.startswith("about ")


def test_the_frame_has_a_row_for_each_parameter():
    found = refined_table(random_table(PARAMETERS, lambda row: 0.0), "aggressive", NULL)
    frame = found.frame()
    assert list(frame["parameter"]) == list(PARAMETERS)
    assert (frame[["reason", "would_change_if", "rule"]] != "").all().all()
