"""What a person may say about runs that exist: the `evidence` block of the parameters."""

from __future__ import annotations

from pydantic import Field

from latentlab.core.model import Names
from latentlab.metrics.metric import Better
from latentlab.runs.source_settings import SourceSettings


class EvidenceSettings(SourceSettings):
    """Which runs, and which column is what; what is not said is guessed, and the guess said."""

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
    started: str | None = Field(
        None, description="files: column of the time a run began; none: one called so, if it is one"
    )
    control: str | None = Field(
        None, description="the arm that others are compared with; none: one that is called so"
    )
    claims: str | None = Field(
        None, description="a file as a study's hypotheses.yml; none: each arm against the control"
    )
    printed: str | None = Field(
        None, description="a file of what a report prints and says of the runs, to be audited"
    )
    follows: str | None = Field(
        None, description="audit of a sweep file: the file of the sweep that it follows"
    )
    write_back: bool = Field(
        False, description="MLflow: write the verdicts into the experiment, as a run beside them"
    )
