"""The study in the trainer: it learns, alone and in company, and its declaration is sound."""

import numpy as np
import pytest
import torch
import yaml

from labs.arc import SPEC, built, config, merged, step_inputs, trained
from labs.project_copies import CHECKOUT
from latentlab.data.arc.arc_like.source import CATEGORIES as MADE
from latentlab.data.arc.arc_like.source import draw_task
from latentlab.data.arc.tasks import pack_tasks, task_schema
from latentlab.data.prepared import Prepared, Split
from latentlab.experiment.figures import own_figures
from latentlab.experiment.trained_model import TrainedModel
from latentlab.search.parameter_alias import ParameterAlias
from latentlab.studies.arc_classifier import STUDY
from latentlab.studies.arc_classifier.evaluation import evaluate
from latentlab.studies.arc_classifier.method import METHOD
from latentlab.studies.arc_classifier.metrics import CATEGORIES, METRICS
from latentlab.studies.arc_classifier.reported import EFFECTS
from latentlab.training.cohort import Cohort
from latentlab.training.data import StudyData
from latentlab.training.trial import Trial

# As for users; pytest has its own list.
pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")

CPU = torch.device("cpu")
CONF = CHECKOUT / "conf" / "base" / "arc_classifier"
EASY = ("S2", "L1")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def easy():
    """Tasks of two categories that differ much, 8x8."""

    def split(number, count):
        tasks = [draw_task(name, 3, 8, (7, number, i))[1] for i in range(count) for name in EASY]
        labels = np.tile(np.arange(len(EASY)), count)
        return Split(pack_tasks(tasks, 3, 8), labels)

    schema = task_schema("arc_like", 3, 8, EASY)
    return Prepared(schema, {"train": split(0, 40), "test": split(1, 45)}, "made for a test")


def cohort(prepared, seeds=1, **blocks):
    data = StudyData.of(prepared, CPU)
    settings = config(**blocks)
    trials = [
        Trial(METHOD.name, "a", seed, settings, data.fingerprint, "float32", METHOD.version)
        for seed in range(seeds)
    ]
    return Cohort(METHOD, trials, data, CPU)


LEARNING = {
    "model": {
        "relations": True,
        "embedding": 16,
        "cnn": {"channels": 6, "depth": 3, "mlp_hidden": 32},
        "context": {"width": 16, "heads": 2, "feed_forward": 32},
    },
    "training": {
        "learning_rate": 0.01,
        "epochs": 15,
        "batch_size": 16,
        "validation_fraction": 0.2,
        "monitor": "validation_error_rate",
        "keep": "best",
    },
}


@pytest.mark.parametrize("encoder", ["cnn", "context"])
def test_it_learns(easy, encoder):
    group = trained(cohort(easy, **merged(LEARNING, {"model": {"encoder": encoder}})))
    trial = group.trials[0]
    weights = group.layout.single(group.state.best["weights"][0])
    test = easy.splits["test"]
    features = torch.from_numpy(test.features).float() / 10
    labels = torch.from_numpy(test.labels)
    spec = StudyData.of(easy, CPU).spec
    scores = evaluate(
        TrainedModel.of(METHOD, trial.config, spec, weights, trial.stream), features, labels
    )
    # 90 tasks: chance is 1 / 2 with a standard error of .05.
    assert scores["accuracy"] > 0.75
    errors = group.state.history[0, :, group.scores.index("validation_error_rate")]
    assert group.state.watch["best"][0] == errors.min()


@pytest.mark.parametrize("encoder", ["cnn", "context"])
def test_a_trial_is_the_same_alone_and_in_company(easy, encoder):
    blocks = {"model": {"encoder": encoder, "relations": True}, "training": {"batch_size": 16}}
    together, alone = cohort(easy, 3, **blocks), cohort(easy, 1, **blocks)
    for _ in range(15):
        together.advance()
        alone.advance()
    assert (together.state.weights[0] - alone.state.weights[0]).abs().max() < 1e-5


def test_the_terms_are_what_they_are_called():
    settings = config(objective={"label_smoothing": 0.3})
    inputs = step_inputs(settings, training=False)
    plain = config()
    with torch.no_grad():
        total, terms, _ = METHOD.loss(built(settings), *inputs)
        unsmoothed, _, _ = METHOD.loss(built(plain), *step_inputs(plain, training=False))
    torch.testing.assert_close(terms["cross_entropy"], unsmoothed)
    assert total != unsmoothed
    weights = {name: p.detach() for name, p in built(settings).named_parameters()}
    scores = evaluate(TrainedModel.of(METHOD, settings, SPEC, weights), *inputs[0])
    assert float(terms["error_rate"]) == pytest.approx(1 - scores["accuracy"])
    assert float(terms["cross_entropy"]) == pytest.approx(scores["cross_entropy"], rel=1e-5)


