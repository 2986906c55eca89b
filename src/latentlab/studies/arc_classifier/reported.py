"""What the report says of each change, beside what is measured here.

The report analyses 20 trials of a search: 15 with the convolutional encoder, 5 with the other. Its
effects are differences of means over trials that differ in everything else too, and rank
correlations; its accuracy is on 73 validation tasks, the best epoch's, as an unweighted mean over
batches. None of its figures is that of a single arm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

EFFECTS: dict[str, str] = {
    "context": "-0.038 (means .234 and .272 of 5 and 15 trials)",
    "mean_aggregation": "-0.071 (means .215 and .286)",
    "coordinates": "-0.034 (means .247 and .281)",
    "no_schedule": "-0.050 (means .225 and .275)",
    "cosine": "-0.015 (means .251 and .266)",
    "smoothing": "worse (rho -.407, p .075, n 20)",
    "depth_2": "worse (rho .479 with depth, p .071, n 15)",
    "depth_6": "better (rho .479 with depth, p .071, n 15)",
    "batch_8": "better (rho -.669 with batch size, p .001, n 20)",
    "batch_32": "worse (rho -.669 with batch size, p .001, n 20)",
}
"""By arm, as a change from the reference; differences are in batch-mean accuracy."""

SHOWN = ("balanced_accuracy", "legacy_batch_mean_accuracy")

CAPTION = (
    "Each change of the reference: what the report says of it, as differences of means over trials "
    "that differ in everything else too, and paired differences from the reference on test tasks "
    "here, with 95 % t intervals that are not adjusted."
)


def effects_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """The report's effects beside the measured ones.

    Args:
        comparison: from `comparison_table`.

    Returns:
        One row per metric and arm that both have: metric, change, reported effect, measured
        difference from the control with its interval, seeds.
    """
    import pandas as pd

    from latentlab.reporting.formatting import format_estimate

    others = comparison[~comparison["is_control"].astype(bool) & comparison["arm"].isin(EFFECTS)]
    rows = [
        {
            "metric": row["metric"],
            "change": row["arm"],
            "reported": EFFECTS[row["arm"]],
            "measured": format_estimate(
                row["difference"], row["difference_low"], row["difference_high"]
            ),
            "seeds": row["pairs"],
        }
        for metric in SHOWN
        for row in others[others["metric"] == metric].to_dict("records")
    ]
    return pd.DataFrame(rows)
