"""What the trainer's contract forbids in a study's modules, by reading and by running them."""

import ast
import pkgutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

import latentlab.studies
from latentlab.data import ImageTextLayout
from latentlab.studies.registry import STUDIES
from latentlab.training.contract import Batch, Clock, DataSpec, MethodDefaults
from latentlab.training.per_trial import per_trial_values

ROOT = Path(latentlab.studies.__file__).parent
FOLDERS = [ROOT / name for _, name, package in pkgutil.iter_modules([str(ROOT)]) if package]
AFTERWARDS = {"converged.py", "evaluation.py", "baselines.py"}
AFTERWARDS |= {"plan.py"}
"""Modules whose code runs before or after training, outside any cohort."""
FORMULAS = [
    *sorted((ROOT.parent / "nn").glob("[a-z]*.py")),
    *(
        p
        for folder in FOLDERS
        for p in sorted(folder.glob("*.py"))
        if p.name not in AFTERWARDS and not p.name.endswith("figures.py")
    ),
]

FORBIDDEN_CLASSES = ("Dropout", "AlphaDropout", "FeatureAlphaDropout", "SyncBatchNorm", "RReLU")
FORBIDDEN_CLASSES += ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm", "InstanceNorm")
RANDOM = {"rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like"}
RANDOM |= {"bernoulli", "multinomial", "normal", "poisson", "manual_seed", "seed", "default_rng"}
IN_PLACE_RANDOM = {"uniform_", "normal_", "bernoulli_", "exponential_", "random_", "log_normal_"}
READS = {"item", "tolist", "numpy", "nonzero", "unique"}
IN_PLACE = {"copy_", "add_", "mul_", "sub_", "div_", "zero_", "fill_", "lerp_", "clamp_", "data"}
LOSS_PATH = {"forward", "loss", "after_step", "after_epoch"}


def dotted(node):
    """`a.b.c` of an expression, or an empty text."""
    if isinstance(node, ast.Attribute):
        outer = dotted(node.value)
        return f"{outer}.{node.attr}" if outer else ""
    return node.id if isinstance(node, ast.Name) else ""


def offences(source):
    """What a module does that no study may do, as lines for people."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Attribute, ast.Name)):
            name = dotted(node) or getattr(node, "attr", "")
            outer, _, last = name.rpartition(".")
            if last.startswith(FORBIDDEN_CLASSES):
                found.append(f"{node.lineno}: {name}")
            if last in RANDOM and outer in ("torch", "np.random", "numpy.random", "random"):
                found.append(f"{node.lineno}: {name}")
            if last in {"register_buffer", "dropout"} and outer in ("self", "F", "functional"):
                found.append(f"{node.lineno}: {name}")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            method = node.func.attr
            if method in READS | IN_PLACE_RANDOM | IN_PLACE:
                found.append(f"{node.lineno}: .{method}()")
    return found


@pytest.mark.parametrize("path", FORMULAS, ids=lambda p: str(p.relative_to(ROOT.parent)))
def test_no_module_does_what_the_contract_forbids(path):
    assert offences(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "nn.Dropout(0.1)",
        "torch.nn.Dropout2d(0.1)",
        "nn.BatchNorm1d(3)",
        "torch.rand(3)",
        "torch.randn_like(x)",
        "np.random.default_rng(0)",
        "x.sum().item()",
        "x.uniform_()",
        "self.register_buffer('a', x)",
        "self.mean.copy_(x)",
        "functional.dropout(x)",
        "(x > 0).nonzero()",
    ],
)
def test_each_offence_is_seen(line):
    assert len(offences(f"def f(self, x):\n    return {line}\n")) == 1


PARTS = ImageTextLayout(image=(1, 8, 8), text=6)
SPECS = {
    "arc_classifier": DataSpec((8, 8, 8), 9),
    "anchored_multimodal": DataSpec((1, 1, PARTS.length), 10, parts=PARTS),
}
"""What the data of a study look like, where they are no images of ten classes."""


def variants(study):
    """Configurations that between them use all that a study's loss can do."""
    base = study.declaration.config_class
    found = {
        "derp_vae": derp_vae_variants,
        "arc_classifier": arc_classifier_variants,
        "least_volume": least_volume_variants,
        "anchored_multimodal": anchored_multimodal_variants,
        "vae_objectives": vae_objectives_variants,
    }
    blocks = found[study.name]() if study.name in found else {"default": {}}
    return {name: base.model_validate(block) for name, block in blocks.items()}


