"""Reading foreign files: download, decode, unpickle."""
