"""Readers of runs, a module per tool."""
