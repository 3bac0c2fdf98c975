"""The compiled core as one callable, made on first use and kept on disk; the same code interpreted where there is no JIT."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from sim.kernel.errors import ProtocolError
from sim.kernel.jit import COMPILED, is_cached, own_cache
from sim.net.core import engine
from sim.net.core.state import KEEPER_OPTIONS, SHARE_CHECK_NS, World
from sim.net.keeper import Keeper

Rule = Callable[[World, int, int, int, int], int]


def run(world: World, orders: array[int], until_ns: int) -> int:
    """`engine.run`, compiled if possible. Interpreted, NumPy would warn where 64-bit products wrap around, as they should."""
    if COMPILED:
        place, used = orders.buffer_info()
        status = _entry()(world.address, place, used, until_ns)
        if world.plain is not None:
            world.plain.complain()
        return status
    with np.errstate(over="ignore"):
        return engine.run(world, np.array(orders, np.int64), len(orders), until_ns)


def compiled(world: World) -> Callable[[int, int, int, int], int] | None:
    """What `run` calls for a world all of whose rules are compiled, for who calls it often; None where Python has a part in it."""
    return _entry() if COMPILED and world.plain is None else None


@cache
def _entry() -> Callable[[int, int, int, int], int]:
    """The core as a function of (address of the world's table, address of the orders, their number, until when).

    Whole numbers only: what the compiler's dispatcher then looks at is half of what a C function called by its address
    costs through ctypes, and a twentieth of what it would look at in a world.
    """
    import numba

    from sim.net.core.compiled import ENTRY_TYPE, plain_indices
    from sim.net.core.entry import enter

    with own_cache(), plain_indices():
        compiled: Callable[[int, int, int, int], int] = numba.njit([ENTRY_TYPE], cache=True, error_model="numpy", nogil=True)(enter)
    return compiled


@cache
def _machine_code(rule: Any) -> Any:
    """A gossip rule as a C function, kept on disk if its source is a file; None where Numba cannot compile it."""
    import numba

    from sim.net.core.compiled import RULE_TYPE

    function = getattr(rule, "py_func", rule)
    with own_cache():
        try:
            try:
                return numba.cfunc(RULE_TYPE, cache=True, error_model="numpy")(function)
            except RuntimeError:  # nowhere to keep it: typed into a notebook
                return numba.cfunc(RULE_TYPE, error_model="numpy")(function)
        except (numba.core.errors.NumbaError, TypeError, NotImplementedError):
            return None


class PlainRule:
    """A gossip rule that stays Python: the compiled core calls back, which is slower."""

    def __init__(self, world: World, rule: Rule) -> None:
        self.world, self.rule = world, rule
        self.error: Exception | None = None
        prototype = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_int64] * 4)
        self.callback = prototype(self._answer)
        self.address: int = ctypes.cast(self.callback, ctypes.c_void_p).value or 0

    def _answer(self, _: int, event: int, seat: int, peer: int, item: int) -> int:
        if self.error is None:
            try:
                return int(self.rule(self.world, event, seat, peer, item))
            except Exception as error:  # must not cross the compiled core: raised again when it returns
                self.error = error
        return 0

    def complain(self) -> None:
        """Raise what went wrong in the rule, if anything did."""
        if self.error is not None:
            raise self.error


def with_rule(world: World, rule: Rule) -> World:
    """The world with a gossip rule: its address for compiled code, the function itself for the interpreter."""
    world.rule = rule
    if COMPILED:
        machine_code = _machine_code(rule)
        if machine_code is None:
            world.plain = PlainRule(world, rule)
        world.table[-1, 0] = (machine_code or world.plain).address
    return world


def with_keeper(world: World, keeper: Keeper | None, at: int) -> None:
    """Put a rule for shares, if there is one, beside the gossip rule, its parameters at word `at` of the options.

    Raises ProtocolError where Numba cannot compile it.
    """
    if keeper is None:
        return
    world.keeper = keeper.rule
    world.setup[[KEEPER_OPTIONS, SHARE_CHECK_NS]] = at, keeper.check_ns
    world.options[at:] = keeper.options
    if COMPILED:
        machine_code = _machine_code(keeper.rule)
        if machine_code is None:
            raise ProtocolError(f"the keeper {keeper.rule.__name__} cannot be compiled")
        world.table[-1, 1] = machine_code.address


def with_member_rule(world: World, rule: Rule) -> None:
    """Put a membership rule beside the gossip rule. Raises ProtocolError where Numba cannot compile it."""
    world.member_rule = rule
    if COMPILED:
        machine_code = _machine_code(rule)
        if machine_code is None:
            raise ProtocolError(f"the membership rule {rule.__name__} cannot be compiled")
        world.table[-1, 2] = machine_code.address


def needs_compiling() -> bool:
    """Whether the first run on this machine is still to come, which compiles the core (about a minute on one core)."""
    return COMPILED and not is_cached("enter")


def beginning() -> str:
    """What a run does first, for those who wait for it: its rules are compiled on their first use, the core on the very first."""
    if needs_compiling():
        return "compiling the delivery core for this machine (once, about a minute)"
    return "making the network" + (", compiling what is new in it (once, seconds)" if COMPILED else "")
