"""Runs that exist, as raw tables: what other tools left behind. Knows no search space."""
