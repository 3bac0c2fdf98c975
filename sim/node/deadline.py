"""A time limit on a block of code: what `asyncio.timeout` is, on whole nanoseconds and without its detours.

A run sets one for every view of every node. The rules of cancelling are asyncio's (PEP 789's discussion; CPython, Lib/asyncio/timeouts.py):
whoever else cancels the task meanwhile wins, and only a cancellation of our own becomes TimeoutError.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from sim.kernel.loop import Turn, VirtualLoop


class Deadline(Turn):
    """`async with Deadline(loop, when_ns):` raises TimeoutError in its block at `when_ns`. It is the turn that its time comes to itself."""

    __slots__ = ("_cancelling", "_expired", "_loop", "_strand")

    def __init__(self, loop: VirtualLoop, when_ns: int) -> None:
        self._loop, self.when_ns = loop, when_ns
        self._strand: Any = None
        self._expired = False

    async def __aenter__(self) -> Deadline:
        loop = self._loop
        strand = loop.strand
        if strand is None:
            raise RuntimeError("a time limit belongs into a coroutine of a node")
        if self._strand is not None:
            raise RuntimeError("a time limit can be used once only")
        self._strand, self._cancelling = strand, strand.cancels
        self.append(strand)  # a turn with nothing in it has been cancelled
        loop.add_timer(self)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.clear()
        if self._expired and self._strand.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expired(self) -> bool:
        """Whether the time was up before the block ended."""
        return self._expired

    def step(self, _: None) -> None:
        """The time is up."""
        if self:
            self._expired = True
            self._strand.cancel()
