"""Floor 4: from a question to an answer."""
