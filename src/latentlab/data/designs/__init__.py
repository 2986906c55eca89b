"""Optimised designs, from files."""
