"""The sweep of a study: its file, its runs, its confirmation, its report."""
