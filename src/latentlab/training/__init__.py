"""Trials, cohorts and the loop that trains them. Knows no study by name."""
