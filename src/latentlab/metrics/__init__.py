"""What several studies measure, a module a family."""
