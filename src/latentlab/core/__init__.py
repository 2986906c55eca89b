"""What every layer needs: errors, the base of declarations, files, provenance."""
