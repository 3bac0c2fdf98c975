"""A coroutine of a run, stepped by the loop itself: an asyncio task without what a run never asks of one.

For each task asyncio keeps a name, a context and a place in a weak set, and for each wait a future, whose end it hears of through
two more callbacks. A run of ten decisions among four nodes makes sixty tasks and two hundred waits, so that was a tenth of it.
A strand goes to sleep by `pause` and goes on when somebody calls `wake`. The order is asyncio's: whatever wakes, cancels or ends
something takes effect in a turn of its own, behind what was ready before.

All of asyncio works inside: futures, tasks and other strands can be awaited, and `asyncio.timeout` finds the strand as the current
task. The rules of cancelling are asyncio's too (CPython, Lib/asyncio/tasks.py).
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from sim.kernel.loop import VirtualLoop

T = TypeVar("T")
PAUSED = object()
"""What a generator yields where it pauses; for those who will not `await pause()`."""


@coroutine
def pause() -> Generator[object, Any, Any]:
    """Wait until somebody calls `wake` of the strand that runs this (`loop.strand`); returns what `wake` was given."""
    return (yield PAUSED)


class Strand(Generic[T]):
    """One coroutine on its way; `kept` holds it until it is over, so that it lives and whoever owns it can stop it."""

    __slots__ = (
        "_asyncio_future_blocking",
        "_callbacks",
        "_cancelled",
        "_coroutine",
        "_doomed",
        "_error",
        "_future",
        "_kept",
        "_log_destroy_pending",  # `asyncio.gather` writes it into whatever it has made
        "_loop",
        "_over",
        "_result",
        "cancels",
        "free",
        "paused",
    )

    def __init__(self, loop: VirtualLoop, coroutine: Coroutine[Any, Any, T], kept: dict[Strand[Any], None]) -> None:
        self._loop, self._coroutine, self._kept = loop, coroutine, kept
        self._callbacks: list[tuple[Callable[[Strand[T]], object], contextvars.Context | None]] | None = None
        self._future: Any = None
        self._over = self._asyncio_future_blocking = False
        self._doomed = False
        """Whether the next step raises CancelledError; or it has been closed, and there is no next step."""
        self.paused = False
        """Whether it waits in `pause`, and nobody has woken or cancelled it yet."""
        self.free = False
        """Whether it has left what it did and can begin something else."""
        self.cancels = 0
        """How often it has been cancelled and nobody took it back."""
        kept[self] = None
        loop.ready.append((self, None))

    # going on -------------------------------------------------------------------------------------------------------

    def wake(self, value: Any = None) -> None:
        """Go on from `pause` with this value, in a turn of its own; no effect where it has been woken or cancelled by then."""
        if self.paused:
            self.paused = False
            self._loop.ready.append((self, value))

    def leave(self) -> None:
        """Do no more of this. Where it pauses that is so here and now, and it is free for something else; elsewhere this is `cancel`."""
        if self.paused:
            self.paused, self.free = False, True
            self._coroutine.close()
        else:
            self.cancel()

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> None:
        """Do this, from a turn of its own on, where it is free: half of what a new strand costs."""
        self.free, self._coroutine = False, coroutine
        self._loop.ready.append((self, None))

    def step(self, value: Any = None, error: BaseException | None = None) -> None:
        """Its turn has come: go on up to the next wait. For the loop alone."""
        if self._doomed:
            if self._over:  # closed while its turn was still to come
                return
            self._doomed = False
            if not isinstance(error, asyncio.CancelledError):
                error = asyncio.CancelledError()
        loop = self._loop
        loop.strand = self
        _enter_task(loop, self)  # type: ignore[arg-type]
        try:
            waited = self._coroutine.send(value) if error is None else self._coroutine.throw(error)
        except BaseException as end:
            error = None  # or it would keep this frame, and the frame it
            self._end(end)
        else:
            if waited is PAUSED and not self._doomed:
                self.paused = True
            else:
                self._await(waited)
        loop.strand = None
        _leave_task(loop, self)  # type: ignore[arg-type]

    def _await(self, waited: Any) -> None:
        """What the coroutine yielded was no pause, or somebody who is to be cancelled wants to pause."""
        if getattr(waited, "_asyncio_future_blocking", None):
            waited._asyncio_future_blocking = False
            self._future = waited
            waited.add_done_callback(self._heard)
            if self._doomed and waited.cancel():
                self._doomed = False
        elif waited is None or waited is PAUSED:  # None: asyncio.sleep(0)
            self._loop.ready.append((self, None))
        else:
            error = RuntimeError(f"{self!r} awaits {waited!r}, which is nothing to wait for")
            self._loop.call_soon(self.step, None, error)

    def _heard(self, future: Any) -> None:
        """The future that was awaited is done."""
        self._future = None
        try:
            future.result()
        except BaseException as error:
            self.step(None, error)
        else:
            self.step()

    def _end(self, end: BaseException) -> None:
        """The coroutine has come to its end, by returning, by being cancelled, or by failing."""
        self._over, self._cancelled, self._error = True, False, None
        if isinstance(end, StopIteration):
            self._result, self._cancelled = end.value, self._doomed  # it may have cancelled itself on its last way
        elif isinstance(end, asyncio.CancelledError):
            self._cancelled = True
        else:
            self._error = end
            self._loop.fail(end)
        self._kept.pop(self, None)
        if self._callbacks is not None:
            for callback, scope in self._callbacks:
                self._tell(callback, scope)

    def _tell(self, callback: Callable[[Strand[T]], object], scope: contextvars.Context | None) -> None:
        self._loop.call_soon(callback, self, context=scope)

    # what asyncio and others ask of a task --------------------------------------------------------------------------

    def cancel(self, msg: Any = None) -> bool:
        """Raise CancelledError where it waits, in a turn of its own; False where it is over."""
        if self._over:
            return False
        self.cancels += 1
        if self.paused:
            self.paused = False
            self._loop.ready.append((self, None))
        elif self._future is not None and self._future.cancel():
            return True
        self._doomed = True
        return True

    def cancelling(self) -> int:
        """How often it has been cancelled and nobody took it back."""
        return self.cancels

    def uncancel(self) -> int:
        """Take one cancelling back, as whoever asked for it does who has seen it arrive; returns how many are left."""
        self.cancels = max(0, self.cancels - 1)
        return self.cancels

    def close(self) -> None:
        """End it here and now: what it would do at its end is done, and nobody is told."""
        self._coroutine.close()
        self._over, self._cancelled, self._error = True, False, None
        self._doomed, self.paused, self._callbacks = True, False, None
        self._kept.pop(self, None)

    def done(self) -> bool:
        """Whether it is over."""
        return self._over

    def cancelled(self) -> bool:
        """Whether it ended by being cancelled."""
        return self._over and self._cancelled

    def result(self) -> T:
        """What the coroutine returned; raises what it raised, InvalidStateError before its end."""
        error: BaseException | None = self.exception()
        if error is not None:
            raise error
        result: T = self._result
        return result

    def exception(self) -> BaseException | None:
        """What the coroutine raised; CancelledError is raised, and InvalidStateError before its end."""
        if not self._over:
            raise asyncio.InvalidStateError("it is not over yet")
        if self._cancelled:
            raise self._make_cancelled_error()
        return self._error

    def _make_cancelled_error(self) -> asyncio.CancelledError:  # asked for by `asyncio.gather`
        return asyncio.CancelledError()

    def add_done_callback(self, callback: Callable[[Strand[T]], object], *, context: contextvars.Context | None = None) -> None:
        """Call `callback(strand)` in a turn of its own once it is over."""
        if self._over:
            self._tell(callback, context)
        elif self._callbacks is None:
            self._callbacks = [(callback, context)]
        else:
            self._callbacks.append((callback, context))

    def remove_done_callback(self, callback: Callable[[Strand[T]], object]) -> int:
        """Take all of one callback back; returns how many there were."""
        before = self._callbacks or []
        self._callbacks = [one for one in before if one[0] != callback]
        return len(before) - len(self._callbacks)

    def get_loop(self) -> VirtualLoop:
        """The loop that steps it."""
        return self._loop

    def get_coro(self) -> Coroutine[Any, Any, T]:
        """The coroutine."""
        return self._coroutine

    def __await__(self) -> Generator[Any, None, T]:
        if not self._over:
            self._asyncio_future_blocking = True
            yield self
        return self.result()
