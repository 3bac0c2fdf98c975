"""The compiled core as one callable, made on first use and kept on disk; the same code interpreted where there is no JIT."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from sim.kernel.jit import COMPILED, is_cached, own_cache
from sim.net.core import engine
from sim.net.core.state import World

NO_ORDERS = np.zeros(0, np.int64)


def run(world: World, orders: Any, used: int, until_ns: int) -> int:
    """`engine.run`, compiled if possible. Interpreted, NumPy would warn where 64-bit products wrap around, as they should."""
    if COMPILED:
        status: int = _engine()(world, orders, used, until_ns)
        return status
    with np.errstate(over="ignore"):
        return _engine()(world, orders, used, until_ns)


@cache
def _engine() -> Callable[[World, Any, int, int], int]:
    if not COMPILED:
        return engine.run
    import numba

    from sim.net.core.compiled import RUN_TYPE

    source: Any = engine.run
    with own_cache():
        found: Callable[[World, Any, int, int], int] = numba.njit(RUN_TYPE, cache=True, error_model="numpy", nogil=True)(
            source.py_func
        )
    return found


@cache
def _machine_code(rule: Any) -> Any:
    """A gossip rule as a C function."""
    import numba

    from sim.net.core.compiled import RULE_TYPE

    with own_cache():
        return numba.cfunc(RULE_TYPE, cache=True, error_model="numpy")(getattr(rule, "py_func", rule))


def with_rule(world: World, rule: Callable[[World, int, int, int, int], int]) -> World:
    """The world with a gossip rule: its address for compiled code, the function itself for the interpreter."""
    world.rule = rule
    if COMPILED:
        world.table[-1, 0] = _machine_code(rule).address
    return world


def needs_compiling() -> bool:
    """Whether the first run on this machine is still to come, which compiles the core (about 20 s on one core)."""
    return COMPILED and not is_cached("run")
