"""What the studies give in smoke is what they gave before: the golden record, in small."""

from __future__ import annotations

import copy
import json

from golden import KEPT, compare, pipelines, portable, recorded
from labs.project_copies import ProjectCopy


def test_trials_of_the_first_study_have_the_names_they_had(smoke_project: ProjectCopy) -> None:
    found = {"derp_vae": portable(recorded(smoke_project, "derp_vae"))}
    known = {"derp_vae": json.loads(KEPT.read_text())["derp_vae"]}
    assert compare(known, found) == []


def test_every_study_and_sweep_has_its_record() -> None:
    assert list(json.loads(KEPT.read_text())) == pipelines()


def test_a_changed_score_is_named(smoke_project: ProjectCopy) -> None:
    found = {"derp_vae": recorded(smoke_project, "derp_vae")}
    assert compare(found, found) == []
    changed = copy.deepcopy(found)
    changed["derp_vae"]["scores"][1] = changed["derp_vae"]["scores"][1] + "9"
    assert any(line.startswith("+++ after/derp_vae/scores") for line in compare(found, changed))
