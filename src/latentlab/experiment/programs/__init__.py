"""Studies whose trials are commands: training code of any kind, which writes its own scores."""
