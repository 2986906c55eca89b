"""The claims of the project's studies, whole: what each decides with, whatever its file spells out.

The digests were recorded when every claim spelled everything out. A record of freezing keeps its
times as long as they hold.
"""

import hashlib
from pathlib import Path

import pytest
import yaml
from latentlab.evidence.freeze import digest

from latentlab.evidence.hypotheses import Hypotheses, read_hypotheses

CONF = Path(__file__).parents[3] / "conf" / "base"
DIGESTS = {
    "anchored_multimodal": "745f31a197fe3a96",
    "arc_classifier": "5e4a2f13e43abff1",
    "derp_vae": "f5533c6603f34212",
    "least_volume": "d0356023863cba47",
    "mixture_harmonium": "5d500ccb9744ad67",
}


def whole(study: str) -> Hypotheses:
    path = CONF / study / "hypotheses.yml"
    return read_hypotheses(yaml.safe_load(path.read_text())[study]["hypotheses"], str(path))


def test_no_file_is_left_out() -> None:
    with_claims = {path.parent.name for path in CONF.glob("*/hypotheses.yml")}
    assert {study for study in with_claims if whole(study).hypotheses} == set(DIGESTS)


@pytest.mark.parametrize("study", DIGESTS)
def test_claims_say_what_they_said(study: str) -> None:
    declared = whole(study)
    digests = [
        f"{name} {digest(claim, declared.family_of(name), declared.defaults)}"
        for name, claim in declared.hypotheses.items()
    ]
    assert hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16] == DIGESTS[study]


@pytest.mark.parametrize("study", DIGESTS)
def test_a_claim_that_spells_its_defaults_out_has_the_same_digest(study: str) -> None:
    """Its dump is whole: read again, nothing is left to the defaults."""
    declared = whole(study)
    again = Hypotheses.model_validate(declared.model_dump(mode="json"))
    for name, claim in declared.hypotheses.items():
        family = declared.family_of(name)
        assert digest(again.hypotheses[name], family, again.defaults) == digest(
            claim, family, declared.defaults
        )
