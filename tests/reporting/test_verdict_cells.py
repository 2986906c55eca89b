from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from labs.reporting_study import make_trials, make_verdicts
from latentlab.reporting import print_verdicts, verdict_sentence, verdict_table
from latentlab.reporting.deviations import deviations
from latentlab.reporting.figures import forest_plot
from latentlab.reporting.verdict_cells import boundaries, boundary_text, sensitivity_text

VERDICTS = make_verdicts()


def sentence(name: str) -> str:
    return verdict_sentence(VERDICTS[VERDICTS["hypothesis"] == name].to_dict("records")[0])


def test_a_supported_claim_names_its_p_with_family_and_correction() -> None:
    text = sentence("H1_less_collapse")
    assert (
        "Found: derp_vae_5 against standard_vae is better by more than 2 dimensions in "
        "active_units, adjusted p < .001 (Holm, family primary, alpha .05)." in text
    )
    assert "effect 3.12 [2.61, 3.63], unadjusted 90 % interval, 10 seeds" in text


def test_an_open_question_says_what_it_needs() -> None:
    text = sentence("H4_kl_lower")
    assert "The interval holds the boundary 0.5" in text
    assert "a true effect of 0.82 would be shown with 80 % power" in text
    assert "Needs 5 to 14 more seeds: 15 in all by the spread that was seen, 24 by its" in text


def test_an_unattainable_question_gives_its_cause_without_repeating_numbers() -> None:
    text = sentence("H6_gap_statistic")
    assert "Reason: too few to decide: n = 4 is below the minimum of 10, whatever the p" in text
    assert "80 % power" not in text
    assert "31 seeds are needed" not in text


def test_exploratory_verdicts_say_why() -> None:
    assert sentence("H7_beta_collapses").endswith(
        "Exploratory, not confirmatory: it was declared after the first matching trial had started."
    )


@pytest.mark.parametrize(
    ("skewness", "comparison", "towards"),
    [
        (-2.13, "superiority", "towards supported"),
        (2.13, "superiority", "towards refuted"),
        (2.13, "equivalence", "towards supported or refuted"),
    ],
)
def test_skewed_differences_are_told_with_what_they_do_to_the_test(
    skewness: float, comparison: str, towards: str
) -> None:
    row = VERDICTS[VERDICTS["hypothesis"] == "H1_less_collapse"].to_dict("records")[0]
    shape = {"skewness": skewness, "skewness_p": 0.003, "skewed_p_refuted": 0.7}
    tests = {"sensitivity": '{"skewed_t": 0.08}', "comparison": comparison}
    text = verdict_sentence({**row, **shape, **tests})
    assert f"(skewness {skewness:.2g}, p = .003)" in text
    assert f"errs more often than its level says, {towards}." in text
    assert "Unadjusted p with an allowance for skewness: supported .080, refuted .700." in text
    assert "skewed" not in verdict_sentence({**row, **shape, "skewness_p": 0.06})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"interval_low": 0.52}, "Smallest adjusted p: .380 (Holm, family primary, alpha .05)."),
        ({"seeds_needed": np.nan}, "No affordable number of seeds would settle an effect this"),
        ({"seeds_likely": 9, "seeds_needed": 11}, "Needs up to 1 more seed: 9 in all by the"),
        ({"seeds_likely": 11, "seeds_needed": 11}, "Needs 1 more seed (11 in all)."),
        ({"seeds_needed": 10}, "would be shown with 80 % power."),
        ({"n_unit": "trial"}, "Needs 5 to 14 more trials: 15 in all"),
        ({"effect": np.nan}, "on kl (test): no effect could be estimated."),
        ({"interval_low": np.nan}, "effect 0.4100, no interval, 10 seeds."),
        ({"cause": ""}, "Needs 5 to 14 more seeds"),
    ],
)
def test_an_open_question_says_what_is_known(changes: dict[str, object], expected: str) -> None:
    row = VERDICTS[VERDICTS["hypothesis"] == "H4_kl_lower"].to_dict("records")[0]
    text = verdict_sentence({**row, **changes})
    assert expected in text
    assert "Reason" not in text


