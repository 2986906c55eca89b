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
    yield from _look_misfits(hypotheses, seeds)
    yield from _example_misfits(hypotheses, metrics)
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
        misfit = None if metric_misfits else claim.unscaled(metrics) or claim.trivial(metrics)
        if misfit is not None:
            yield UserError(f"hypothesis {name}: {misfit.what}", misfit.remedy)
        needs = claim.needs_direction or claim.missing == "worst_value"
        if not metric_misfits and needs and claim.metric.direction(metrics) is None:
            yield UserError(
                f"hypothesis {name}: metric: {claim.metric.name} has no better direction",
                "Write better: higher or better: lower beside metric.name",
            )


def _look_misfits(hypotheses: Hypotheses, seeds: Sequence[int]) -> Iterator[UserError]:
    """Yield looks that do not fit the seeds, and claims that cannot be judged at looks."""
    stopping = hypotheses.stopping
    if stopping is None:
        return
    first, last = stopping.looks[0], stopping.looks[-1]
    if last != len(seeds):
        yield UserError(
            f"stopping.looks: the last look is at {last} seeds, and the study has {len(seeds)}",
            f"Write seeds: {{count: {last}}}, or end the looks with {len(seeds)}",
        )
    for name, claim in hypotheses.hypotheses.items():
        if claim.n_unit != "seed":
            yield UserError(
                f"hypothesis {name}: stopping: {claim.kind} counts {claim.n_unit}s, and looks "
                "count seeds",
                "Ask it in a study without stopping",
            )
        if not claim.holds_at_looks:
            yield UserError(
                f"hypothesis {name}: stopping: {claim.kind} judges several contrasts at once, and "
                "no levels of looks are known for that",
                "Ask it in a study without stopping, or as claims about two arms",
            )
        if claim.min_seeds > first:
            yield UserError(
                f"hypothesis {name}: min_seeds: {claim.min_seeds} are more than the {first} of the "
                "first look",
                f"Write min_seeds: {first}, or stopping.looks that begin with {claim.min_seeds}",
            )
        if hypotheses.family_of(name).correction == "fdr_bh":
            yield UserError(
                f"families.{claim.family}.correction: fdr_bh does not hold its rate where a study "
                "stops by what it sees",
                "Write holm or bonferroni, or leave stopping out",
            )


def _example_misfits(hypotheses: Hypotheses, metrics: Mapping[str, Metric]) -> Iterator[UserError]:
    """Yield claims that cannot be judged over seeds and examples."""
    for name, claim in hypotheses.hypotheses.items():
        if "examples" not in claim.population:
            continue
        metric = metrics.get(claim.metric.name)
        if metric is not None and not metric.per_example:
            known = sorted(name for name, one in metrics.items() if one.per_example)
            yield UserError(
                f"hypothesis {name}: generalises_to: {metric.name} is no mean over examples whose "
                "values are kept",
                f"Write generalises_to: seeds for it, or one of {', '.join(known) or 'no metric'}",
            )
        if hypotheses.stopping is not None:
            yield UserError(
                f"hypothesis {name}: generalises_to: looks are not worked out for "
                "[seeds, examples]",
                "Write generalises_to: seeds for it, or leave stopping out",
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
