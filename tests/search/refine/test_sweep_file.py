"""The file of the next sweep: it reads back as it was meant, and says why it is so."""

import textwrap

import pytest
import yaml

from labs.refinement import PARAMETERS, random_table, refined_table, settings, table_of
from latentlab.core.errors import UserError
from latentlab.core.strict_yaml import load_yaml
from latentlab.search.refine import sweep_file
from latentlab.search.screening import NullDistribution
from latentlab.search.settings import SweepSettings

NULL = NullDistribution(permutations=499)
RICH = PARAMETERS | {
    "training.weight_decay": {"type": "float", "low": 1e-7, "high": 1e-1, "log": True},
    "note: odd": {"type": "categorical", "choices": ["yes", "no", None, True, "# no"]},
    "batch": {"type": "categorical", "choices": [8, 16, 32, 64], "ordered": True},
    "layers": {"type": "int", "low": 1, "high": 9, "step": 2, "hard": {"min": 1, "max": 12}},
}


def truth(row):
    score = 4.0 * (row["encoder"] == "cnn") + 4 * row["width"] - 2 * row["layers"]
    return score - 0.05 * row["batch"]


def written(mode, command=None, **others):
    table = random_table(RICH, truth, n=80)
    found = refined_table(table, mode, NULL, command=command)
    asked = settings("tpe", 80, RICH, objectives=[{"metric": "score"}], **others)
    return found, asked, sweep_file(found, asked)


@pytest.mark.parametrize("mode", ["conservative", "aggressive"])
def test_it_reads_back_as_the_refined_space(mode, tmp_path):
    found, asked, text = written(mode, fixed={}, seeds={"chosen": [5, 9]}, cohort=4)
    assert found.changed
    path = tmp_path / "refined.yml"
    path.write_text(text)
    back = SweepSettings.model_validate(load_yaml(path))
    assert back.space == found.space
    assert back.sampler_seed == asked.sampler_seed + 1
    same = {"space", "fixed", "parameters", "sampler_seed"}
    assert back.model_dump(exclude=same) == asked.model_dump(exclude=same)


def test_every_line_has_its_evidence_and_what_would_change_it():
    found, _, text = written("aggressive", command=lambda name, *_: f"compare {name}")
    commented = " ".join(line.strip().lstrip("# ") for line in text.splitlines())
    for one in found.decisions:
        assert " ".join(one.reason.split()) in commented
        assert " ".join(f"would change if {one.would_change_if}".split()) in commented
        assert one.evidence in commented
    changed = [one for one in found.decisions if one.command]
    assert changed
    assert all(f"# compare: {one.command}" in text for one in changed)
    assert max(len(line) for line in text.splitlines()) <= 100


def test_the_header_says_what_it_was_compared_with():
    found, _, text = written("conservative")
    header = " ".join(text.split("\n\n")[0].replace("#", " ").split())
    assert "by_hand, conservative: from 80 configurations" in header
    assert found.null in header
    assert "0.98" in header


def test_nothing_left_to_search_is_said_so():
    one = {"switch": {"type": "categorical", "choices": [False, True]}}
    rows = [{"switch": bool(k % 2)} for k in range(40)]
    found = refined_table(
        table_of(one, rows, [k % 2 + k / 1e3 for k in range(40)]), "aggressive", NULL
    )
    assert found.space.fixed == {"switch": True}
    with pytest.raises(UserError, match="fixes every parameter"):
        sweep_file(found, settings("random", 40, one))


def test_a_sweep_of_noise_is_written_unchanged():
    table = random_table(PARAMETERS, lambda row: 0.0)
    text = sweep_file(refined_table(table, "aggressive", NULL), settings())
    content = yaml.safe_load(textwrap.dedent(text))
    assert SweepSettings.model_validate(content).space == table.space
