"""Agreement of clusters with labels, from a table of both, as tensors: for learning curves.

The scores of the report are scikit-learn's; see `clustering`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def normalised_mutual_information(table: Tensor) -> Tensor:
    """Mutual information over the arithmetic mean of both entropies, in 0..1.

    Args:
        table: counts or weights of clusters by labels, [clusters, labels].

    Returns:
        Scalar; 0 for an empty table, or where all is in one cluster.
    """
    joint = table / table.sum().clamp(min=1e-12)
    clusters, labels = joint.sum(1), joint.sum(0)
    of_clusters, of_labels, of_both = (
        -torch.xlogy(p, p).sum() for p in (clusters, labels, joint.flatten())
    )
    shared = of_clusters + of_labels - of_both
    return 2 * shared / (of_clusters + of_labels).clamp(min=1e-12)
