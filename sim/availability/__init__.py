"""Floor 3: how content stays fetchable."""
