"""Floor 3: what corrupted nodes do to their own traffic."""
