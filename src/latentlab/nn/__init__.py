"""Layers that are initialised from a generator and stack under vmap."""
