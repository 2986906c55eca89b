"""Sweep files as people have them: read as they stand, or one line that names all that is wrong.

Where a remedy is told, the test follows it.
"""

import pytest

from labs.declarations import declared
from latentlab.core.errors import UserError
from latentlab.experiment.sweep.file import load_sweep
from latentlab.search.grid import count
from latentlab.studies.registry import STUDIES

FLAT_GRID = """
program: my_project/train_autoencoder.py
method: grid
project: pruning
metric: {name: val_rec, goal: minimize}
parameters:
  problem_id: {value: beams2d}
  track: {value: true}
  save_model: {value: false}
  wandb_project: {value: pruning}
  pruning_strategy: {values: [plummet, lognorm]}
  plummet_threshold: {values: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]}
  alpha: {values: [0.0, 0.1, 0.2, 0.3, 0.5]}
  percentile: {values: [0.01, 0.02, 0.05, 0.1, 0.15, 0.2]}
  use_spectral_norm: {values: [true, false]}
  min_active_dims: {value: 0}
  cooldown_epochs: {value: 0}
  k_consecutive: {value: 1}
  seed: {values: [1, 2, 3]}
"""

EARLY_BANDS = """
program: my_project/train_autoencoder.py
method: bayes
run_cap: 60
metric: {name: val_rec, goal: minimize}
early_terminate: {type: hyperband, max_iter: 2500, s: 2, eta: 3}
parameters:
  pruning_strategy: {value: plummet}
  plummet_threshold: {distribution: log_uniform_values, min: 0.005, max: 0.2}
  pruning_epoch: {min: 300, max: 700}
  lr: {distribution: log_uniform_values, min: 1.0e-5, max: 1.0e-3}
  seed: {values: [1, 2, 3, 4, 5]}
"""

TWO_ENCODERS = """
study_name: two_encoders
n_trials: 40
fixed: {use_scheduler: true}
param_ranges:
  encoder_type: {type: categorical, choices: [cnn, context]}
  depth: {type: int, low: 2, high: 6, condition: {equals: {encoder_type: cnn}}}
  ctx_n_head: {type: categorical, choices: [2, 4, 8], condition: {equals: {encoder_type: context}}}
  lr: {type: float, low: 5e-5, high: 0.01, log: true}
  weight_decay: {type: float, low: 1e-7, high: 0.01, log: true}
"""

FOREIGN = ("widht", "n_layer", "leraning_rate", "warm_up", "batchsize", "opt", "decay", "act",
           "norm", "drop", "clip", "sched")  # fmt: skip


def read(tmp_path, text, study="least_volume", ending="yaml"):
    """The sweep in a file of this content."""
    folder = tmp_path / "conf" / "local" / study / "sweeps"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"theirs.{ending}").write_text(text)
    return load_sweep(STUDIES[study], declared(study, sweep="theirs"), ["conf/local"], tmp_path)


def refused(tmp_path, text, study="least_volume"):
    """The one line with which the file is refused."""
    with pytest.raises(UserError) as caught:
        read(tmp_path, text, study)
    line = str(caught.value)
    assert line.startswith(f"conf/local/{study}/sweeps/theirs.yaml: ")
    return line


def test_a_flat_grid_of_two_strategies_is_ten_times_too_large(tmp_path, caplog):
    line = refused(tmp_path, FLAT_GRID)
    assert "2,160 trials, of which 216 differ" in line
    assert "alpha is read only where pruning_strategy is lognorm" in line
    assert "to percentile `when: {pruning_strategy: lognorm}`" in line
    notes = caplog.text
    assert "bookkeeping of the script, left out: track, save_model, wandb_project" in notes
    assert "seed is a seed" in notes
    text = FLAT_GRID
    for name, strategy in (
        ("plummet_threshold", "plummet"),
        ("alpha", "lognorm"),
        ("percentile", "lognorm"),
    ):
        text = text.replace(
            f"  {name}: {{", f"  {name}: {{when: {{pruning_strategy: {strategy}}}, "
        )
    sweep = read(tmp_path, text)
    assert count(sweep.settings.space) * len(sweep.settings.seeds.numbers()) == 216
    assert sweep.objectives[0].name == "reconstruction_error"
    assert sweep.settings.fixed["objective.pruning.safeguards.min_active"] == 0
    assert "val_rec is reconstruction_error here" in sweep.warnings


def test_the_search_of_a_flat_space_is_warned_of(tmp_path):
    text = FLAT_GRID.replace("method: grid", "method: random\nrun_cap: 30")
    (warning,) = (one for one in read(tmp_path, text).warnings if "read only" in one)
    assert "Add to plummet_threshold `when: {pruning_strategy: plummet}`" in warning


def test_a_parameter_that_nothing_reads_is_taken_out(tmp_path):
    text = FLAT_GRID.replace("values: [plummet, lognorm]", "value: plummet")
    line = refused(tmp_path, text)
    assert "1,080 trials, of which 36 differ" in line
    assert "alpha is read under no value that pruning_strategy has here" in line
    assert line.endswith("Take out alpha, percentile.")
    left = [row for row in text.splitlines() if not row.startswith(("  alpha", "  percentile"))]
    assert count(read(tmp_path, "\n".join(left)).settings.space) == 12


