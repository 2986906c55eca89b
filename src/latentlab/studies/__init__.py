"""One folder per study: the only place that knows a method."""
