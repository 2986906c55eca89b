"""Plain methods: any PyTorch module with a training step of its own, trained trial by trial."""
