"""Is a latent-variable model collapsed, since when, and why: docs/collapse.md."""

FEWEST_SEEDS = 3
"""With fewer, no claim about a cause can be told from chance."""