def test_a_condition_of_a_block_holds_for_what_is_in_it(tmp_path):
    text = """
method: grid
parameters:
  encoder_type: {type: categorical, choices: [cnn, context]}
  depth: {type: int, low: 2, high: 6}
"""
    line = refused(tmp_path, text, "arc_classifier")
    assert "30 trials, of which 18 differ: depth is read only where encoder_type is cnn" in line


def test_bands_before_a_mechanism_are_told_in_the_words_of_the_file(tmp_path):
    line = refused(tmp_path, EARLY_BANDS)
    assert "pruning_epoch 500 is not before the last of 50 epochs" in line
    assert "early_terminate: its first band, 277 epochs, lies before the 701 after which" in line
    assert "where pruning_epoch 700 (write s: 1, which leaves 833" in line
    assert "force" not in line
    longer = EARLY_BANDS + "  n_epochs: {value: 2500}\n"
    assert "pruning_epoch 500" not in refused(tmp_path, longer)
    sweep = read(tmp_path, longer.replace("s: 2", "s: 1"))
    assert sweep.settings.halving.rungs == (833,)
    line = refused(tmp_path, longer.replace("max_iter: 2500, s: 2", "min_iter: 3"))
    remedy = "early_terminate: {type: hyperband, min_iter: 701, eta: 3}"
    assert remedy in line
    later = longer.replace(EARLY_BANDS.splitlines()[5], remedy)
    assert read(tmp_path, later).settings.halving.first == 701


def test_bands_beyond_the_end_are_warned_of(tmp_path):
    text = EARLY_BANDS.replace("{min: 300, max: 700}", "{min: 10, max: 20}")
    warnings = read(tmp_path, text).warnings
    assert any("nothing is stopped early: the first rung, after 277 epochs" in w for w in warnings)


def test_the_reports_conditions_are_read_and_its_numbers_named_all_at_once(tmp_path):
    line = refused(tmp_path, TWO_ENCODERS, "arc_classifier")
    assert "lr.low: '5e-5' is text to YAML, not a number. Write 5.0e-5." in line
    assert "weight_decay.low: '1e-7' is text to YAML, not a number (write 1.0e-7)" in line
    assert "condition" not in line
    text = TWO_ENCODERS.replace("5e-5", "5.0e-5").replace("1e-7", "1.0e-7")
    parameters = read(tmp_path, text, "arc_classifier").settings.parameters
    assert parameters["model.cnn.depth"].when == {"model.encoder": "cnn"}
    assert parameters["model.context.heads"].when == {"model.encoder": "context"}


def test_all_foreign_names_are_told_at_once_with_those_that_exist(tmp_path):
    entries = "".join(f"  {name}: {{type: int, low: 1, high: 3}}\n" for name in FOREIGN)
    text = f"configurations: 5\nobjectives: [{{metric: val_loss}}]\nparameters:\n{entries}"
    line = refused(tmp_path, text)
    assert f"the study has no {', '.join(FOREIGN)}. " in line
    assert "batch_size for batchsize" in line
    assert "training.learning_rate" not in line  # its short name is told
    assert "There are: lr, batch_size, n_epochs" in line
    assert "no metric with a better direction called val_loss" in line


def test_wrong_values_are_told_beside_foreign_names(tmp_path):
    text = """
configurations: 5
fixed: {widht: 3, latent_dim: 0}
parameters: {lr: {type: float, low: 0.1, high: 1.0}}
"""
    line = refused(tmp_path, text)
    assert "the study has no widht" in line
    assert "latent_dim: must be greater than or equal to 1" in line


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("heat_conduction2d", "Run it with --params least_volume.dataset=heat_conduction2d, or"),
        ("heatconduction2d", "Take it out; data sets are beams2d, heat_conduction2d"),
        ([1], "problem_id is [1], but least_volume.dataset is beams2d"),
    ],
)
def test_another_data_set_than_the_studys_is_refused(tmp_path, said, words):
    assert words in refused(tmp_path, f"{EARLY_BANDS}  problem_id: {{value: {said}}}\n")


@pytest.mark.parametrize("ending", ["yml", "yaml"])
def test_both_endings_are_found(tmp_path, ending):
    text = "configurations: 5\nparameters: {lr: {type: float, low: 0.1, high: 1.0}}"
    assert read(tmp_path, text, ending=ending).name == "theirs"


def test_a_file_outside_the_project_is_named_by_its_path(tmp_path):
    outside = tmp_path / "reports" / "least_volume" / "sweeps" / "theirs.yml"
    outside.parent.mkdir(parents=True)
    outside.write_text("parameters: {lr: {type: float, low: 0.1, high: 1.0}}")
    declaration = declared("least_volume", sweep="theirs")
    folders, root = [str(tmp_path / "reports")], tmp_path / "project"
    with pytest.raises(UserError, match=f"^{outside}: method tpe has no end"):
        load_sweep(STUDIES["least_volume"], declaration, folders, root)
