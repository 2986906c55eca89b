"""The terms of the loss, each a function of one batch; KL and DERP term are in `metrics`.

Kingma & Welling 2014 (reconstruction, KL), Higgins et al. 2017 (its weight beta).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def reconstruction_loss(logits: Tensor, x: Tensor) -> Tensor:
    """Cross-entropy of pixels in [0, 1], nats: summed over pixels, averaged over the batch."""
    total = functional.softplus(logits).sum() - torch.dot(logits.flatten(), x.flatten())
    return total / len(x)


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the classifier, nats, averaged over the batch."""
    return functional.cross_entropy(logits, labels)
