"""Sweeps from files: what is searched, and finished sweeps of other tools as tables."""