@pytest.mark.parametrize(
    ("sensitivity", "expected"),
    [
        ('{"sign_flip": 0.031, "wilcoxon": null}', "sign_flip .031, wilcoxon -"),
        ("{}", ""),
        (np.nan, ""),
        ("not JSON", ""),
    ],
)
def test_other_tests_are_shown_as_far_as_they_can_be_read(
    sensitivity: object, expected: str
) -> None:
    assert sensitivity_text({"sensitivity": sensitivity}) == expected


def test_no_sentence_speaks_of_significance_or_of_success() -> None:
    text = " ".join(sentence(name) for name in VERDICTS["hypothesis"])
    assert "significan" not in text.lower()
    assert "success" not in text.lower()


@pytest.mark.parametrize(
    ("comparison", "boundary", "expected"),
    [
        ("superiority", 2.0, [2.0]),
        ("non_inferiority", 0.01, [-0.01]),
        ("equivalence", 0.5, [-0.5, 0.5]),
        ("trend", 0.0, [0.0]),
        ("superiority", np.nan, []),
    ],
)
def test_boundaries_lie_on_the_oriented_scale(
    comparison: str, boundary: float, expected: list[float]
) -> None:
    assert boundaries({"comparison": comparison, "boundary": boundary}) == expected


def test_an_interaction_of_equivalence_is_drawn_and_told_as_one() -> None:
    """Its kind does not say how it compares; the column does."""
    row = VERDICTS[VERDICTS["hypothesis"] == "H5_same_cost"].to_dict("records")[0]
    row |= {"kind": "interaction", "treatment": "a - b", "control": "c - d"}
    assert boundaries(row) == [-6.0, 6.0]
    assert boundary_text(row) == "between -6 and 6"
    assert "With 10 seeds a margin of 6.8 would be shown" in verdict_sentence(row)
    drawn = forest_plot(pd.DataFrame([row]))
    lines = [trace.x[0] for trace in drawn.data if trace.name == "boundary" and trace.x[0]]
    assert lines == [-6.0, 6.0]


def test_the_display_table_has_one_row_of_text_per_hypothesis() -> None:
    table = verdict_table(VERDICTS)
    assert table["hypothesis"].tolist() == VERDICTS["hypothesis"].tolist()
    assert table.map(lambda cell: isinstance(cell, str)).all().all()
    assert table["seeds needed"].tolist() == [
        *("-", "-", "-", "15 to 24", "6 to 11", "13 to 31", "-", "-", "-")
    ]
    assert table["other tests (unadjusted p)"].iloc[0] == "sign_flip .012"


def test_nullable_integers_and_missing_columns_are_read_as_unknown() -> None:
    table = VERDICTS.astype({"n": "Int64", "seeds_needed": "Int64"})
    pd.testing.assert_frame_equal(verdict_table(table), verdict_table(VERDICTS))
    bare = verdict_table(pd.DataFrame({"hypothesis": ["H"], "verdict": ["not_run"]}))
    assert bare.iloc[0]["effect"] == "-"


def test_deviations_name_every_departure_from_the_plan() -> None:
    found = deviations(make_trials(), VERDICTS)
    text = "\n".join(found)
    assert "beta_vae_2: 1 of 10 trials diverged (seed 104 at step 812)." in found
    assert "derp_vae_5_gap: no trial for seed 110, which other arms have; pairs are lost." in found
    assert "H6_gap_statistic is not settled: too few to decide: n = 4 is below the minimum" in text
    assert "H7_beta_collapses: Exploratory" in text
    assert "H8_interaction_of_probes_and_beta_on_reconstruction is invalid: arms differ" in text
    assert "H9_celeba is not run: no trial" in text
    assert "H4" not in text


