"""What a person may say about runs that exist: the `evidence` block of the parameters."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from latentlab.core.model import Names, StrictModel
from latentlab.metrics.metric import Better


class EvidenceSettings(StrictModel):
    """Which runs, and which column is what; what is not said is guessed, and the guess said."""

    # A column may be called 1, which the command line reads as a number.
    model_config = ConfigDict(coerce_numbers_to_str=True)

    source: str | None = Field(
        None,
        description="a CSV file, an Optuna storage (a URL, a SQLite or a journal file), or "
        "mlflow:<experiment>",
    )
    study: str | None = Field(None, description="Optuna: name of the study; none: the only one")
    metric: Names | None = Field(
        None, description="column, or a+b; the claims are about the first; none: the test score"
    )
    better: Better | None = Field(
        None, description="which way the first metric is better; none: as its name says"
    )
    ratios: Names | None = Field(
        None, description="metrics that are compared by ratios, such as times; none: differences"
    )
    arm: Names | None = Field(
        None, description="column, or a+b together; none: what varies and is neither seed nor score"
    )
    seed: str | None = Field(None, description="column of the seed; none: one that is called so")
    state: str | None = Field(None, description="CSV: column of the state; none: one called so")
    control: str | None = Field(
        None, description="the arm that others are compared with; none: one that is called so"
    )
    claims: str | None = Field(
        None, description="a file as a study's hypotheses.yml; none: each arm against the control"
    )
    printed: str | None = Field(
        None, description="a file of what a report prints and says of the runs, to be audited"
    )
