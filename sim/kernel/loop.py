"""A virtual-time asyncio loop: time is a whole number of nanoseconds and jumps to whatever happens next.

Stock asyncio runs timers due at one instant in heap order, not in the order in which they were set. Here events are
totally ordered by (time, priority, serial): at each instant first the deliveries of the `source` (the compiled network),
then what they woke, then timers, each in the order of their making. `asyncio.sleep`, `timeout`, `Queue`, `Event`, futures
and tasks work as everywhere. No file descriptors, no wall clock, no threads.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from heapq import heappop, heappush
from typing import Any, Protocol, TypeVar

from sim.kernel.errors import StandsStill, Stuck
from sim.kernel.strand import Strand

T = TypeVar("T")
FOREVER_NS = 2**62
MOST_TURNS = 20_000  # rounds of waking at one instant, each of which may wake everybody; honest runs have dozens


class Source(Protocol):
    """Something beside the loop in which virtual time passes: the network."""

    def advance(self, until_ns: int) -> int:
        """Let everything up to and including `until_ns` happen, but stop after the first instant that wakes somebody.

        Returns that instant, or `until_ns` if nobody was woken.
        """


class Turn(list[Any]):
    """One callback waiting for its turn, which asyncio calls a handle: [callback, arguments, scope], empty once cancelled.

    A list, because making one is then one step of C, and a run makes a handful for every message that matters.
    """

    __slots__ = ("when_ns",)

    when_ns: int

    def step(self, _: None) -> None:
        """Run it, unless it has been cancelled."""
        if self:
            callback, arguments, scope = self
            if scope is None:
                callback(*arguments)
            else:
                scope.run(callback, *arguments)

    def cancel(self) -> None:
        """Never run; harmless after the fact."""
        self.clear()

    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return not self

    def when(self) -> float:
        """Virtual seconds at which a timer is due."""
        return self.when_ns / 1e9


class VirtualLoop(asyncio.AbstractEventLoop):
    """The loop of one run. `run(until_ns)` advances the world; everything else is asyncio's usual vocabulary."""

    def __init__(self, source: Source | None = None) -> None:
        self.now_ns = 0
        self.source = source
        self.ready: deque[tuple[Any, Any]] = deque()
        """Whose turn it is at this instant: a `Strand` and what it is woken with, or a `Turn` and None."""
        self.strand: Any = None
        """The `Strand` that runs; None where none does."""
        self._strands: dict[Strand[Any], None] = {}
        self._timers: list[tuple[int, int, Turn]] = []
        self._serial = 0
        self._failure: BaseException | None = None
        self._halted = self._stopping = False
        self._running = False
        self.describe_waits: Callable[[], str] = lambda: "nobody says what for"

    # what tasks and futures call ------------------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds since the start of the run."""
        return self.now_ns / 1e9

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Turn:
        """Run `callback` at this instant, after everything already ready."""
        turn = Turn((callback, args, context))
        self.ready.append((turn, None))
        return turn

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Turn:
        """Run `callback` after `delay` virtual seconds."""
        return self.call_at_ns(self.now_ns + max(0, round(delay * 1e9)), callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Turn:
        """Run `callback` at the virtual second `when`."""
        return self.call_at_ns(round(when * 1e9), callback, *args, context=context)

    def call_at_ns(
        self, when_ns: int, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Turn:
        """Run `callback` at the nanosecond `when_ns`; equal times run in the order in which they were set."""
        turn = Turn((callback, args, context))
        turn.when_ns = when_ns
        self.add_timer(turn)
        return turn

    def add_timer(self, turn: Turn) -> None:
        """Give a turn its time, `when_ns`, or this very instant where that is past."""
        if turn.when_ns < self.now_ns:
            turn.when_ns = self.now_ns
        self._serial = serial = self._serial + 1
        heappush(self._timers, (turn.when_ns, serial, turn))

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # a task in all but its class
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> Strand[T]:
        """A coroutine on its way in this loop, whose failure stops the run. All share one context."""
        return Strand(self, coro, self._strands)  # type: ignore[arg-type]

    get_debug = staticmethod(bool)
    """Never in asyncio's debug mode, which reads a wall clock. Every future asks, and `bool()` is False without a step of Python."""

    def is_running(self) -> bool:
        """Whether `run` is on the stack."""
        return self._running

    @property
    def halted(self) -> bool:
        """Whether the last `run` was stopped by `halt`."""
        return self._halted

    def is_closed(self) -> bool:
        """A virtual loop holds nothing that needs closing."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """asyncio reports an exception nobody awaited: stop the run with it."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.fail(error)

    async def shutdown_asyncgens(self) -> None:
        """Nothing to shut down."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is no executor: threads have no place in virtual time."""

    def close(self) -> None:
        """Forget everything that was still to happen."""
        self.ready.clear()
        self._timers.clear()
        for strand in list(self._strands):
            strand.close()

    # running --------------------------------------------------------------------------------------------------------

    def halt(self) -> None:
        """Stop `run` at the present instant; may be called from another thread."""
        self._halted = self._stopping = True

    def fail(self, error: BaseException) -> None:
        """Stop `run` by raising `error` from it."""
        if self._failure is None:
            self._failure = error
        self._stopping = True

    def run(self, until_ns: int = FOREVER_NS) -> None:
        """Let everything up to `until_ns` happen; returns early when nothing is left to happen."""
        before = events._get_running_loop()
        events._set_running_loop(None)
        events._set_running_loop(self)
        self._running, self._halted, self._stopping = True, False, self._failure is not None
        try:
            self._turn_the_world(until_ns)
        finally:
            self._running = False
            events._set_running_loop(before)

    def run_until_complete(self, future: Any) -> Any:
        """Run a coroutine or future to its end and return its result; `Stuck` if the world falls silent first."""
        task = asyncio.ensure_future(future, loop=self)
        task.add_done_callback(lambda _: self.halt())
        self.run()
        if not task.done():
            raise Stuck(f"stuck at {self.now_ns / 1e9:g} s: nothing is left to happen; {self.describe_waits()}")
        return task.result()

    def _turn_the_world(self, until_ns: int) -> None:
        ready, timers = self.ready, self._timers
        advance = None if self.source is None else self.source.advance
        instant_ns, turns = -1, 0
        while True:
            while ready:
                one, what = ready.popleft()
                one.step(what)
            if self._stopping:
                failure, self._failure = self._failure, None
                if failure is not None:
                    raise failure
                return
            limit_ns = until_ns
            while timers:
                due_ns, _, turn = timers[0]
                if turn:
                    if due_ns < until_ns:
                        limit_ns = due_ns
                    break
                heappop(timers)
            reached_ns = limit_ns if advance is None else advance(limit_ns)
            if reached_ns == limit_ns and not ready:
                if not timers or timers[0][0] > until_ns:
                    if until_ns < FOREVER_NS:
                        self.now_ns = until_ns
                    return
                while timers and timers[0][0] == limit_ns:
                    ready.append((heappop(timers)[2], None))
            self.now_ns = reached_ns
            if reached_ns != instant_ns:
                instant_ns, turns = reached_ns, 0
                continue
            turns += 1
            if turns > MOST_TURNS:
                raise StandsStill(f"virtual time stands still at {reached_ns / 1e9:g} s; {self.describe_waits()}")


def apart(work: Callable[[], T], interrupt: Callable[[], None]) -> T:
    """Run `work` in a thread of its own, so that it may drive a loop while another one runs here (Jupyter).

    Polls every 50 ms, so that Ctrl-C and the kernel's interrupt are seen; `interrupt` then tells the work to stop.
    """
    outcome: list[T] = []
    trouble: list[BaseException] = []

    def body() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            trouble.append(error)

    thread = threading.Thread(target=body, name="medgossip", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.05)
    except BaseException:
        interrupt()
        thread.join(5.0)
        raise
    if trouble:
        raise trouble[0]
    return outcome[0]
