"""MLflow: the run tree, batch logging, the registered model, and the Kedro hook that drives them."""
