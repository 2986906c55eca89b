"""MLflow: the run tree, batch logging, the registered model, and the hook that drives them."""
