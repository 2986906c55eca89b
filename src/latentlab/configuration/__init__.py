"""How `conf/` is read and checked: files, layers, parameters."""
