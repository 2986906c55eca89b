"""The claims of the project's studies, whole: what each decides with, whatever its file spells out.

A change of a digest is a change of claims that runs before it have registered.
"""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from latentlab.evidence.hypotheses import Hypotheses, read_hypotheses
from latentlab.evidence.statements import statements
from latentlab.metrics.timing import TIMES
from latentlab.studies.registry import STUDIES

METRICS = {
    name: {metric.name: metric for metric in (*study.declaration.own_metrics, *TIMES)}
    for name, study in STUDIES.items()
}
CONF = Path(__file__).parents[3] / "conf" / "base"
DIGESTS = {
    "anchored_multimodal": "003172b77ed43cdf",
    "arc_classifier": "b8f0051ba487ef52",
    "derp_vae": "a727af4203a0ed31",
    "least_volume": "8e3106f330985169",
    "mixture_harmonium": "54b1a3c5f3ffa396",
    "vae_objectives": "86c50bf95befcb2d",
}


def whole(study: str) -> Hypotheses:
    path = CONF / study / "hypotheses.yml"
    return read_hypotheses(yaml.safe_load(path.read_text())[study]["hypotheses"], str(path))


def test_no_file_is_left_out() -> None:
    with_claims = {path.parent.name for path in CONF.glob("*/hypotheses.yml")}
    assert {study for study in with_claims if whole(study).hypotheses} == set(DIGESTS)


@pytest.mark.parametrize("study", DIGESTS)
def test_claims_say_what_they_said(study: str) -> None:
    stated = {
        name: one.model_dump() for name, one in statements(whole(study), METRICS[study]).items()
    }
    text = json.dumps(stated, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGESTS[study]


@pytest.mark.parametrize("study", DIGESTS)
def test_a_claim_that_spells_its_defaults_out_states_the_same(study: str) -> None:
    """Its dump is whole: read again, nothing is left to the defaults."""
    declared = whole(study)
    again = Hypotheses.model_validate(declared.model_dump(mode="json"))
    assert statements(again, METRICS[study]) == statements(declared, METRICS[study])
