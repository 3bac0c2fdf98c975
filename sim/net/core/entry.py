"""The compiled core's front door: plain machine words in, plain machine words out. Import only where `sim.kernel.jit.COMPILED`."""

from __future__ import annotations

from typing import Any

from numba import carray

from sim.net.core.engine import run
from sim.net.core.state import World


def enter(w: World, orders: Any, used: int, until_ns: int) -> int:
    """`run` with the orders as an address."""
    return run(w, carray(orders, (used,)), used, until_ns)
