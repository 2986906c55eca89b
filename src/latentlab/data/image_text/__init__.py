"""Pictures and texts of the same classes."""
