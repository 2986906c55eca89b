"""The blocks of docs/programs.md are valid."""

import re
from pathlib import Path

import yaml

from labs.programs import declared

PAGE = Path(__file__).resolve().parents[2] / "docs" / "programs.md"


def test_the_blocks_of_the_page_are_valid():
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    first, second = (yaml.safe_load(text) for text in blocks)
    claims = {"study": "my_study", "families": {}, "hypotheses": {}}
    study = declared(first["my_study"] | {"hypotheses": claims})
    assert study.configs["fast"].settings() == {"training.lr": 0.5, "model.name": "mlp"}
    content = second["their_study"] | {"hypotheses": claims}
    # As OmegaConf hands it on.
    content["program"]["command"][-1] = content["program"]["command"][-1].replace("\\", "")
    assert declared(content).takes("anything")
