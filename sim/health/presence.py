"""When somebody without a seat is offline: on and off times are exponential, each drawn by itself (Yao et al., ICNP 2006, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p

from sim.health.world import WorkloadWorld

Span = tuple[int, int]
"""From when until when, in ns."""


def absences(world: WorkloadWorld, home: int, client: int, online_ns: int, offline_ns: int) -> list[Span]:
    """The times to the end of the run for which a client of a home is offline, in order. It begins online."""
    key = (world.number, world.names[home], client)
    until_ns, turn, is_online = 0, 0, True
    spans: list[Span] = []
    while offline_ns and until_ns < world.duration_ns:
        mean_ns = online_ns if is_online else offline_ns
        length_ns = round(-log1p(-world.dice.uniform("light client online", *key, turn)) * mean_ns)
        if not is_online:
            spans.append((until_ns, until_ns + length_ns))
        until_ns, turn, is_online = until_ns + length_ns, turn + 1, not is_online
    return spans


def back_ns(spans: Sequence[Span], wish_ns: int) -> int:
    """When somebody who wishes something at that time can ask for it: at once, or once it is back."""
    return next((end_ns for start_ns, end_ns in spans if start_ns <= wish_ns < end_ns), wish_ns)
