"""What a report prints and claims, held against itself."""
