"""Rules about optimisation: learning rates, batch, schedule, optimiser, epochs, regularisation."""

from __future__ import annotations

from latentlab.experiment.advice import Facts, Prediction, Rule, RuleResult, Settings

_FINE_TUNING_RATE = 3e-4
_BATCH = 64
_STEPS = 20
_EPOCHS = 50
_DECAY = (1e-6, 1e-2)


def _pretrained_rate(settings: Settings, facts: Facts) -> RuleResult:
    if not facts.pretrained:
        known = "Nothing that trains is pretrained" if facts.pretrained is False else "Not known"
        return RuleResult("not judged", f"{known}: no part needs a lower rate of its own.")
    ratio = settings["backbone_rate"]
    rate = settings["learning_rate"] * ratio
    shown = f"Pretrained parts train at {rate:g}, {ratio:g} of the rate of new ones"
    if ratio == 0:
        return RuleResult("good", "Pretrained parts are frozen: what they know is kept.")
    if rate <= _FINE_TUNING_RATE:
        return RuleResult("good", f"{shown}: low enough to keep what they know.")
    return RuleResult(
        "could be better",
        f"{shown}: large steps undo what pretraining found. A tenth is usual. The report's other "
        "options under this heading are schedules, which lower the rate of all parts.",
        {"backbone_rate": 0.1},
    )


def _batch(settings: Settings, facts: Facts) -> RuleResult:
    batch, examples = settings["batch_size"], facts.training_examples
    if batch >= _BATCH:
        return RuleResult("good", f"{batch} examples give a steady gradient.")
    if examples is not None and examples < _STEPS * _BATCH:
        return RuleResult(
            "good",
            f"{_BATCH} of {examples} examples would leave fewer than {_STEPS} steps an epoch.",
        )
    return RuleResult(
        "could be better",
        f"{_BATCH} instead of {batch} examples give a steadier gradient and faster epochs. At the "
        f"same epochs and rate training then has {batch / _BATCH:g} times as many updates, which "
        "the report does not count against its gain.",
        {"batch_size": _BATCH},
    )


def _schedule(settings: Settings, facts: Facts) -> RuleResult:
    schedule = settings["schedule"]
    if schedule == "constant":
        return RuleResult(
            "missing",
            "A rate that falls lets weights settle; linear is the simplest form. The report's "
            "third option, 'StepLR (reduce on plateau)', mixes two schedules: step reduces after "
            "fixed epochs, plateau when a score stands still. Its step of 15 epochs would never "
            "come in 10 epochs.",
            {"schedule": "linear", "final_factor": 0.01},
        )
    if schedule == "step" and settings["step_epochs"] >= settings["epochs"]:
        return RuleResult(
            "could be better",
            f"The rate falls every {settings['step_epochs']:g} epochs, and there are "
            f"{settings['epochs']}: it never does.",
            {"schedule": "linear", "final_factor": 0.01},
        )
    return RuleResult("good", f"The rate falls: {schedule}.")


def _optimiser(settings: Settings, facts: Facts) -> RuleResult:
    optimiser = settings["optimiser"]
    if optimiser == "sgd":
        return RuleResult(
            "could be better",
            "Adam needs less tuning of its rate where parts of a model differ much.",
            {"optimiser": "adam"},
        )
    decay = "its decay is decoupled" if optimiser == "adamw" else "AdamW would decouple its decay"
    return RuleResult("good", f"{optimiser} adapts its steps to each weight; {decay}. Keep it.")


def _epochs(settings: Settings, facts: Facts) -> RuleResult:
    epochs, plateau = settings["epochs"], facts.epochs_to_plateau
    if plateau is not None and epochs >= plateau:
        return RuleResult(
            "good",
            f"Training levelled off after {plateau} epochs, and there are {epochs}.",
            confidence="measured",
        )
    if plateau is not None:
        return RuleResult(
            "could be better",
            f"Training levels off after {plateau} epochs, and there are only {epochs}.",
            {"epochs": plateau},
            cost=plateau / epochs,
            confidence="measured",
        )
    if epochs >= _EPOCHS:
        return RuleResult("good", f"{epochs} epochs are enough for a full run.")
    return RuleResult(
        "could be better",
        f"{epochs} epochs do for a first look; a full run has {_EPOCHS} or more. Where updates and "
        "not epochs matter, as many of them come from more examples or a smaller batch.",
        {"epochs": _EPOCHS},
        cost=_EPOCHS / epochs,
    )


def _clipping(settings: Settings, facts: Facts) -> RuleResult:
    norm = settings["gradient_clip"]
    if norm > 0:
        return RuleResult(
            "good", f"Gradients are clipped to a norm of {norm:g}: one bad batch does little harm."
        )
    return RuleResult("missing", "One bad batch can throw the weights far.", {"gradient_clip": 1.0})


def _regularisation(settings: Settings, facts: Facts) -> RuleResult:
    decay = settings["weight_decay"]
    low, high = _DECAY
    if low <= decay <= high:
        return RuleResult("good", f"A weight decay of {decay:g} is usual.")
    if decay > high:
        return RuleResult(
            "could be better", f"A weight decay of {decay:g} is strong.", {"weight_decay": 1e-4}
        )
    if settings.get("dropout"):
        return RuleResult("good", f"Dropout of {settings['dropout']:g} regularises; decay is off.")
    return RuleResult(
        "missing",
        "Nothing holds weights back. Group weights in particular need strong regularisation to "
        "matter at all.",
        {"weight_decay": 1e-4},
    )


PRETRAINED_RATE = Rule(
    name="pretrained_rate",
    title="Learning rate of pretrained parts",
    source="report, section 1; Howard & Ruder 2018",
    priority="high",
    judge=_pretrained_rate,
    reads=("learning_rate", "backbone_rate"),
    section=1,
    prediction=Prediction("accuracy", 0.05, 0.10),
)
BATCH = Rule(
    name="batch_size",
    title="Batch size",
    source="report, section 2",
    priority="medium",
    judge=_batch,
    reads=("batch_size",),
    section=2,
    prediction=Prediction("accuracy", 0.05, 0.10),
)
SCHEDULE = Rule(
    name="schedule",
    title="Learning rate schedule",
    source="report, section 7",
    priority="high",
    judge=_schedule,
    reads=("schedule", "final_factor", "step_epochs", "epochs"),
    section=7,
    prediction=Prediction("accuracy", 0.02, 0.05),
)
OPTIMISER = Rule(
    name="optimiser",
    title="Optimiser",
    source="report, section 8; Loshchilov & Hutter 2019",
    priority="low",
    judge=_optimiser,
    reads=("optimiser",),
    section=8,
)
EPOCHS = Rule(
    name="epochs",
    title="Epochs against plateau",
    source="report, section 9",
    priority="high",
    judge=_epochs,
    reads=("epochs",),
    section=9,
    prediction=Prediction("accuracy", 0.10, 0.20),
)
CLIPPING = Rule(
    name="gradient_clip",
    title="Gradient clipping",
    source="report, current settings; Pascanu et al. 2013",
    priority="low",
    judge=_clipping,
    reads=("gradient_clip",),
)
REGULARISATION = Rule(
    name="weight_decay",
    title="Regularisation",
    source="report, current settings; Sagawa et al. 2020",
    priority="low",
    judge=_regularisation,
    reads=("weight_decay",),
)
