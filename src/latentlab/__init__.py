"""latentlab: experiments with latent-variable and representation-learning models."""

import logging

__version__ = "0.1.0"

# As it is imported, Kedro tells which file has the settings of its logging; nobody asked.
logging.getLogger("kedro.framework.project").addFilter(
    lambda record: "as logging configuration" not in str(record.msg)
)
