"""Five reports, from the figures that they print: what the audit has to say of each."""

from pathlib import Path

import pytest

from audit_of_five_reports import PAGE, page
from latentlab.runs.audit.printed.audit import audit_printed

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def audits():
    return {
        name: audit_printed(HERE / f"{name}.yml")[0]
        for name in (
            "harmonium",
            "sweep_analysis",
            "recommendations",
            "vae_comparison",
            "sweep_guide",
        )
    }


EXPECTED = [
    (
        "harmonium",
        "D04",
        "note",
        "NMI 0.009661 on 5 degrees of freedom, two runs told apart from 0.03512",
    ),
    ("harmonium", "D07", "note", "67 of 666 pairs"),
    ("harmonium", "D08", "error", "Runs 1, 7, 8 have equal settings"),
    ("harmonium", "D08", "error", "Runs 3, 9, 10 have equal settings"),
    ("harmonium", "D08", "error", "Runs 12, 14 have equal settings"),
    ("harmonium", "D08", "error", "notes of 5 rows (7, 8, 9, 10, 14)"),
    ("harmonium", "D04", "error", "37 is said to be the best"),
    ("harmonium", "D05", "warning", "the best of 37 and leads by 0.01;"),
    ("harmonium", "D07", "error", "37 is said to be better than 23: they differ in 2 settings"),
    ("harmonium", "D25", "error", "26 is said to be as good as 23"),
    ("harmonium", "D01", "error", "8 comparisons"),
    (
        "sweep_analysis",
        "D11",
        "error",
        "over 20 rows has p .033; the printed p 0.071 is that of 15",
    ),
    ("sweep_analysis", "D10", "error", "after correction 1 (batch_size p .001, Holm .010"),
    ("sweep_analysis", "D13", "warning", "with chance .194"),
    ("sweep_analysis", "D22", "warning", "12 of 12 figures"),
    ("sweep_analysis", "D21", "error", "their mean is 0.2625, printed is 0.259"),
    ("sweep_analysis", "D21", "error", "the best single value is 0.286"),
    ("sweep_analysis", "D12", "error", "lr: the text says 'decrease hurts'"),
    ("sweep_analysis", "D02", "warning", "ctx_n_head: 5 rows"),
    ("sweep_analysis", "D28", "warning", "2 predictions"),
    ("recommendations", "D28", "warning", "6 predictions without a run"),
    ("recommendations", "D29", "warning", "baseline changes 7 settings at once"),
    ("recommendations", "D29", "warning", "phase 1 changes 4 settings at once"),
    ("vae_comparison", "D01", "error", "6 comparisons rest on one run each"),
    ("vae_comparison", "D23", "error", "140.24 is the largest of 3"),
    ("vae_comparison", "D23", "error", "Standard 0.000, beta 0.1 0.000"),
    ("vae_comparison", "D12", "error", "by 3.7 %: 2027.68 is 3.8 % below 2106.70"),
    ("vae_comparison", "D25", "error", "(62.42% and 63.80%) without a margin"),
    ("vae_comparison", "D24", "warning", "(rho -1.00)"),
    ("vae_comparison", "D22", "warning", "DERP 5 0.322"),
    ("vae_comparison", "D21", "error", "DERP 5 is bold at 0.152"),
    ("vae_comparison", "D31", "warning", "times of one run each"),
    ("sweep_guide", "D17", "error", "has 2,160 runs; 216 differ"),
    ("sweep_guide", "D06", "warning", "12 cells of plummet against 60 cells of lognorm"),
    ("sweep_guide", "D26", "warning", "stopped at epoch 277, and pruning begins at 500"),
    ("sweep_guide", "D02", "warning", "no two-sided p of sign_flip lies below 0.0625"),
    ("sweep_guide", "D20", "error", "3 of 5 seeds that confirm (1, 2, 3)"),
    ("sweep_guide", "D19", "error", "seed is searched"),
]


@pytest.mark.parametrize(("report", "rule", "severity", "figures"), EXPECTED)
def test_what_the_audit_says(audits, report, rule, severity, figures):
    told = [one.text for one in audits[report] if (one.rule, one.severity) == (rule, severity)]
    assert [text for text in told if figures in text], told


def test_true_amounts_are_not_called_wrong(audits):
    # .2 % slower and 3.0 % faster are what the second table says.
    wrong = [one for one in audits["vae_comparison"] if one.rule in {"D12", "D21"}]
    assert not [one for one in wrong if one.about == "cifar, time"]


def test_nothing_was_run_so_nothing_is_said_of_runs(audits):
    assert {one.rule for one in audits["recommendations"]} == {"D28", "D29"}


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_example_of_the_docs_can_be_read(tmp_path):
    text = (PAGE.parent.parent / "printed_reports.md").read_text(encoding="utf-8")
    (tmp_path / "report.yml").write_text(text.split("```yaml\n")[1].split("```")[0])
    rules = {one.rule for one in audit_printed(tmp_path / "report.yml")[0]}
    assert {"D07", "D08", "D10", "D11", "D12", "D13", "D17", "D20", "D26", "D28", "D29"} <= rules