def derp_vae_variants():
    small = {"model": {"hidden": 16, "latent_dim": 3, "channels": 2}}
    probes = {"objective": {"probes": 3, "distributional_weight": 1.0}}
    resampled = {"objective": probes["objective"] | {"resample_probes": "per_step"}}
    legacy = {"objective": {"legacy": {"trainable_perceptual_net": True}}}
    convolutional = {"model": small["model"] | {"architecture": "convolutional"}}
    return {
        name: small | changes
        for name, changes in {
            "default": {},
            "probes": probes,
            "resampled": resampled,
            "legacy": legacy,
            "convolutional": convolutional,
        }.items()
    }


def arc_classifier_variants():
    cnn = {"channels": 2, "depth": 5, "mlp_hidden": 8}
    context = {"width": 8, "heads": 2, "pixel_layers": 2, "grid_layers": 2, "feed_forward": 8}
    small = {"embedding": 6, "cnn": cnn, "context": context}
    mean = {"demo_aggregation": "mean", "coordinates": True, "dropout": 0.0}
    return {
        "default": {"model": small},
        "cosine": {"model": small | {"cosine": True, "relations": True, "cnn": cnn | mean}},
        "context": {"model": small | {"encoder": "context", "relations": True}},
        "legacy": {"model": small | {"legacy": {"unmasked_padding": True}}},
    }


def least_volume_variants():
    small = {"resolution": [16, 16], "width_multiplier": 0.02, "latent_dim": 3, "hidden": 4}
    return {
        "default": {"model": small},
        "operator": {"model": small | {"spectral_norm": "operator"}},
        "kernel": {"model": small | {"spectral_norm": "kernel", "bound_of": "layer"}},
        "dense": {"model": small | {"architecture": "dense", "spectral_norm": "operator"}},
        "linear": {"model": small | {"architecture": "linear"}},
    }


def anchored_multimodal_variants():
    small = {"visual_encoder": "simple_cnn_visual", "width_multiplier": 0.1, "latent_dim": 3}
    text = {"text_encoder": "char_cnn_text", "visual_encoder": "feature_visual"}
    margin = {"separation": "w2_margin", "covariance": "diagonal"}
    return {
        "default": {"model": small},
        "legacy": {"model": small, "objective": {"legacy": {"cholesky_fit": True}}},
        "features": {"model": small | text, "objective": margin},
        "transformer": {"model": small | {"text_encoder": "transformer_text", "dropout": 0.0}},
    }


def vae_objectives_variants():
    small = {"model": {"hidden": 16, "latent_dim": 3}}
    penalised = dict.fromkeys(("factor_vae", "beta_tc", "dip_i", "dip_ii", "mmd", "derp"), 2.0)
    weights = {"vq": 0.25, **penalised}
    rest = ("vae", "capacity", "cyclical", "free_bits", "iwae", "vamp")
    return {
        kind: small | {"objective": {"kind": kind, "weight": weights.get(kind, 0.0)}}
        for kind in (*rest, *weights)
    }


def spec_of(study):
    return SPECS.get(study.name, DataSpec((1, 8, 8), 10))


