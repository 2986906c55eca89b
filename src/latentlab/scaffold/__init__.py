"""The first files of a new study: `latentlab new study`."""
