"""Descriptions of a finished sweep: effects, elites, coverage, cost; none has a p of its own."""
