"""Floor 3: how order is agreed."""
