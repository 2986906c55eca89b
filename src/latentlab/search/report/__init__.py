"""The report of a sweep: its figures, its sections, and the files beside it."""
