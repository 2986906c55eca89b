"""Is a latent-variable model collapsed, since when, and why: docs/collapse.md."""
