"""What to beware of: rules over runs, verdicts, and the figures that a report prints."""
