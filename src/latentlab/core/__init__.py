"""What every layer needs: errors, files, provenance."""
