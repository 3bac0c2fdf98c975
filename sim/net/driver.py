"""The compiled core as one callable, made on first use and kept on disk; the same code interpreted where there is no JIT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sim.kernel.jit import COMPILED, is_cached, own_cache
from sim.net.core import engine
from sim.net.core.state import World

NO_ORDERS = np.zeros(0, np.int64)

_compiled: dict[Any, Any] = {}  # functions compiled in this process, by their Python source function


def run(world: World, orders: Any, used: int, until_ns: int) -> int:
    """`engine.run`, compiled if possible."""
    status: int = _engine()(world, orders, used, until_ns)
    return status


def _engine() -> Callable[[World, Any, int, int], int]:
    found = _compiled.get(engine.run)
    if found is None:
        found = engine.run
        if COMPILED:
            import numba

            from sim.net.core.compiled import RUN_TYPE

            source = engine.run.py_func  # type: ignore[attr-defined]
            with own_cache():
                found = numba.njit(RUN_TYPE, cache=True, error_model="numpy", nogil=True)(source)
        _compiled[engine.run] = found
    return found


def with_rule(world: World, rule: Callable[[World, int, int, int, int], int]) -> World:
    """The world with a gossip rule: its address for compiled code, the function itself for the interpreter."""
    world.rule = rule
    if COMPILED:
        found = _compiled.get(rule)
        if found is None:
            import numba

            from sim.net.core.compiled import RULE_TYPE

            with own_cache():
                found = numba.cfunc(RULE_TYPE, cache=True, error_model="numpy")(getattr(rule, "py_func", rule))
            _compiled[rule] = found
        world.table[-1, 0] = found.address
    return world


def needs_compiling() -> bool:
    """Whether the first run in this process will have to compile the core (about 15 s on one core)."""
    return COMPILED and engine.run not in _compiled and not is_cached("run")
