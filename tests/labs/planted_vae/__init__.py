"""A small VAE with every fault that a collapse may come from, to be planted and to be found."""

from labs.planted_vae.config import PlantedVaeConfig
from latentlab.experiment.declaration import Declaration
from latentlab.experiment.study import Study


class PlantedVaeDeclaration(Declaration):
    """The study's block."""

    config_class = PlantedVaeConfig
    own_metrics = ()


STUDY = Study(
    name="planted_vae",
    title="A VAE with planted faults",
    question="Does the examination find what was planted?",
    declaration=PlantedVaeDeclaration,
    control="planted",
    curves=(),
    strips=(),
    package="labs.planted_vae",
    figures=(),
)


def declaration(arm, seeds=3):
    """One arm, with settings of `model`, `objective` and `training`, on the embedded digits."""
    return PlantedVaeDeclaration.model_validate(
        {
            "dataset": "digits",
            "datasets": {"digits": {"arms": {"planted": arm}}},
            "seeds": {"first": 0, "count": seeds},
            "champion": {"metric": "step_seconds_alone"},
            "hypotheses": {"study": "planted_vae", "families": {}, "hypotheses": {}},
        }
    )
