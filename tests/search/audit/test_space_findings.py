"""What is said of a sweep before it is run, by its file alone."""

import pytest
import yaml

from labs.sweep_tables import PRUNING
from latentlab.core.errors import UserError
from latentlab.search.audit.files import audit_sweep_file
from latentlab.search.audit.name_hints import name_hints, with_hints
from latentlab.search.audit.space import bundle_findings
from latentlab.search.space import Space

FLAT = {
    "program": "train.py",
    "method": "grid",
    "metric": {"name": "val_rec", "goal": "minimize"},
    "parameters": {
        "pruning_strategy": {"values": ["plummet", "lognorm"]},
        "plummet_threshold": {"values": [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]},
        "alpha": {"values": [0.0, 0.1, 0.2, 0.3, 0.5]},
        "percentile": {"values": [0.01, 0.02, 0.05, 0.1, 0.15, 0.2]},
        "use_spectral_norm": {"values": [True, False]},
        "seed": {"values": [1, 2, 3]},
    },
}


def audited(tmp_path, content, before=None):
    paths = []
    for name, block in (("sweep.yaml", content), ("before.yaml", before)):
        paths.append(tmp_path / name)
        paths[-1].write_text(yaml.safe_dump(block, sort_keys=False))
    return audit_sweep_file(paths[0], None if before is None else paths[1])


def rules(audit):
    return {one.rule: one for one in audit.findings}


def test_a_crossed_grid_says_how_many_runs_are_meant(tmp_path):
    audit = audited(tmp_path, FLAT)
    assert audit.sentence == "sweep.yaml: 2,160 runs, 720 configurations on 3 seeds."
    found = rules(audit)["D17"]
    assert "only 1,260 runs differ" in found.text
    assert "If alpha and percentile exist only where pruning_strategy is lognorm" in found.text
    assert "only 216 runs differ (72 configurations on 3 seeds)" in found.text
    assert found.about == "plummet_threshold, alpha, percentile"
    assert "plummet 12, lognorm 60" in rules(audit)["D06"].text


def test_the_lines_that_it_proposes_give_the_grid_that_it_means(tmp_path):
    audit = audited(tmp_path, FLAT)
    parameters = {name: dict(entry) for name, entry in FLAT["parameters"].items()}
    remedy = rules(audit)["D17"].remedy
    for part in remedy.removeprefix("If so, add to ").split(", to "):
        name, _, line = part.partition(" `")
        parameters[name] |= yaml.safe_load(line.rstrip("`"))
    mended = audited(tmp_path, {**FLAT, "parameters": parameters})
    assert mended.size.runs == 216
    assert "D17" not in rules(mended)


def test_names_that_say_nothing_and_conditions_that_are_there():
    assert name_hints(Space.model_validate(PRUNING)) == []
    choice = {"type": "categorical", "choices": ["adam", "sgd", "ir"]}
    number = {"type": "float", "low": 0, "high": 1}
    space = {"optimizer": choice, "sgd_momentum": number, "rate_ir": number, "madam": number}
    (hint,) = name_hints(Space.model_validate({"parameters": space}))
    assert (hint.parameter, hint.choice, hint.named) == ("sgd_momentum", "sgd", True)


def test_choices_that_are_named_after_each_other_make_no_circle():
    one = {"type": "categorical", "choices": ["two", "other"]}
    two = {"type": "categorical", "choices": ["one", "other"]}
    space = Space.model_validate({"parameters": {"one_mode": one, "two_mode": two}})
    (hint,) = hints = name_hints(space)
    assert (hint.parameter, hint.controller) == ("two_mode", "one_mode")
    assert with_hints(space, hints).order == ("one_mode", "two_mode")


@pytest.mark.parametrize(
    ("stop", "remedy"),
    [
        ({"max_iter": 2500, "s": 2}, "Write s: 1, which leaves 833"),
        ({"min_iter": 100}, "Write early_terminate: {type: hyperband, min_iter: 700"),
    ],
)
def test_bands_before_a_mechanism_begins(tmp_path, stop, remedy):
    content = {
        "method": "bayes",
        "run_cap": 60,
        "early_terminate": {"type": "hyperband", "eta": 3, **stop},
        "parameters": {
            "pruning_epoch": {"min": 300, "max": 700},
            "epochs": {"value": 2500},
            "seed": {"values": [1, 2, 3, 4, 5]},
        },
    }
    found = rules(audited(tmp_path, content))
    assert found["D26"].about == "pruning_epoch"
    assert "pruning_epoch is 300 to 700: all are judged before" in found["D26"].text
    assert found["D26"].remedy.startswith(remedy)
    assert found["D19"].severity == "error"
    content["parameters"]["pruning_epoch"] = {"min": 10, "max": 90}
    assert "D26" not in rules(audited(tmp_path, content))


def test_a_seed_in_the_layout_of_the_report_is_a_finding_and_the_rest_is_looked_at(tmp_path):
    ranges = {"lr": {"type": "float", "low": 1e-5, "high": 1e-2}}
    content = {"n_trials": 40, "param_ranges": ranges | {"seed": {"type": "int", "low": 1}}}
    audit = audited(tmp_path, content)
    assert audit.size.configurations == 40
    assert [one.rule for one in audit.findings] == ["D19"]


@pytest.mark.parametrize(("seeds", "wrong"), [(5, True), (6, False)])
def test_seeds_that_cannot_reach_the_level(tmp_path, seeds, wrong):
    content = {
        "method": "grid",
        "parameters": {
            "use_spectral_norm": {"values": [True, False]},
            "seed": {"values": list(range(seeds))},
        },
    }
    found = rules(audited(tmp_path, content))
    assert ("D02" in found) == wrong
    if wrong:
        assert "the smallest two-sided p of an exact paired test is 0.0625" in found["D02"].text


def test_a_bundle_of_changes_is_named_with_the_arms_that_isolate(tmp_path):
    (found,) = bundle_findings({"lr": 0.1, "depth": 3, "a": 1}, {"lr": 0.2, "depth": 4, "a": 1})
    assert found.about == "lr, depth"
    assert "all but lr, which stays 0.1; all but depth, which stays 3" in found.remedy
    assert bundle_findings({"lr": 0.1, "a": 1}, {"lr": 0.2, "a": 1}) == []
    second = {**FLAT, "parameters": FLAT["parameters"] | {"w_v": {"value": 1}, "lr": {"value": 2}}}
    assert "D29" in rules(audited(tmp_path, second, FLAT))
    assert "D29" not in rules(audited(tmp_path, second, second))


def test_what_is_wrong_in_a_file_is_one_line_with_its_name(tmp_path):
    low = {"type": "float", "low": "5e-5", "high": 1}
    with pytest.raises(UserError, match=r"sweep.yaml: param_ranges.a.low: '5e-5' is text") as told:
        audited(tmp_path, {"n_trials": 4, "param_ranges": {"a": low, "b": low}})
    assert "param_ranges.b.low" in str(told.value)
