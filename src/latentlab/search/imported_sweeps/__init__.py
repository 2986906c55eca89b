"""Sweeps that this project did not run: imported runs and the space that they came from."""
