"""The analysis of a finished sweep: what decided, how sure that is, and what to beware of."""
