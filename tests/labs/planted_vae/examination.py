"""The levers: each brings a setting to where no collapse comes from it."""

from latentlab.experiment.examination.levers import epochs_share, to

LEVERS = {
    "kl_weight": to("objective.kl_weight", 1.0),
    "likelihood_scale": to("objective.likelihood_scale", 1.0),
    "kl_warmup": epochs_share("objective.kl_warmup_epochs", 0.5),
    "shortcut": to("model.shortcut", 0.0),
    "blind_decoder": to("model.decoder_gain", 1.0),
    "input_scale": to("model.input_scale", 1.0),
    "encoder_shift": to("model.encoder_shift", 0.0),
    "learning_rate": to("training.learning_rate", 0.001),
    "weight_decay": to("training.weight_decay", 0.0),
    "log_variance_floor": to("model.log_variance_floor", -10.0),
}
