"""Strands keep asyncio's order and know asyncio's words: drawn programs run on them and on asyncio's own tasks, event by event alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from sim.kernel.loop import VirtualLoop
from sim.kernel.strand import Strand, pause
from sim.node.deadline import Deadline

PROGRAMS, ACTORS, STEPS = 150, 6, 8
Log = list[tuple[int, int, str]]


class Sleepers:
    """What puts an actor to sleep and wakes it: `pause` of a strand."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.asleep: dict[int, Any] = {}

    def start(self, program: Coroutine[Any, Any, None]) -> Any:
        return self.loop.create_task(program)

    async def sleep(self, actor: int) -> Any:
        self.asleep[actor] = self.loop.strand
        return await pause()

    def wake(self, actor: int, word: str) -> None:
        if actor in self.asleep:
            self.asleep.pop(actor).wake(word)

    def limit(self, duration_ns: int) -> Any:
        return Deadline(self.loop, self.loop.now_ns + duration_ns)


class Hasty(Sleepers):
    """The control: goes on at once instead of in a turn of its own."""

    def wake(self, actor: int, word: str) -> None:
        strand = self.asleep.pop(actor, None)
        if strand is not None and strand.paused:
            strand.paused = False
            running, self.loop.strand = self.loop.strand, None
            asyncio.tasks._leave_task(self.loop, running)
            strand.step(word)
            asyncio.tasks._enter_task(self.loop, running)
            self.loop.strand = running


class Tasks(Sleepers):
    """The same with asyncio's own tasks and futures."""

    def start(self, program: Coroutine[Any, Any, None]) -> Any:
        return asyncio.Task(program, loop=self.loop)

    async def sleep(self, actor: int) -> Any:
        self.asleep[actor] = asyncio.Future(loop=self.loop)
        return await self.asleep[actor]

    def wake(self, actor: int, word: str) -> None:
        future = self.asleep.pop(actor, None)
        if future is not None and not future.done():
            future.set_result(word)

    def limit(self, duration_ns: int) -> Any:
        return asyncio.timeout_at(self.loop.time() + duration_ns / 1e9)


def played(seed: int, kind: type[Sleepers]) -> Log:
    """What happens when, to which actor, in a program drawn from `seed`."""
    loop, log, draw = VirtualLoop(), [], Random(seed)  # type: ignore[abstract]
    sleepers, running, bell = kind(loop), {}, asyncio.Event()
    steps = [
        [draw.choice(["sleep", "wake", "limit", "cancel", "nap", "bell", "ring", "zero"]) for _ in range(STEPS)]
        for _ in range(ACTORS)
    ]
    whom = [[draw.randrange(ACTORS) for _ in range(STEPS)] for _ in range(ACTORS)]
    long_ns = [[draw.choice((0, 1, 1, 2, 5)) for _ in range(STEPS)] for _ in range(ACTORS)]

    async def act(me: int) -> None:
        for word, other, duration_ns in zip(steps[me], whom[me], long_ns[me], strict=True):
            try:
                await step(me, word, other, duration_ns)
            except asyncio.CancelledError:
                log.append((loop.now_ns, me, "cancelled"))
                if other % 2:
                    raise
            except TimeoutError:
                log.append((loop.now_ns, me, "late"))

    async def step(me: int, word: str, other: int, duration_ns: int) -> None:
        log.append((loop.now_ns, me, word))
        if word == "sleep":
            log.append((loop.now_ns, me, str(await sleepers.sleep(me))))
        elif word == "wake":
            sleepers.wake(other, f"by {me}")
        elif word == "limit":
            async with sleepers.limit(max(1, duration_ns)):
                log.append((loop.now_ns, me, str(await sleepers.sleep(me))))
        elif word == "cancel" and other in running:
            running[other].cancel()
        elif word == "nap":
            await asyncio.sleep(duration_ns / 1e9)
        elif word == "bell":
            await bell.wait()
        elif word == "ring":
            bell.set()
            bell.clear()
        elif word == "zero":
            await asyncio.sleep(0)

    def over(actor: int) -> Callable[[Any], None]:
        return lambda task: log.append((loop.now_ns, actor, "cancelled for good" if task.cancelled() else "over"))

    for actor in range(ACTORS):
        running[actor] = sleepers.start(act(actor))
        running[actor].add_done_callback(over(actor))
    loop.run(100)
    for task in running.values():
        task.get_coro().close()
        task.cancel()
    loop.close()
    return log


