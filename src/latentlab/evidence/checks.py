"""Whether declared hypotheses fit the study they belong to, before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from latentlab.core.errors import UserError
from latentlab.evidence.claims.base import MetricReference
from latentlab.evidence.hypotheses import Hypotheses
from latentlab.metrics.metric import Metric


def misfits(
    hypotheses: Hypotheses,
    arms: Collection[str],
    metrics: Mapping[str, Metric],
    seeds: Sequence[int],
) -> Iterator[UserError]:
    """Yield what hypotheses name that the study does not have.

    Fewer seeds than `min_seeds` are no error: a trial run may have two, and its verdicts are
    then inconclusive.

    Args:
        hypotheses: the declarations.
        arms: names of the study's arms.
        metrics: name -> metric, everything that the study scores.
        seeds: the seeds that will be run.

    Yields:
        Errors, each one line with the hypothesis, the key and the remedy.
    """
    repeated = [seed for seed, times in Counter(seeds).items() if times > 1]
    if repeated:
        yield UserError(
            f"seeds: {min(repeated)} is listed twice", "A repeated seed adds no evidence: remove it"
        )
    for name, claim in hypotheses.hypotheses.items():
        try:
            hypotheses.family_of(name)
        except UserError as error:
            yield error
        for key, arm in claim.arm_names().items():
            if arm not in arms:
                yield UserError(
                    f"hypothesis {name}: {key}: the study has no arm {arm!r}",
                    f"Write one of {', '.join(sorted(arms))}",
                )
        metric_misfits = [
            misfit
            for key, reference in claim.metric_references().items()
            for misfit in _metric_misfits(name, key, reference, metrics)
        ]
        yield from metric_misfits
        needs = claim.needs_direction or claim.missing == "worst_value"
        if not metric_misfits and needs and claim.metric.direction(metrics) is None:
            yield UserError(
                f"hypothesis {name}: metric: {claim.metric.name} has no better direction",
                "Write better: higher or better: lower beside metric.name",
            )


def _metric_misfits(
    name: str, key: str, reference: MetricReference, metrics: Mapping[str, Metric]
) -> Iterator[UserError]:
    if reference.name not in metrics:
        yield UserError(
            f"hypothesis {name}: {key}.name: the study has no metric {reference.name!r}",
            f"Write one of {', '.join(sorted(metrics))}",
        )
    elif reference.contradicts(metrics):
        yield UserError(
            f"hypothesis {name}: {key}.better: {reference.name} is better "
            f"{metrics[reference.name].better}, not {reference.better}",
            f"Remove {key}.better or correct the metric",
        )