def test_a_shared_reason_to_be_exploratory_is_given_once_with_its_command() -> None:
    verdicts = VERDICTS.head(3).assign(
        status="exploratory", status_reason="it was not registered", command="kedro run"
    )
    (found,) = deviations(make_trials().head(10), verdicts)
    assert found.startswith("H1_less_collapse, H2_accuracy_kept, H3_class_separation: Exploratory")
    assert found.endswith("it was not registered. To confirm, on fresh seeds: `kedro run`.")
    text = verdict_sentence(verdicts.to_dict("records")[0])
    assert text.endswith("Exploratory, not confirmatory: it was not registered.")


def test_a_decided_question_needs_no_more_seeds() -> None:
    verdicts = VERDICTS.head(3).assign(seeds_needed=40)
    assert set(verdict_table(verdicts)["seeds needed"]) == {"-"}
    out = io.StringIO()
    print_verdicts(verdicts, {}, Console(file=out, width=60))
    assert "needs" not in out.getvalue()


def test_deviations_of_a_clean_study_are_empty() -> None:
    trials = make_trials().query("arm != 'derp_vae_5_gap'").assign(status="finished")
    assert deviations(trials, VERDICTS.head(4)) == []


def test_deviations_notice_failures_devices_and_useless_pairing() -> None:
    trials = make_trials().assign(outcome="ok")
    outcome = "exit status 1: ValueError: no"
    trials.loc[0, ["status", "device", "outcome"]] = ["failed", "cuda", outcome]
    trials.loc[1, "status"] = "stopped"
    verdicts = VERDICTS.head(1).assign(pairing_correlation=-0.2)
    text = "\n".join(deviations(trials, verdicts))
    assert "standard_vae: 1 of 10 trials failed (seed 101: exit status 1)." in text
    assert " ended with the status 'stopped'." in text
    # What a program that ended well has written may hold colons: it is told whole.
    told = "scores.json: accuracy is 'x', no number"
    trials.loc[0, "outcome"] = told
    assert f"(seed 101: {told})" in "\n".join(deviations(trials, verdicts))
    unknown = "\n".join(deviations(trials.drop(columns="outcome"), verdicts))
    assert "standard_vae: 1 of 10 trials failed (seed 101)." in unknown
    assert "more than one device: cpu (58 trials), cuda (1 trial)." in text
    assert "so pairing bought nothing" in text


def printed(**options: Any) -> str:
    out = io.StringIO()
    console = Console(file=out, **options)
    print_verdicts(VERDICTS, {"report": "a[b]/index.html", "MLflow": "http://x"}, console)
    return out.getvalue()


def test_without_a_terminal_each_hypothesis_is_one_plain_line() -> None:
    lines = printed(width=60).splitlines()
    assert len(lines) == len(VERDICTS) + 3
    assert lines[0] == (
        "9 verdicts: 3 supported, 1 refuted, 3 inconclusive, 1 invalid, 1 not run; "
        "8 confirmatory, 1 exploratory, 0 deviated."
    )
    asked = VERDICTS["question"].iloc[0].rstrip(".")
    begin = f"supported     H1_less_collapse: {asked}; effect 3.12 [2.61, 3.63]"
    assert lines[1].lower().startswith(begin.lower())
    assert "3.63] (unadjusted 90 % interval), claim holds above 2; adjusted p" in lines[1]
    assert "(unadjusted 90 % interval), claim holds between -6 and 6; adj" in lines[5]
    assert lines[4].endswith("needs 5 to 14 more")
    assert lines[-2] == "report  a[b]/index.html"
    assert "\x1b" not in "".join(lines)


