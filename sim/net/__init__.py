"""Floor 1: places, links and the compiled delivery core."""
