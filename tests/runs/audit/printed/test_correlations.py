"""The report's figures, recomputed from what it prints."""

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from latentlab.runs.audit.printed.correlations import (
    check_correlations,
    consistent_n,
    textbook_p,
)
from latentlab.runs.audit.printed.declared import PrintedCorrelations

REPORT = [
    ("batch_size", -0.669, 0.001, 20, "decrease helps"),
    ("depth", 0.479, 0.071, 15, "increase helps"),
    ("label_smoothing", -0.407, 0.075, 20, "decrease hurts"),
    ("weight_decay", 0.366, 0.112, 20, "increase helps"),
    ("width_mult", 0.289, 0.297, 15, "increase helps"),
    ("mlp_hidden", 0.232, 0.405, 15, "increase helps"),
    ("lr", -0.148, 0.534, 20, "decrease hurts"),
    ("embed_dim", 0.050, 0.834, 20, "increase helps"),
    ("ctx_n_head", 0.625, np.nan, 5, "increase helps"),
    ("ctx_dropout", 0.447, np.nan, 5, "increase helps"),
]


# rho as printed gives .113, .296 and .533; with a fourth digit it can give what is printed.
LAST_DIGIT = ("weight_decay", "width_mult", "lr")


def printed(rows=REPORT, **more):
    lines = ["| parameter | rho | p | n | says |", "|---|---|---|---|---|"]
    for name, rho, p, n, claim in rows:
        lines.append(
            f"| {name} | {rho:.3f} | {'' if np.isnan(p) else f'{p:.3f}'} | {n} | {claim} |"
        )
    return PrintedCorrelations(table="\n".join(lines), **more)


def checked(*args, **more):
    return check_correlations("directions", printed(*args, **more))


@pytest.mark.parametrize(("name", "rho", "p", "n"), [row[:4] for row in REPORT[:8]])
def test_printed_p_values_follow_from_rho_and_n(name, rho, p, n):
    # rho is printed to three digits: p is one of those that it may have had.
    low, high = textbook_p(abs(rho) + 5e-4, n), textbook_p(abs(rho) - 5e-4, n)
    assert low - 5e-4 <= p <= high + 5e-4
    if name not in LAST_DIGIT:
        assert round(textbook_p(rho, n), 3) == p


def test_p_values_of_the_five_context_rows():
    assert round(textbook_p(0.625, 5), 3) == 0.260
    assert round(textbook_p(0.447, 5), 3) == 0.450


def test_textbook_p_is_scipys():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 17))
    result = scipy.stats.spearmanr(x, y)
    assert textbook_p(result.statistic, 17) == pytest.approx(result.pvalue)
    assert textbook_p(1.0, 9) == 0
    assert np.isnan(textbook_p(0.5, 2))


def test_adjusted_values_are_statsmodels():
    table, _ = checked()
    p = table["p_used"].to_numpy()
    assert table["holm"].to_numpy() == pytest.approx(multipletests(p, method="holm")[1])
    assert table["bh"].to_numpy() == pytest.approx(multipletests(p, method="fdr_bh")[1])
    # Of three "confidences" one is left.
    tiers = table.set_index("parameter")["tier"]
    assert tiers["batch_size"] == "high"
    assert set(tiers.drop("batch_size")) == {"open"}
    assert table.set_index("parameter")["holm"]["depth"] == pytest.approx(9 * textbook_p(0.479, 15))


def test_holm_over_the_eight_printed_p_leaves_batch_size_alone():
    table, _ = checked(REPORT[:8])
    holm = table.set_index("parameter")["holm"]
    assert holm["batch_size"] == pytest.approx(8 * textbook_p(0.669, 20))
    assert round(holm["batch_size"], 3) == 0.010
    assert (holm.drop("batch_size") > 0.4).all()


def test_right_numbers_of_rows_agree_and_the_claimed_twenty_do_not():
    right, findings = checked()
    assert right["agrees"].all()
    assert not [one for one in findings if one.rule == "D11"]
    claimed, findings = checked([(*row[:3], 20, row[4]) for row in REPORT])
    wrong = claimed.loc[~claimed["agrees"], "parameter"]
    assert list(wrong) == ["depth", "width_mult", "mlp_hidden"]
    told = {one.about: one.text for one in findings if one.rule == "D11"}
    assert set(told) == set(wrong)
    assert "15 rows" in told["depth"]
    assert "p .033" in told["depth"]


def test_no_correction_is_found_and_mended():
    _, findings = checked()
    (family,) = [one for one in findings if one.rule == "D10"]
    assert family.severity == "error"
    assert "3 p-values are below .10, after correction 1" in family.text


def test_ranks_over_different_numbers_of_rows():
    _, findings = checked(ranked=True)
    (ranking,) = [one for one in findings if one.rule == "D11"]
    assert "ctx_n_head 5" in ranking.text
    assert not [one for one in checked(REPORT[:1], ranked=True)[1] if one.rule == "D11"]


def test_five_rows_reach_no_p_that_a_family_asks_for():
    _, findings = checked()
    told = {one.about: one.text for one in findings if one.rule == "D02"}
    assert set(told) == {"ctx_n_head", "ctx_dropout"}
    assert "below .017" in told["ctx_dropout"]  # 2/5!


def test_a_table_that_was_corrected_is_not_told_to():
    assert not [one for one in checked(corrected=True)[1] if one.rule == "D10"]


def test_text_against_the_sign():
    _, findings = checked()
    assert [one.about for one in findings if one.rule == "D12"] == ["label_smoothing", "lr"]


@pytest.mark.parametrize("n", [5, 12, 15, 20, 80])
def test_consistent_n_contains_the_true_one(n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        rho = round(float(rng.uniform(-0.9, 0.9)), 3)
        low, high = consistent_n(rho, round(textbook_p(rho, n), 3), 3) or (0, 0)
        assert low <= n <= high


def test_a_p_that_no_number_of_rows_gives():
    assert consistent_n(0.0, 0.01, 3) is None
