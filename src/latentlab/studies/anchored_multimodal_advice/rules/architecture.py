"""Rules about the model: width of the latent space and the head, encoder of text, classes."""

from __future__ import annotations

from latentlab.experiment.advice import Facts, Prediction, Rule, RuleResult, Settings

_LEAST_SHARE = 4
_HEAD = 2
_FIRST_CLASSES = 10


def _latent(settings: Settings, facts: Facts) -> RuleResult:
    latent, width = settings["latent_dim"], settings["backbone_width"]
    enough = width // _LEAST_SHARE
    shown = f"{width} features become {latent} latent dimensions"
    if latent >= enough:
        return RuleResult("good", f"{shown}: a quarter of them or more.")
    return RuleResult(
        "could be better",
        f"{shown}, which may lose information. A quarter to a half of them is usual; twice as many "
        f"as {enough} can follow if these help.",
        {"latent_dim": enough},
        cost=1.2,
    )


def _text(settings: Settings, facts: Facts) -> RuleResult:
    encoder = settings["text_encoder"]
    if encoder != "mlp_text":
        return RuleResult("good", f"{encoder} sees the order of characters.")
    return RuleResult(
        "could be better",
        "The mean of character embeddings knows nothing of their order. Convolutions see local "
        "patterns, which misread text still has; attention is slower and can follow.",
        {"text_encoder": "char_cnn_text"},
        cost=1.5,
    )


def _head(settings: Settings, facts: Facts) -> RuleResult:
    latent, head = settings["latent_dim"], settings["head_hidden"]
    if settings.get("head_scales"):
        return RuleResult("good", "The head's width follows the latent space by itself.")
    if head == 0 or head >= _HEAD * latent:
        kind = "linear" if head == 0 else f"{head} wide"
        return RuleResult("good", f"The head is {kind}, reasonable for {latent} latent dimensions.")
    return RuleResult(
        "could be better",
        f"The head is {head} wide for {latent} latent dimensions; twice as wide as they are keeps "
        "the proportion.",
        {"head_hidden": _HEAD * latent},
    )


def _classes(settings: Settings, facts: Facts) -> RuleResult:
    classes, available = settings["classes"], facts.classes_available
    there = f" The data has {available}." if available is not None else ""
    return RuleResult(
        "good",
        f"{classes} classes: {_FIRST_CLASSES} do for first experiments, 15 to 20 are more "
        f"realistic once the baseline works.{there}",
        unmeasured="another number of classes is another problem, on which accuracies mean "
        f"something else.{there}",
    )


LATENT = Rule(
    name="latent_dim",
    title="Latent dimension",
    source="report, section 3",
    priority="medium",
    judge=_latent,
    reads=("latent_dim", "backbone_width"),
    section=3,
    prediction=Prediction("accuracy", 0.03, 0.08),
)
TEXT = Rule(
    name="text_encoder",
    title="Text encoder",
    source="report, section 4; Zhang, Zhao & LeCun 2015",
    priority="high",
    judge=_text,
    reads=("text_encoder",),
    section=4,
    prediction=Prediction("text_accuracy", 0.05, 0.15),
)
HEAD = Rule(
    name="head_hidden",
    title="Head architecture",
    source="report, section 5",
    priority="low",
    judge=_head,
    reads=("latent_dim", "head_hidden"),
    section=5,
    after="latent_dim",
)
CLASSES = Rule(
    name="classes",
    title="Number of classes",
    source="report, section 6",
    priority="low",
    judge=_classes,
    reads=("classes",),
    section=6,
)
