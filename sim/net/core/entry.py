"""The compiled core's front door: plain machine words in, plain machine words out. Import only where `sim.kernel.jit.COMPILED`."""

from __future__ import annotations

from numba import carray

from sim.net.core.compiled import words_at, world_at
from sim.net.core.engine import run


def enter(world: int, orders: int, used: int, until_ns: int) -> int:
    """`run` with world and orders as addresses."""
    return run(world_at(world), carray(words_at(orders), (used,)), used, until_ns)
