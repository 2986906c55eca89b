"""`examine`: whether a latent-variable model is collapsed, since when, and why."""

from __future__ import annotations

from typing import Any

import click

from latentlab.cli.json_output import print_json, told_apart
from latentlab.cli.running import of_a_study, studies_beginning
from latentlab.core.errors import UserError
from latentlab.experiment.examination import FEWEST_SEEDS

_OPTIONS = [
    click.Option(["--arm"], help="Of a study: which arm; the one others are compared with."),
    click.Option(
        ["--seeds"],
        type=click.IntRange(min=FEWEST_SEEDS),
        default=5,
        help="How many of the study's seeds; 5 without it.",
    ),
    click.Option(["--json", "in_json"], is_flag=True, help="Print JSON, for programs."),
]
_TARGET = click.Argument(["target"], shell_complete=studies_beginning)


@click.command(params=[_TARGET, *of_a_study()[1:], *_OPTIONS])
def examine(
    target: str,
    arm: str | None,
    seeds: int,
    in_json: bool,
    env: str | None,
    params: dict[str, Any],
) -> None:
    """Say whether TARGET is collapsed, which units are off since when, and which settings are why.

    TARGET is a study (its arm is --arm), the id of a trial's run in MLflow, or a registered model
    as derp_vae@champion. What is not trained yet is trained: the configuration with each seed,
    where it is collapsed once more with each lever of the study, and once to watch its units.
    """
    from kedro.framework.session import KedroSession

    from latentlab.cli.studies import studies_meant
    from latentlab.experiment.examination.cohort import Setting
    from latentlab.experiment.examination.examined import arm_of, examine_whole, trial_of
    from latentlab.experiment.examination.levers import require_examinable
    from latentlab.experiment.examination.report import facts, sentences
    from latentlab.experiment.same_data import require_prepared
    from latentlab.studies.registry import STUDIES
    from latentlab.tracking.named_trials import named_trial

    trial = named_trial(target)
    name = trial.study if trial else target
    studies_meant(name, STUDIES)
    require_examinable(STUDIES[name])
    if trial and arm:
        raise UserError(f"{target} is of one arm already", "Leave --arm out.")
    session = KedroSession.create(env=env, runtime_params=params, save_on_close=False)
    with session, told_apart():
        catalog = session.load_context().catalog
        if not catalog.exists(f"{name}.prepared"):
            stage = f"kedro run --pipelines {name}.data_preparation"
            raise UserError(
                f"The data of {name} are not prepared in this environment",
                f"Give {stage}{f' --env {env}' if env else ''}, or run the study.",
            )
        setting = Setting(
            STUDIES[name],
            catalog.load(f"params:{name}"),
            catalog.load("params:compute"),
            catalog.load(f"{name}.prepared"),
            catalog.load(f"{name}.store"),
        )
        require_prepared(setting.study, setting.declaration, setting.prepared.name)
        examined = (
            trial_of(setting, trial.trial_id, seeds)
            if trial
            else arm_of(setting.study, setting.declaration, arm, seeds)
        )
        found, off, document = examine_whole(setting, examined)
        written = f"{name}.examination"
        catalog.save(written, document)
        report = getattr(catalog.get(written), "_filepath", written)
    if in_json:
        print_json(facts(found, off) | {"report": str(report)})
        return
    for line in sentences(found, off):
        click.echo(line)
    click.echo(f"Report: {report}")
