"""What to beware of in a sweep: rules over how it was made and what it shows."""
