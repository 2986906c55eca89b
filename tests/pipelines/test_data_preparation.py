"""Stage 1 alone: what it refuses before it reads anything."""

import pytest

from latentlab.compute.config import ComputeConfig
from latentlab.core.errors import UserError
from latentlab.experiment.declaration import Declaration
from latentlab.pipelines import data_preparation
from latentlab.pipelines.data_preparation import prepare
from latentlab.studies.registry import STUDIES


@pytest.mark.parametrize("raw", [5, None, ["data"], {"folder": "data"}, True, "file"])
def test_a_raw_folder_that_is_none(tmp_path, monkeypatch, raw):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(data_preparation, "project_root", lambda: tmp_path)
    declaration = Declaration.model_construct()
    with pytest.raises(UserError, match=r"raw_data: .* is no folder\. .*data/01_raw"):
        prepare(STUDIES["derp_vae"], declaration, ComputeConfig(), raw)
