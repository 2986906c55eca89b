"""Which package each module belongs to, found once: MLflow looks through all files for every model.

Imported where processes are forked that log models.
"""

from mlflow.utils import requirements_utils

requirements_utils._init_modules_to_packages_map()
