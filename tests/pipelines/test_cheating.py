"""Ways to bend a verdict, as a person would try them: each is named, and honest runs are not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from click.testing import CliRunner
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from omegaconf import OmegaConf

from labs.project_copies import ProjectCopy
from latentlab.cli import register, verify
from latentlab.core.errors import UserError
from latentlab.experiment import verification
from latentlab.studies.registry import STUDIES

STUDY = "derp_vae"
STAGES = ("data_preparation", "training", "evaluation", "hypothesis_testing")
CLAIMS = Path("conf/base") / STUDY / "hypotheses.yml"
TRIALS = Path("data/smoke/06_models") / STUDY
REGISTRATION = TRIALS / "registration.yml"
SCORES = Path("data/smoke/07_model_output") / STUDY / "scores.parquet"
VERDICTS = Path("data/smoke/08_reporting") / STUDY / "verdicts.csv"


@pytest.fixture
def lab(smoke_project: ProjectCopy, tmp_path: Path) -> ProjectCopy:
    """A finished and registered study, to be bent."""
    root = tmp_path / "project"
    shutil.copytree(smoke_project.root, root)
    return ProjectCopy(root)


def run(lab: ProjectCopy, *params: str, stages: tuple[str, ...] = STAGES) -> None:
    """Run the stages up to the verdicts."""
    names = ",".join(f"{STUDY}.{stage}" for stage in stages)
    given = ["--params", ",".join(f"{STUDY}.{param}" for param in params)] if params else []
    done = lab.kedro("run", "--env", "smoke", "--pipelines", names, *given)
    assert done.returncode == 0, done.stderr


def verdicts(lab: ProjectCopy) -> pd.DataFrame:
    return pd.read_csv(lab.root / VERDICTS, keep_default_na=False).set_index("hypothesis")


def verified(lab: ProjectCopy, *params: str) -> str:
    """What `verify` prints; its status is not 0 where something departs."""
    given = ["--params", ",".join(f"{STUDY}.{param}" for param in params)] if params else []
    done = lab.kedro("verify", STUDY, "--env", "smoke", *given)
    holds = ": holds" in done.stdout and "do not hold" not in done.stderr + done.stdout
    assert (done.returncode == 0) == holds
    assert holds or "Give the --env and --params of the run" in done.stderr
    return done.stdout


def departing(lab: ProjectCopy, *params: str) -> str:
    """What `verify` finds, in this process and without evaluating weights again."""
    given = OmegaConf.to_container(OmegaConf.from_dotlist([f"{STUDY}.{one}" for one in params]))
    with chdir(lab.root), pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "_other_scores", lambda *_: {})
        bootstrap_project(lab.root)
        with KedroSession.create(lab.root, env="smoke", runtime_params=given) as session:
            context = session.load_context()
            names = ("trials", "scores", "verdicts", "prepared", "store")
            trials, *others = (context.catalog.load(f"{STUDY}.{name}") for name in names)
            declaration = context.params[STUDY]
        table = trials.assign(config=trials["config"].map(json.loads))
        study, device = STUDIES[STUDY], torch.device("cpu")
        found = verification.verify_study(study, declaration, table, *others, device)["found"]
    return "\n".join(found[found != ""])


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text()
    after = change(before)
    assert after != before
    path.write_text(after)


def edit_claims(lab: ProjectCopy, change: Callable[[dict], None]) -> None:
    path = lab.root / CLAIMS
    content = yaml.safe_load(path.read_text())
    change(content[STUDY]["hypotheses"])
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def edit_scores(lab: ProjectCopy) -> None:
    """As one would who has seen that an edited file alone is refused as damaged."""
    (lab.root / TRIALS / "outputs.json").unlink()
    table = pd.read_parquet(lab.root / SCORES)
    raised = (table["arm"] == "derp_vae_5") & (table["metric"] == "accuracy")
    table.loc[raised, "value"] += 0.1
    table.to_parquet(lab.root / SCORES)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        (["seeds.count=4"], "seeds 3 were added"),
        (["seeds.first=20"], "seeds are 20-22, registered 0-2"),
        (["seeds.count=2"], "seeds 2 are left out"),
        (["training.learning_rate=0.01"], "training.learning_rate is 0.01, registered 0.003"),
        (["arms.standard_vae.training.epochs=1"], "arm standard_vae: training.epochs is 1"),
        (["datasets.digits.source.subset=600"], "the data of digits are others"),
    ],
)
def test_what_is_declared_otherwise_after_a_look(
    lab: ProjectCopy, params: list[str], why: str
) -> None:
    run(lab, *params)
    found = verdicts(lab).loc["H1_reported"]
    assert found["status"] == "deviated"
    assert why in found["status_reason"]
    assert why in departing(lab, *params)


def test_edited_claims(lab: ProjectCopy) -> None:
    def bend(declared: dict) -> None:
        declared["hypotheses"]["H1_reported"]["min_effect"] = "1% of control mean"
        declared["hypotheses"]["accuracy_kept"]["margin"] = 0.2
        declared["families"]["as_reported"]["alpha"] = 0.2
        del declared["hypotheses"]["more_active_units"]

    edit_claims(lab, bend)
    run(lab, stages=("training", "evaluation", "hypothesis_testing"))
    found = verdicts(lab)
    assert set(found["status"]) == {"deviated", "confirmatory"}
    assert (
        "its min_effect is 1% of control mean, registered"
        in found.loc["H1_reported", "status_reason"]
    )
    assert "its margin is 0.2, registered 0.02" in found.loc["accuracy_kept", "status_reason"]
    assert "its family's alpha is 0.2" in found.loc["H2_reported", "status_reason"]
    assert "its family lost more_active_units" in found.loc["more_normal", "status_reason"]
    told = departing(lab)
    for bent in ("its min_effect is", "its margin is", "alpha is 0.2", "its family lost"):
        assert bent in told


def test_an_arm_under_another_name(lab: ProjectCopy) -> None:
    def bend(declared: dict) -> None:
        declared["hypotheses"]["H1_reported"]["arms"] = {
            "treatment": "better",
            "control": "standard_vae",
        }

    edit_claims(lab, bend)
    run(lab, "arms.better.objective.beta=0.5")
    reason = verdicts(lab).loc["H1_reported", "status_reason"]
    assert "its arms.treatment is better, registered derp_vae_5" in reason
    assert reason in departing(lab, "arms.better.objective.beta=0.5")


def test_edited_scores(lab: ProjectCopy) -> None:
    edit_scores(lab)
    run(lab, stages=("hypothesis_testing",))
    found = verdicts(lab).loc["accuracy_kept"]
    assert found["status"] == "deviated"
    assert "its accuracy is not the one that was measured" in found["status_reason"]
    assert "its accuracy is not the one that was measured" in departing(lab)


def test_scores_edited_with_their_copies_are_found_by_measuring_again(lab: ProjectCopy) -> None:
    edit_scores(lab)
    table = pd.read_parquet(lab.root / SCORES)
    for trial_id in table.loc[table["arm"] == "derp_vae_5", "trial_id"].unique():
        (lab.root / TRIALS / "trials" / trial_id / "scores.json").unlink()
    run(lab, stages=("hypothesis_testing",))
    assert "its weights give another accuracy than is stored" in verified(lab)


def test_edited_weights(lab: ProjectCopy) -> None:
    (folder, *_) = sorted((lab.root / TRIALS / "trials").iterdir())
    weights = folder / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert f"trial {folder.name}: its weights are not those that were trained" in verified(lab)


def test_an_edited_registration(lab: ProjectCopy) -> None:
    edit(lab.root / REGISTRATION, lambda text: text.replace("[0, 1, 2]", "[0, 1]", 1))
    run(lab, stages=("hypothesis_testing",))
    assert "entry 1 of the registration was edited" in verdicts(lab)["status_reason"].iloc[0]
    assert "entry 1 of the registration was edited" in departing(lab)


def test_trials_first_and_the_registration_after(lab: ProjectCopy) -> None:
    (lab.root / REGISTRATION).unlink()
    run(lab)
    found = verdicts(lab)
    assert set(found["status"]) == {"exploratory"}
    assert "started before it was registered" in found["status_reason"].iloc[0]
    assert "started before it was registered" in departing(lab)


def test_a_registration_from_another_folder(lab: ProjectCopy) -> None:
    """Registered in time, but of trials that it never saw begin."""
    lines = (lab.root / REGISTRATION).read_text().split("---\n")
    (lab.root / REGISTRATION).write_text("---\n" + lines[1])
    run(lab)
    assert "were not begun under this registration" in verdicts(lab)["status_reason"].iloc[0]
    assert "were not begun under this registration" in departing(lab)


def test_another_formula_of_a_metric(lab: ProjectCopy) -> None:
    def older(text: str) -> str:
        """As if the study had been registered with the formula before the present one."""
        return text.replace("evaluation: 1", "evaluation: 0")

    (lab.root / TRIALS / "trials").rename(lab.root / "trials")
    (lab.root / REGISTRATION).unlink()
    register = lab.kedro("run", "--env", "smoke", "--pipelines", f"{STUDY}.register")
    assert register.returncode == 0, register.stderr
    edit(lab.root / REGISTRATION, older)
    run(lab)
    found = verdicts(lab)["status_reason"].iloc[0]
    assert "the evaluation has version 1, registered 0" in found
    assert found in departing(lab)


def test_honest_runs_stay_confirmatory(lab: ProjectCopy) -> None:
    before = verdicts(lab)
    length = len((lab.root / REGISTRATION).read_text())
    run(lab)
    pd.testing.assert_frame_equal(verdicts(lab), before)
    assert len((lab.root / REGISTRATION).read_text()) == length
    run(lab, "arms.extra.objective.beta=3.0")
    assert set(verdicts(lab)["status"]) == {"confirmatory"}
    for trial in list((lab.root / TRIALS / "trials").iterdir())[:2]:
        shutil.rmtree(trial)
    run(lab)
    assert set(verdicts(lab)["status"]) == {"confirmatory"}
    assert "do not hold" not in verified(lab)


def test_a_new_attempt_on_fresh_seeds_is_confirmatory_and_pays(lab: ProjectCopy) -> None:
    before = verdicts(lab)
    # As the report says it; of the stages up to the verdicts.
    (told,) = before.loc[["more_active_units"], "command"]
    assert told.startswith(f"kedro run --pipelines {STUDY} --params {STUDY}.seeds.first=3,")
    run(lab, *(one.removeprefix(f"{STUDY}.") for one in told.split(" ")[-1].split(",")))
    found = verdicts(lab)
    assert set(found["n"]) == {3}
    assert set(found["status"]) == {"confirmatory"}
    assert set(found["attempt"]) == {2}
    assert found["earlier_verdicts"].tolist() == before["verdict"].tolist()
    paid = pd.to_numeric(found.loc["H2_reported", "p_supported_adjusted"])
    assert paid >= min(1.0, 40 * pd.to_numeric(found.loc["H2_reported", "p_supported"]))


def test_the_commands_name_the_study_that_is_meant() -> None:
    for command in (register, verify):
        told = CliRunner().invoke(command, ["derp_va"]).exception
        assert isinstance(told, UserError)
        assert "There is no study derp_va. Did you mean derp_vae?" in str(told)


def test_registering_comes_first_and_alone(lab: ProjectCopy) -> None:
    shutil.rmtree(lab.root / "data/smoke")
    done = lab.kedro("register", STUDY, "--env", "smoke")
    assert done.returncode == 0, done.stderr
    assert not list((lab.root / TRIALS).glob("trials/*"))
    registered = json.loads((lab.root / TRIALS / "registered.json").read_text())
    assert registered["entry"]
    run(lab)
    assert set(verdicts(lab)["status"]) == {"confirmatory"}
