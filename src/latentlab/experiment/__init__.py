"""What all studies share: declaration, planning, scoring, judging, report."""