def test_training_draws_pairs_colours_and_dropout():
    settings = config()
    batch, hyper, noise, state, clock = step_inputs(settings)
    assert set(noise) == {"pairs", "colours", "hidden_dropout"}
    model = built(settings)
    total, _, _ = METHOD.loss(model, batch, hyper, noise, state, clock)
    for name in noise:
        other = {**noise, name: torch.rand_like(noise[name])}
        assert METHOD.loss(model, batch, hyper, other, state, clock)[0] != total, name
    assert METHOD.evaluation_noise_spec(settings, SPEC, 10) == {}
    quiet = config(model={"encoder": "context", "context": {"dropout": 0.0}})
    assert set(METHOD.noise_spec(quiet, SPEC, 10)) == {"pairs", "colours"}


# The declaration.


def block():
    found = {}
    for path in sorted(CONF.glob("*.yml")):
        found = merged(found, yaml.safe_load(path.read_text())["arc_classifier"])
    return found


@pytest.fixture(scope="module")
def declaration():
    return STUDY.declaration.model_validate(block())


def leaves(mapping, prefix=""):
    for name, value in mapping.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def test_every_arm_changes_one_thing(declaration):
    reference = dict(leaves(declaration.configs["reference"].model_dump()))
    changed = {
        arm: [key for key, value in leaves(other.model_dump()) if reference[key] != value]
        for arm, other in declaration.configs.items()
    }
    assert changed.pop("reference") == []
    assert {arm: len(keys) for arm, keys in changed.items()} == dict.fromkeys(changed, 1)
    assert set(changed) == set(EFFECTS)
    for claim in declaration.hypotheses.hypotheses.values():
        for arm in claim.arm_names().values():
            if claim.varies and arm in changed and claim.family == "as_reported":
                assert list(claim.varies) == changed[arm]


@pytest.mark.parametrize("dataset", block()["datasets"])
def test_every_data_set_resolves(dataset):
    found = STUDY.declaration.model_validate(merged(block(), {"dataset": dataset}))
    assert "reference" in found.configs


VALUES = {
    "lr": 1e-3,
    "batch_size": 8,
    "weight_decay": 0.01,
    "label_smoothing": 0.1,
    "embed_dim": 32,
    "use_scheduler": True,
    "use_cosine": True,
    "temperature": 5.0,
    "encoder_type": "context",
    "demo_agg": "mean",
    "width_mult": 2.0,
    "depth": 6,
    "mlp_hidden": 256,
    "use_coords": True,
    "ctx_d_model": 64,
    "ctx_n_head": 8,
    "ctx_pixel_layers": 2,
    "ctx_grid_layers": 2,
    "ctx_dropout": 0.3,
}


def test_the_reports_names_of_parameters_are_keys_of_the_configuration():
    names = STUDY.declaration.parameter_aliases
    assert set(names) == set(VALUES)
    changes = {}
    for name, value in VALUES.items():
        assert isinstance(names[name], ParameterAlias)
        inner = changes
        *path, last = names[name].key.split(".")
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = names[name].value(value)
    found = dict(leaves(STUDY.declaration.config_class.model_validate(changes).model_dump()))
    for name, value in VALUES.items():
        assert found[names[name].key] == names[name].value(value)
    assert names["use_scheduler"].value(True) == "plateau"
    assert names["use_scheduler"].value(False) == "constant"
    assert names["depth"].value(6) == 6


def test_the_study_names_what_exists():
    names = {metric.name for metric in METRICS}
    assert set(STUDY.strips) <= names
    assert tuple(MADE) == CATEGORIES
    terms = {"total", "cross_entropy", "error_rate"}
    scores = {f"{split}_{term}" for split in ("train", "validation") for term in terms}
    assert set(STUDY.curves) <= scores
    assert STUDY.declaration.rung_score in scores
    assert set(STUDY.figures) - {"verdicts", "curves"} == set(own_figures(STUDY))


def test_widths_that_cannot_be_split_are_refused():
    with pytest.raises(ValueError, match="must be a multiple of heads"):
        config(model={"context": {"width": 12, "heads": 8}})