def test_a_ratio_is_shown_with_its_unit_wherever_it_stands() -> None:
    row = VERDICTS[VERDICTS["hypothesis"] == "H4_kl_lower"].to_dict("records")[0]
    row |= {"unit": "% of control mean"}
    assert boundary_text(row) == "above 0.5 % of control mean"
    assert verdict_table(pd.DataFrame([row]))["effect"].iloc[0].endswith("] % of control mean")
    text = verdict_sentence(row)
    assert "] % of control mean, unadjusted 90 % interval, 10 seeds." in text
    assert "holds the boundary 0.5 % of control mean" in text
    assert "true effect of 0.82 % of control mean would be shown" in text


CERTAIN_AND_OPEN = "too few to decide: n = 4 is below the minimum of 10, whatever the p-value"


@pytest.mark.parametrize("options", [{"width": 60}, {"width": 200, "force_terminal": True}])
def test_a_certain_p_beside_an_open_verdict_is_explained_where_it_is_printed(
    options: dict[str, Any],
) -> None:
    row = {"p_supported_adjusted": 0.0002, "interval_low": 0.008}
    open_one = VERDICTS[VERDICTS["hypothesis"] == "H6_gap_statistic"].assign(**row)
    out = io.StringIO()
    print_verdicts(open_one, {}, Console(file=out, **options))
    assert "< .001 (supported)" in out.getvalue()
    assert CERTAIN_AND_OPEN in out.getvalue()
    said = verdict_sentence(open_one.to_dict("records")[0])
    assert (
        f"Smallest adjusted p: < .001 (Holm, family primary, alpha .05). Reason: {CERTAIN_AND_OPEN}"
        in said
    )


def test_in_a_terminal_the_verdict_is_coloured_and_comes_first() -> None:
    lines = printed(width=140, force_terminal=True).splitlines()
    row = next(line for line in lines if "H1_less_collapse" in line)
    assert row.startswith("\x1b[1;34msupported")
    assert "claim holds above 2" in "".join(lines)
    assert any(VERDICTS["question"].iloc[0].split()[0] in line for line in lines)
    assert "a[b]/index.html" in lines[-2]


LOOKED = {"look": 2.0, "looks": 4.0, "stagewise_p": 0.0042, "seeds_saved": 10.0}


def looked(name: str, **changes: object) -> dict[str, object]:
    """A row of verdict that fell at the second of four looks."""
    return {**VERDICTS[VERDICTS["hypothesis"] == name].to_dict("records")[0], **LOOKED, **changes}


def test_a_verdict_at_a_look_says_where_it_fell_and_warns_of_its_effect() -> None:
    text = verdict_sentence(looked("H1_less_collapse"))
    assert "Decided at look 2 of 4, stage-wise p = .004." in text
    assert "10 seeds before the last look; effects that are decided early tend to be over" in text
    last = verdict_sentence(looked("H1_less_collapse", look=4.0, seeds_saved=0.0))
    assert "Decided at look 4 of 4" in last
    assert "overestimated" not in last


def test_an_open_claim_says_its_look_and_one_without_looks_says_nothing() -> None:
    assert "Open at look 2 of 4." in verdict_sentence(looked("H4_kl_lower"))
    assert " look " not in sentence("H1_less_collapse") + sentence("H4_kl_lower")


def test_in_the_terminal_the_next_command_has_no_marks() -> None:
    output = io.StringIO()
    print_verdicts(VERDICTS.assign(command="kedro run"), {}, Console(file=output, width=250))
    assert output.getvalue().splitlines()[-1].endswith(": kedro run")
    assert "`" not in output.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_the_terminal_says_that_it_is_another_attempt(terminal: bool) -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=250)
    print_verdicts(VERDICTS.head(2).assign(attempt=[2, 1]), {}, console)
    assert output.getvalue().count("attempt") == 1
    assert "attempt 2, which pays for those before" in output.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_the_terminal_says_at_which_look_a_claim_was_decided(terminal: bool) -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=250)
    print_verdicts(pd.DataFrame([looked("H1_less_collapse")]), {}, console)
    assert "decided at look 2 of 4" in output.getvalue()
