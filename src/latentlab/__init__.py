"""latentlab: experiments with latent-variable and representation-learning models."""

__version__ = "0.1.0"
