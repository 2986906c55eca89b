"""Verdicts on runs that exist: which run is which arm, the claims, the verdicts, the report."""
