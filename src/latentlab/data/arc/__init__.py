"""ARC tasks, from files and made here."""
