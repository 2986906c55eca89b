"""What a hypothesis may claim, a module per kind; `registry` lists them."""