CASES = [
    pytest.param(study, config, id=f"{study.name}-{name}")
    for study in STUDIES.values()
    if not study.advises
    for name, config in variants(study).items()
]
TRIALS, EXAMPLES = 3, 16


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize(("study", "config"), CASES)
def test_the_loss_is_a_pure_function_under_vmap(study, config):
    """`randomness="error"`: torch itself refuses a random call; and nothing is written to."""
    method, spec = study.method.of(config), spec_of(study)
    rngs = [np.random.default_rng(seed) for seed in range(TRIALS)]
    models = [method.build(config, spec, rng) for rng in rngs]
    assert not list(models[0].buffers())
    parameters, _ = stack_module_state(models)
    states = [method.init_state(config, spec, rng) for rng in rngs]
    state = {name: torch.stack([s[name] for s in states]) for name in states[0]}
    rng = torch.Generator().manual_seed(0)
    noise = {
        name: torch.rand(TRIALS, *shape, generator=rng)
        if kind == "uniform"
        else torch.randn(TRIALS, *shape, generator=rng)
        for name, (shape, kind) in method.noise_spec(config, spec, EXAMPLES).items()
    }
    batch = Batch(
        torch.rand(TRIALS, EXAMPLES, *spec.shape, generator=rng),
        torch.randint(0, spec.classes, (TRIALS, EXAMPLES), generator=rng),
    )
    hyper = {n: torch.full((TRIALS,), v) for n, v in per_trial_values(config).items()}
    clock = Clock(torch.tensor(3.0), torch.tensor(0.0), torch.tensor(30.0))

    class Objective(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = models[0]

        def forward(self, *arguments):
            return method.loss(self.model, *arguments)

    objective = Objective()

    def one(parameters, *arguments):
        named = {f"model.{name}": tensor for name, tensor in parameters.items()}
        return functional_call(objective, named, arguments)

    given = {"p": parameters, "h": hyper, "n": noise, "s": state}
    before = {k: {n: t.detach().clone() for n, t in group.items()} for k, group in given.items()}
    batched = vmap(one, in_dims=(0, 0, 0, 0, 0, None), randomness="error")
    totals, terms, new = batched(parameters, batch, hyper, noise, state, clock)
    after_step = vmap(method.after_step, in_dims=(0, 0, 0, None), randomness="error")
    stepped = after_step(new, terms, hyper, clock)
    after_epoch = vmap(method.after_epoch, in_dims=(0, 0, 0, None), randomness="error")
    scored = {"total": totals, **terms}
    scores = {f"{part}_{n}": t for part in ("train", "validation") for n, t in scored.items()}
    ended = after_epoch(stepped, scores, hyper, clock)
    for group, tensors in given.items():
        assert all(torch.equal(t, before[group][n]) for n, t in tensors.items())
    assert totals.shape == (TRIALS,)
    assert torch.isfinite(totals).all()
    assert all(term.shape == (TRIALS,) for term in terms.values())
    for carried in (new, stepped, ended):
        assert {n: t.shape for n, t in carried.items()} == {n: t.shape for n, t in state.items()}

    # Again, and each trial alone: the same numbers.
    again, _, _ = batched(parameters, batch, hyper, noise, state, clock)
    assert torch.equal(again, totals)
    for i in range(TRIALS):
        alone, _, _ = one(
            {n: t[i] for n, t in parameters.items()},
            Batch(batch.features[i], batch.labels[i]),
            *({n: t[i] for n, t in group.items()} for group in (hyper, noise, state)),
            clock,
        )
        torch.testing.assert_close(alone, totals[i], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("study", list(STUDIES.values()), ids=lambda study: study.name)
def test_a_method_holds_no_state_and_has_all_parts(study):
    method = study.method
    assert vars(method) == {}
    assert method.name == (study.advises or study.name)
    assert isinstance(method.version, int)
    for part in vars(MethodDefaults):
        if not part.startswith("_"):
            assert callable(getattr(method, part))
    for part in ("build", "noise_spec", "evaluation_noise_spec", "loss"):
        assert callable(getattr(method, part))


@pytest.mark.parametrize(("study", "config"), CASES)
def test_building_uses_the_given_stream_alone(study, config):
    method, spec = study.method.of(config), spec_of(study)
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        rng = np.random.default_rng(7)
        model = method.build(config, spec, rng)
        state = method.init_state(config, spec, rng)
        assert torch.equal(torch.get_rng_state(), before)
        results.append([p.detach() for p in model.parameters()] + list(state.values()))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
