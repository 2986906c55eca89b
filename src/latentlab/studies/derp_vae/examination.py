"""Which settings may be why a model of this study is collapsed."""

from __future__ import annotations

from latentlab.experiment.examination.levers import epochs_share, times, to

LEVERS = {
    "kl_weight": times("objective.beta", 0.1),
    "kl_warmup": epochs_share("objective.beta_warmup_epochs", 0.5),
    "learning_rate": times("training.learning_rate", 0.1),
    "dropout": to("model.dropout", 0.0),
}
"""By cause. No lever changes the likelihood's scale: it is a tenfold weight of the likelihood with
the KL as it is, which `kl_weight` is up to the other terms."""
