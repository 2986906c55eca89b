"""Executors: jobs in, results and news out."""
