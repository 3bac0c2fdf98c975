"""What no scheme in shares can do: told in one sentence before anything is made."""

from __future__ import annotations

from sim.kernel.errors import ScenarioError

MOST_CELLS = 1 << 27
"""Shares times seats: 21 bytes each for every block whose data is still under way."""
MOST_SHARES = 1 << 18
"""The largest square anybody has proposed: 512 x 512."""
MOST_DEGREE = 1000
LEAST_PATIENCE_NS = 1_000_000


def check_spread(degree: int, copies: int, patience_ns: int, turns: int) -> None:
    """How shares go round and are asked for again. Raises ScenarioError with the key."""
    if degree < 1:
        raise ScenarioError("a mesh without neighbours passes nothing on; give at least 1", "degree")
    if degree > MOST_DEGREE:
        raise ScenarioError(f"no node keeps up with so many neighbours; give at most {MOST_DEGREE}", "degree")
    if copies < 1:
        raise ScenarioError("a publisher that sends a share to nobody publishes nothing; give at least 1", "copies")
    if turns and patience_ns < LEAST_PATIENCE_NS:
        raise ScenarioError("nobody can answer in so short a time; give at least 1 ms", "patience")


def check_cells(shares: int, seats: int, key: str) -> None:
    """That the tables of what each seat has fit into memory. Raises ScenarioError with the key."""
    most = min(MOST_SHARES, MOST_CELLS // seats)
    if shares > most:
        raise ScenarioError(f"{shares:,} shares at {seats:,} seats are too many to follow; there may be {most:,}", key)
