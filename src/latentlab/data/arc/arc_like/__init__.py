"""ARC-like tasks that are made here."""
