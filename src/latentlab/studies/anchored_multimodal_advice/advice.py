"""What the advisor writes: the status table, recommended configurations, an order of action."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import yaml

from latentlab.core.provenance import provenance
from latentlab.experiment.advice import Advice, Prediction, implementation_order
from latentlab.experiment.blocks import merged
from latentlab.reporting.document import Document, Section
from latentlab.studies.anchored_multimodal.config import AnchoredMultimodalConfig
from latentlab.studies.anchored_multimodal_advice import AdviceDeclaration
from latentlab.studies.anchored_multimodal_advice.plan import GROUPDRO, Plan, words
from latentlab.studies.anchored_multimodal_advice.reported_names import STUDY, nested

FILES = {"recommended_baseline.yml": "", "recommended_groupdro.yml": GROUPDRO}
"""File of a recommended configuration -> its variant."""

PHASES = {
    "batch_size": "1",
    "epochs": "1",
    "text_encoder": "1",
    "schedule": "1",
    "latent_dim": "2",
    "head_hidden": "2",
    "pretrained_rate": "2",
    "group_warmup": "3",
}
"""The report's own phases of implementation, by rule."""

_WHY = ["rationale", "source"]

LATER = (
    "The report's last phase has more, which depends on what these show: a latent space of twice "
    "the recommended size, and 15 to 20 classes. Neither is an arm here."
)


def status_table(advice: Sequence[Advice]) -> pd.DataFrame:
    """One row per rule: the report's sections in their order, then what else was checked."""
    return pd.DataFrame(
        [
            {
                "section": "-" if one.rule.section is None else str(one.rule.section),
                "check": one.rule.title,
                "setting": words(one.current) or "-",
                "status": one.result.status,
                "recommended": words(one.changes) or _kept(one),
                "predicted gain": _predicted(one.rule.prediction),
                "priority": one.rule.priority,
                "confidence": one.result.confidence,
                "rationale": one.result.rationale,
                "source": one.rule.source,
            }
            for one in advice
        ]
    )


def order_table(advice: Sequence[Advice]) -> pd.DataFrame:
    """One row per recommendation that changes something, in the order in which to act."""
    titles = {one.rule.name: one.rule.title for one in advice if one.changes}
    return pd.DataFrame(
        [
            {
                "step": str(step),
                "check": one.rule.title,
                "change": words(one.changes),
                "priority": one.rule.priority,
                "training time": f"x {one.result.cost:.2g}",
                "builds on": titles.get(one.rule.after, "-"),
                "matters for": one.rule.variant or "both variants",
                "report's phase": PHASES.get(one.rule.name, "-"),
            }
            for step, one in enumerate(implementation_order(advice), 1)
        ],
        columns=[
            "step",
            "check",
            "change",
            "priority",
            "training time",
            "builds on",
            "matters for",
            "report's phase",
        ],
    )


def recommended_config(
    config: AnchoredMultimodalConfig, plan: Plan, variant: str
) -> AnchoredMultimodalConfig:
    """The configuration of a variant with all recommendations that matter in it.

    Raises:
        ValidationError: the recommendations do not fit together.
    """
    changes = nested({**plan.variant(variant), **plan.recommended(variant)})
    return AnchoredMultimodalConfig.model_validate(merged(config.model_dump(mode="json"), changes))


def recommended_text(config: AnchoredMultimodalConfig, plan: Plan, variant: str) -> str:
    """A recommended configuration as a file of parameters that the study runs."""
    recommended = recommended_config(config, plan, variant)
    settings = yaml.safe_dump({STUDY: recommended.model_dump(mode="json")}, sort_keys=False)
    changed = "".join(f"#   {key}: {v}\n" for key, v in plan.recommended(variant).items())
    return (
        "# All recommendations together, as settings that win over those of any data set.\n"
        "# Copy this file to conf/local/parameters_advice.yml and run\n"
        f"# kedro run --pipelines {STUDY}\n"
        f"# Changed, all of it prior until measured:\n{changed}{settings}"
    )


def document(declaration: AdviceDeclaration) -> Document:
    """The three things that the advisor writes, before anything is measured."""
    config, plan = declaration.current, declaration.plan
    status, order = status_table(plan.advice), order_table(plan.advice)
    texts = {name: recommended_text(config, plan, variant) for name, variant in FILES.items()}
    return Document(
        title="Advice on a configuration",
        question="Which settings are good, which could be better, and in what order to act?",
        summary=[
            f"{len(plan.advice)} checks of the configuration for {declaration.dataset}; "
            f"{len(order)} recommend a change. Advice is prior, an opinion, until it is measured: "
            "the study's report has the predicted gain of each beside the measured one."
        ],
        sections=[
            Section(
                "Status",
                table=status.drop(columns=_WHY),
                sections=[
                    Section(
                        "Rationale and sources",
                        table=status[["section", "check", *_WHY]],
                        folded=True,
                    )
                ],
            ),
            Section(
                "Recommended configurations",
                [
                    f"{', '.join(FILES)} beside this page: each is all settings of one variant, to "
                    "be copied to conf/local/parameters_advice.yml."
                ],
                table=pd.DataFrame(
                    [
                        {"setting": key, "baseline": _shown(plan, "", key), GROUPDRO: value}
                        for key, value in plan.recommended(GROUPDRO).items()
                    ],
                    columns=["setting", "baseline", GROUPDRO],
                ).astype(str),
            ),
            Section("Implementation order", table=order, note=LATER),
        ],
        tables={"status.csv": status, "order.csv": order},
        texts=texts,
        reproduce=provenance(),
    )


def _shown(plan: Plan, variant: str, key: str) -> str:
    return str(plan.recommended(variant).get(key, "as it is"))


def _kept(one: Advice) -> str:
    return "keep" if one.result.status == "good" else "-"


def _predicted(prediction: Prediction | None) -> str:
    if prediction is None:
        return "-"
    metric = prediction.metric.replace("_", " ")
    return f"{metric} {prediction.low:+.2f} to {prediction.high:+.2f}"
