"""The table that a report begins with, and the picture in each of its rows."""

from __future__ import annotations

import math

import pytest

from labs.reporting_study import make_verdicts
from latentlab.reporting.claims import claim_table, unfoldings
from latentlab.reporting.forest_row import claimed_ranges, forest_row
from latentlab.reporting.verdict_cells import verdict_rows
from latentlab.reporting.verdict_prose import verdict_sentence

ROWS = {row["hypothesis"]: row for row in verdict_rows(make_verdicts())}


def test_a_row_says_what_was_claimed_and_found_and_how_many_seeds_are_missing() -> None:
    shown = claim_table(make_verdicts()).map(str)
    shown.columns = [str(name).partition(" (")[0] for name in shown.columns]
    assert shown.iloc[3].to_dict() == {
        "Verdict": "Inconclusive (confirmatory)",
        "Claim": "Probes lower the KL divergence by at least half a nat",
        "Claim holds": "above 0.5",
        "Effect": "0.41 [-0.12, 0.94]",
        "n": "10 seeds",
        "Adjusted p": ".380 (to be refuted)",
        "More seeds": "5 to 14",
    }
    assert shown["Adjusted p"].iloc[0] == "< .001"
    assert "arms differ in the undeclared factor optimiser.lr" in shown["Claim"].iloc[7]
    assert shown["Effect"].iloc[8] == "-"


def test_nothing_that_is_known_of_a_claim_is_left_out_of_what_it_unfolds_to() -> None:
    first, *_, last = unfoldings(make_verdicts(), "claim", verdict_sentence)
    assert first.title == "H1_less_collapse: derp_vae_5 against standard_vae on active_units (test)"
    said = " ".join(map(str, first.facts.values()))
    for known in (
        "d_z = 0.7",
        "above 2",
        "refuted 1.000",
        "Holm, family primary",
        "sign_flip .012",
    ):
        assert known in said
    assert last.facts == {}
    twice = make_verdicts().head(2).assign(hypothesis=["a b", "a/b"])
    anchors = [one.anchor for one in unfoldings(twice, "claim", verdict_sentence)]
    assert anchors == ["claim-a-b", "claim-a-b-2"]


@pytest.mark.parametrize(
    ("comparison", "boundary", "expected"),
    [
        ("superiority", 2.0, [(2.0, math.inf)]),
        ("non_inferiority", 0.01, [(-0.01, math.inf)]),
        ("equivalence", 0.5, [(-0.5, 0.5)]),
        ("difference", 0.5, [(-math.inf, -0.5), (0.5, math.inf)]),
        ("difference", 0.0, [(-math.inf, 0.0), (0.0, math.inf)]),
        ("superiority", math.nan, []),
    ],
)
def test_where_a_claim_holds(
    comparison: str, boundary: float, expected: list[tuple[float, float]]
) -> None:
    assert claimed_ranges({"comparison": comparison, "boundary": boundary}) == expected


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row["n"]])
def test_a_picture_is_to_scale_with_zero_in_the_middle(name: str) -> None:
    row = ROWS[name]
    drawn = forest_row(row)
    assert drawn is not None
    unit = (drawn.effect - 50) / row["effect"]
    (bound,) = drawn.boundaries[-1:]
    sign = -1 if row["comparison"] == "non_inferiority" else 1
    assert bound == pytest.approx(50 + sign * unit * row["boundary"], abs=0.2)
    assert drawn.interval is not None
    assert drawn.interval[0] == pytest.approx(50 + unit * row["interval_low"], abs=0.2)
    assert all(0 <= place <= 100 for place in (drawn.effect, *drawn.interval))
    # The effect lies in what is shaded where the claim holds of it.
    inside = any(start <= drawn.effect <= start + width for start, width in drawn.claimed)
    assert inside == any(low <= row["effect"] <= high for low, high in claimed_ranges(row))
    assert drawn.said.startswith("Effect ")


def test_an_open_end_reaches_the_edge_and_no_effect_draws_nothing() -> None:
    drawn = forest_row(ROWS["H7_beta_collapses"])
    assert drawn is not None
    assert drawn.interval is not None
    assert (drawn.interval[1], drawn.is_open) == (100.0, (False, True))
    assert forest_row(ROWS["H9_celeba"]) is None
