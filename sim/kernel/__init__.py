"""Floor 0: time, chance, memory. Knows nothing of networks."""