def test_drawn_programs_go_as_with_asyncios_tasks() -> None:
    """Who wakes, cancels and comes too late, and in which order: the same; and going on at once would be seen."""
    seen: set[str] = set()
    hasty = 0
    for seed in range(PROGRAMS):
        log = played(seed, Sleepers)
        assert log == played(seed, Tasks), f"program {seed}"
        seen |= {word for _, _, word in log}
        hasty += log != played(seed, Hasty)
    assert {"late", "cancelled", "cancelled for good", "over", "by 0"} <= seen
    assert hasty > PROGRAMS // 10


def test_asyncios_words_work_inside() -> None:
    """Queue, gather, wait_for, timeout and awaiting what was started."""
    loop = VirtualLoop()  # type: ignore[abstract]

    async def answer(after_s: float) -> float:
        await asyncio.sleep(after_s)
        return after_s

    async def body() -> list[Any]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        loop.call_later(3.0, queue.put_nowait, "mail")
        told: list[Any] = [await queue.get(), await asyncio.gather(answer(2.0), answer(1.0))]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer(9.0), 1.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await answer(9.0)
        told.append(await loop.create_task(answer(0.5)))
        doomed = loop.create_task(answer(9.0))
        await asyncio.sleep(0)
        doomed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doomed
        assert doomed.cancelled() and doomed.done() and not doomed.cancel()
        return [*told, loop.now_ns]

    assert loop.run_until_complete(body()) == ["mail", [2.0, 1.0], 0.5, 7_500_000_000]


def test_what_fails_stops_the_run_and_what_is_closed_is_let_go() -> None:
    """A failure comes out of `run`; a closed strand does what it would do at its end, and is kept by nobody."""
    loop = VirtualLoop()  # type: ignore[abstract]
    kept: dict[Strand[Any], None] = {}
    ended: list[str] = []

    async def waiting() -> None:
        try:
            await pause()
        finally:
            ended.append("closed")

    async def failing() -> None:
        await asyncio.sleep(1.0)
        raise ZeroDivisionError

    quiet, loud = Strand(loop, waiting(), kept), Strand(loop, failing(), kept)
    with pytest.raises(asyncio.InvalidStateError):
        loud.result()
    with pytest.raises(ZeroDivisionError):
        loop.run()
    assert isinstance(loud.exception(), ZeroDivisionError)
    assert list(kept) == [quiet]
    quiet.close()
    assert ended == ["closed"] and not kept
    quiet.wake()
    loop.run()


def test_what_is_nothing_to_wait_for_is_told() -> None:
    """A coroutine that yields a stranger gets a RuntimeError where it waits."""

    class Stranger:
        def __await__(self) -> Any:
            yield "nothing"

    async def body() -> None:
        await Stranger()

    with pytest.raises(RuntimeError, match="nothing to wait for"):
        VirtualLoop().run_until_complete(body())  # type: ignore[abstract]


def test_what_leaves_where_it_pauses_is_free_at_once_and_begins_in_a_turn_of_its_own() -> None:
    """What it did ends here and now; what it begins comes behind what was ready. Who has been woken by then is cancelled, and not free."""
    loop = VirtualLoop()  # type: ignore[abstract]
    kept: dict[Strand[Any], None] = {}
    told: list[str] = []

    async def life(name: str) -> None:
        told.append(f"{name} begins")
        try:
            await pause()
            told.append(f"{name} was woken")
        finally:
            told.append(f"{name} ends")

    idle, woken = Strand(loop, life("idle"), kept), Strand(loop, life("woken"), kept)
    loop.run()
    woken.wake()
    idle.leave()
    woken.leave()
    assert told[2:] == ["idle ends"] and idle.free and not woken.free
    idle.begin(life("second"))
    assert not idle.free
    loop.run()
    assert told[3:] == ["woken ends", "second begins"] and woken.cancelled() and idle.paused and list(kept) == [idle]
    idle.close()
    assert told[-1] == "second ends" and not kept
