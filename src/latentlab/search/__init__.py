"""Searches over configurations: spaces, samplers, sweeps, their analysis, and the next space."""
