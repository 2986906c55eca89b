"""Rules about the loss: group weights, weights of its terms, anchors."""

from __future__ import annotations

from latentlab.experiment.advice import Facts, Rule, RuleResult, Settings

_WARMUP = 5
_ETA = 0.02
_WEIGHTS = (1e-4, 1e-2)
_FLOOR = (1e-6, 1e-2)
_SAMPLES = 8


def _groups(settings: Settings, facts: Facts) -> RuleResult:
    eta, gamma = settings["group_eta"], settings["group_gamma"]
    warmup, epochs = settings["group_warmup_epochs"], settings["epochs"]
    change: dict[str, float] = {}
    said = []
    if 0 < eta <= _ETA:
        said.append(f"eta {eta:g} moves the weights slowly.")
    else:
        said.append(f"eta {eta:g} {'never moves the weights' if eta == 0 else 'is large'}.")
        change["group_eta"] = 0.01
    said.append(
        f"gamma {gamma:g} is the weight of the NEW group weights, so 1 does not smooth at all: the "
        "report's .95 'for more smoothing' smooths less, and more smoothing is a lower gamma."
    )
    if warmup < _WARMUP:
        change["group_warmup_epochs"] = _WARMUP
        said.append(
            f"{warmup} epochs of warm-up are few: {_WARMUP} let the model learn first. The report "
            f"adds it to 50 epochs; of {epochs} it is {_WARMUP / epochs:.0%}."
        )
    else:
        said.append(f"{warmup} epochs of warm-up let the model learn first.")
    return RuleResult("could be better" if change else "good", " ".join(said), change)


def _weights(settings: Settings, facts: Facts) -> RuleResult:
    names = ("fit_weight", "separation_weight")
    low, high = _WEIGHTS
    outside = [name for name in names if not low <= settings[name] <= high]
    shown = ", ".join(f"{name} {settings[name]:g}" for name in names)
    if outside:
        return RuleResult(
            "could be better",
            f"{shown}: usual are {low:g} to {high:g}.",
            dict.fromkeys(outside, 1e-3),
        )
    return RuleResult(
        "good",
        f"{shown}: a reasonable start. Raise the fit where anchors do not align, the separation "
        "where classes overlap, to .01; lower both to .0001 where the model overfits.",
    )


def _anchors(settings: Settings, facts: Facts) -> RuleResult:
    floor, samples = settings["anchor_floor"], settings["separation_samples"]
    low, high = _FLOOR
    change: dict[str, float] = {}
    if not low <= floor <= high:
        change["anchor_floor"] = 1e-4
    if settings["separation"] == "classifier" and samples < _SAMPLES:
        change["separation_samples"] = 16
    shown = f"Floor {floor:g}, {samples} draws a class, separation by {settings['separation']}"
    if change:
        return RuleResult("could be better", f"{shown}: outside the usual.", change)
    return RuleResult("good", f"{shown}: keep unless something goes wrong.")


GROUPS = Rule(
    name="group_warmup",
    title="GroupDRO: eta, gamma, warm-up",
    source="report, section 10; Sagawa et al. 2020",
    priority="medium",
    judge=_groups,
    reads=("group_eta", "group_gamma", "group_warmup_epochs", "epochs"),
    section=10,
    aims_at="worst_group_accuracy",
    variant="groupdro",
)
WEIGHTS = Rule(
    name="loss_weights",
    title="Loss weights",
    source="report, section 11",
    priority="low",
    judge=_weights,
    reads=("fit_weight", "separation_weight"),
    section=11,
)
ANCHORS = Rule(
    name="anchors",
    title="Anchor parameters",
    source="report, section 12",
    priority="low",
    judge=_anchors,
    reads=("anchor_floor", "separation_samples", "separation"),
    section=12,
)
