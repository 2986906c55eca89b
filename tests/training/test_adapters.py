"""A LightningModule and a scikit-learn estimator as they stand."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from labs.plain_methods import Lit, plain_config, plain_trial
from labs.trainer import CPU, INLINE, advance, load, train_trials, write_digits
from latentlab.core.errors import UserError
from latentlab.data import load_prepared
from latentlab.experiment.trained_model import TrainedModel
from latentlab.training.data import data_spec
from latentlab.training.groups import open_group
from latentlab.training.plain.estimator import EstimatorMethod, Fitted, rows
from latentlab.training.plain.lightning import LightningMethod
from latentlab.training.plain.method import Step
from latentlab.training.store import TrialStore


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("adapters") / "prepared", subset=400)


@pytest.fixture(scope="module")
def data(folder):
    return load(folder)


class LitMethod(LightningMethod):
    name = "lit"
    terms = ("norm",)

    def module(self, config, spec):
        return Lit(int(np.prod(spec.shape)), config.latent)


def test_a_lightning_module_trains_as_it_stands(tmp_path, folder, data):
    method, store = LitMethod(), TrialStore(tmp_path)
    trial = plain_trial(data, method, epochs=6)
    train_trials(method, [trial], folder, store, INLINE)
    history = store.history(trial.id)
    assert history["validation_total"][-1] < 0.7 * history["validation_total"][0]
    assert history["train_norm"][0] > 0
    module = method.build(trial.config, data.spec, np.random.default_rng(0))
    assert method.optimisers(module, trial.config)[0].defaults["lr"] == 1e-2


def test_the_same_module_by_lightning_itself():
    lightning = pytest.importorskip("lightning")

    class Real(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch, batch_idx):
            loss = self.layer(batch[0]).square().mean()
            self.log("train_loss", loss)
            return loss

        validation_step = training_step

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    class Method(LightningMethod):
        name = "real"

        def module(self, config, spec):
            return Real()

    method = Method()
    module = method.build(None, None, None)
    step = Step(7, 2, 12, plain_config(), CPU, "float32")
    loss, terms = method.training_step(module, (torch.ones(2, 4), torch.zeros(2)), step)
    assert loss.requires_grad
    assert terms == {}
    assert (module.current_epoch, module.global_step, module.trainer.max_epochs) == (2, 7, 3)
    assert module.logger is None


class Scheduled(Lit):
    def configure_optimizers(self):
        made = super().configure_optimizers()
        return [made], [torch.optim.lr_scheduler.StepLR(made, 1)]


class Two(Lit):
    def configure_optimizers(self):
        return [super(Two, self).configure_optimizers() for _ in range(2)]


class ByHand(Lit):
    automatic_optimization = False


class Hooked(Lit):
    def on_train_batch_end(self, outputs, batch, batch_idx):
        self.layers[1].weight.data.clamp_(-1, 1)


class Silent(Lit):
    def validation_step(self, batch, batch_idx):
        return None


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Scheduled, "brings a schedule"),
        (Two, "returns 2 optimisers"),
        (ByHand, "optimises by hand"),
        (Hooked, "hooks that are not called: on_train_batch_end"),
        (Silent, "validation_step logs no loss"),
    ],
)
def test_what_a_plain_trial_cannot_do_is_said(data, kind, says):
    class Method(LitMethod):
        def module(self, config, spec):
            return kind(int(np.prod(spec.shape)), config.latent)

    method = Method()
    with pytest.raises(UserError, match=says):
        open_group(method, [plain_trial(data, method)], data, CPU)


def test_a_step_of_a_lightning_module_knows_its_epoch(data):
    class Warm(Lit):
        def training_step(self, batch, batch_idx):
            seen.append((self.trainer.current_epoch, self.trainer.global_step))
            return super().training_step(batch, batch_idx)

        def on_train_epoch_end(self):
            raise AssertionError

    class Method(LitMethod):
        uncalled = ("on_train_epoch_end",)

        def module(self, config, spec):
            return Warm(int(np.prod(spec.shape)), config.latent)

    seen = []
    method = Method()
    advance(open_group(method, [plain_trial(data, method)], data, CPU), 7)
    assert seen == [*((0, step) for step in range(5)), (1, 5), (1, 6)]


class Pipeline(EstimatorMethod):
    name = "pipeline"

    def estimator(self, config, spec, seed):
        return make_pipeline(
            StandardScaler(), PCA(config.latent, random_state=seed), LogisticRegression()
        )


class Tree(EstimatorMethod):
    name = "tree"

    def estimator(self, config, spec, seed):
        return DecisionTreeClassifier(random_state=seed)


@pytest.mark.parametrize("method", [Pipeline(), Tree()], ids=lambda m: m.name)
def test_an_estimator_is_fitted_stored_and_read_back(tmp_path, folder, data, method):
    store, trial = TrialStore(tmp_path), plain_trial(data, method, epochs=1)
    train_trials(method, [trial], folder, store, INLINE)
    record, history = store.record(trial.id), store.history(trial.id)
    assert (record.status, record.steps) == ("finished", 1)
    prepared = load_prepared(folder)
    model = TrainedModel.load(
        method, type(trial.config), store.folder(trial.id), data_spec(prepared), CPU
    )
    train, validation = data.partition(trial.stream, 0.1)
    own = method.estimator(trial.config, data.spec, 0)
    batch = data.train.batch(torch.from_numpy(train))
    own.fit(rows(batch.features), batch.labels.numpy())
    held_out = data.train.batch(torch.from_numpy(validation))
    read = model.module.estimator
    score = read.score(rows(held_out.features), held_out.labels.numpy())
    assert history["validation_total"] == [pytest.approx(1 - score)]
    if method.name == "pipeline":
        assert np.allclose(read[-1].coef_, own[-1].coef_, atol=0.02)
    again = TrialStore(tmp_path / "again")
    train_trials(method, [trial], folder, again, INLINE)
    assert again.record(trial.id).weights_digest == record.weights_digest


def test_a_fit_has_one_epoch(data):
    method = Tree()
    with pytest.raises(UserError, match=r"training.epochs is 3.* Set training.epochs to 1"):
        open_group(method, [plain_trial(data, method)], data, CPU)


def stored(content):
    return {"pickled": torch.from_numpy(np.frombuffer(content, dtype=np.uint8).copy())}


class Reduced:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def named(module, name):
    """A pickle that calls what a module has under a name, which may have dots, with `true`."""
    texts = [b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name, "true")]
    return b"\x80\x04" + texts[0] + texts[1] + b"\x93(" + texts[2] + b"tR."


@pytest.mark.parametrize(
    ("content", "asked"),
    [
        (pickle.dumps(Reduced(print, "run")), "builtins.print"),
        (named("latentlab.compute.executors.slurm", "subprocess.Popen"), "subprocess.Popen"),
        (named("sklearn.utils", "os.system"), "sklearn.utils.os.system"),
        # Imported by a module that is admitted, and defined elsewhere.
        (named("latentlab.core.files", "Path"), "latentlab.core.files.Path"),
        (named("latentlab.compute.executors.processes", "WorkerPool"), "WorkerPool"),
        (named("sklearn.datasets", "load_files"), "load_files"),
    ],
)
def test_a_foreign_store_runs_no_code(data, capsys, content, asked):
    method = Tree()
    group = advance(open_group(method, [plain_trial(data, method, epochs=1)], data, CPU), 1)
    with pytest.raises(UserError, match=rf"asks for \S*{asked}"):
        method.restore(group.module, stored(content))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "estimator",
    [
        KNeighborsClassifier(),
        MLPClassifier(max_iter=3),
        GradientBoostingClassifier(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=2),
        GaussianProcessClassifier(),
        make_pipeline(StandardScaler(), SelectKBest(k=2), SVC()),
        RandomForestClassifier(n_estimators=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_stored_estimator_predicts_as_before(estimator):
    features = np.random.default_rng(0).normal(size=(60, 4))
    labels = (features[:, 0] > 0).astype(int)
    estimator.fit(features, labels)
    module = Fitted(None)
    Tree().restore(module, stored(pickle.dumps(estimator)))
    np.testing.assert_array_equal(module.estimator.predict(features), estimator.predict(features))
