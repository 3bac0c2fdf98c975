"""Blocks that point to many: everybody proposes in every round, and the order is read off the graph they make."""
