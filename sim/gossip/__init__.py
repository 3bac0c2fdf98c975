"""Floor 3: how content spreads."""
