"""The Kedro edge: datasets, and node functions of a few lines that call the core."""
