"""Floor 3: trouble that is nobody's malice."""
