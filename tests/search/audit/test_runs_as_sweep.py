"""Runs of a published report, read as a sweep: the noise floor, ties among replicates, the lead."""

import pytest

from labs.table_imports import import_csv
from latentlab.search.analysis_settings import AnalysisSettings
from latentlab.search.auditing import audit_as_sweep
from latentlab.search.table import Objective

REPORT = """\
steps,lr,kl_warmup,lr_warmup,conj,latent,clusters,nmi,elbo
50000,1e-3,5000,500,0.1,128,10,0.60,-842
50000,1e-3,5000,500,0.0,128,10,0.63,-623
50000,1e-3,10000,500,0.1,128,10,0.59,-836
50000,1e-3,2000,500,0.1,128,10,0.61,-836
100000,1e-3,10000,500,0.1,128,10,0.59,-823
100000,1e-3,20000,500,0.1,128,10,0.59,-821
50000,1e-3,5000,500,0.1,128,10,0.62,-846
50000,1e-3,5000,500,0.1,128,10,0.59,-837
50000,1e-3,10000,500,0.1,128,10,0.59,-850
50000,1e-3,10000,500,0.1,128,10,0.59,-849
50000,1e-3,5000,500,0.1,128,15,0.64,-810
50000,1e-3,5000,500,0.1,128,20,0.67,-796
100000,1e-3,10000,500,0.1,128,20,0.67,-776
50000,1e-3,5000,500,0.1,128,20,0.67,-814
50000,2e-3,5000,500,0.1,128,10,0.57,-830
50000,3e-3,5000,500,0.1,128,10,0.55,-816
50000,1e-3,5000,500,0.5,128,10,0.59,-1014
50000,1e-3,5000,500,1.0,128,10,0.61,-1105
100000,2e-3,10000,500,0.1,128,20,0.59,-777
100000,1e-3,10000,500,0.0,128,20,0.69,-596
200000,1e-3,10000,500,0.1,128,30,0.67,-718
200000,1e-3,10000,500,0.1,128,40,0.61,-715
200000,1.5e-3,10000,500,0.1,128,30,0.70,-713
200000,1e-3,10000,500,0.05,128,40,0.61,-674
200000,1.5e-3,50000,500,0.1,128,30,0.69,-701
200000,1.5e-3,100000,500,0.1,128,30,0.69,-689
300000,1.5e-3,150000,500,0.1,128,30,0.70,-675
200000,1.5e-3,100000,500,0.1,128,20,0.68,-693
200000,2e-3,50000,5000,0.1,128,30,0.65,-693
200000,2e-3,100000,10000,0.1,128,30,0.66,-686
200000,3e-3,100000,10000,0.1,128,30,0.67,-685
200000,1.5e-3,50000,500,0.1,64,30,0.64,-786
200000,1.5e-3,50000,500,0.1,256,30,0.38,-665
200000,1.5e-3,50000,500,0.1,64,20,0.63,-802
200000,1.5e-3,50000,500,0.1,256,40,0.53,-660
300000,1.5e-3,150000,500,0.1,128,35,0.66,-677
300000,1.5e-3,120000,500,0.1,128,30,0.71,-685
"""
"""The 37 runs of the report; what differs between some that look equal stands in its notes only."""

QUICK = AnalysisSettings(bootstraps=20, null_draws=200, fanova_rows=10, resamples=999)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "runs.csv"
    path.write_text(REPORT)
    runs = import_csv(path, ["nmi"])
    return audit_as_sweep(runs, Objective("nmi", "maximize"), QUICK)


def test_the_lead_of_the_best_run_beside_the_noise_of_equal_ones(findings):
    (best,) = [one for one in findings if one.rule == "D05"]
    assert "at 0.71" in best.text
    assert "SD of replicates 0.00966, 5 degrees of freedom" in best.text


def test_its_lead_over_the_next_lies_inside_the_noise(findings):
    (noise,) = [one for one in findings if one.rule == "D04"]
    # Two-sided t of 5 degrees of freedom, 2.571, times .00966 times the root of 2.
    assert "leads the next by 0.01, which lies inside the noise" in noise.text
    assert "told apart from 0.0351 on" in noise.text


def test_no_replicate_is_dropped_for_its_rounded_value(findings):
    assert not [one for one in findings if one.rule == "D18"]


def test_settings_that_went_together_are_named(findings):
    pairs = {one.about for one in findings if one.rule == "D09"}
    assert "steps, kl_warmup" in pairs
