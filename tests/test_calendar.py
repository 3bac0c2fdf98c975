"""The calendar queue against a plain heap: the same events in the same order, first come first served among equal times."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sim.kernel.dice import Dice
from sim.kernel.jit import njit
from sim.net import arena
from sim.net.core import state as st
from sim.net.core.calendar import pop, push
from sim.net.core.links import word_of
from sim.net.core.order import sort_within
from sim.net.core.room import peek_with_room, room_left
from sim.net.core.state import LEAVES, NOW, World
from sim.net.topologies import Complete

PUSH, POP, ADVANCE = range(3)
FOREVER = 2**62


@njit
def work_off(w: World, orders: np.ndarray, popped: np.ndarray, done: np.ndarray) -> int:
    """Obey orders (what, ns) from `done[0]` on; returns 1 if an array must grow first. done: orders, popped, pushed; end of an advance."""
    while done[0] < orders.shape[0]:
        what = orders[done[0], 0]
        value = orders[done[0], 1]
        if what == PUSH:
            if room_left(w) < 1:
                return 1
            push(w, w.clock[NOW] + value, word_of(LEAVES, 0, done[2]))
            done[2] += 1
            done[0] += 1
            continue
        until: Any = np.int64(FOREVER)
        if what == ADVANCE:
            if done[3] < 0:
                done[3] = w.clock[NOW] + value
            until = done[3]
        time_ns = peek_with_room(w, until)
        if time_ns == -2:
            return 1
        if time_ns < 0 or time_ns > until:
            if what == ADVANCE:
                w.clock[NOW] = until
                done[3] = -1
            done[0] += 1
            continue
        w.clock[NOW] = time_ns
        popped[done[1], 0] = time_ns
        popped[done[1], 1] = pop(w) & 0xFFFFFFFF
        done[1] += 1
        if what == POP:
            done[0] += 1
    return 0


def by_calendar(orders: np.ndarray, buckets: int = 64, remembers: bool = True) -> tuple[list[list[int]], st.World, list[int]]:
    """What the calendar pops, (time, number) in order; the world afterwards; the bucket widths that it had, one after the other."""
    world = arena.make_world(Complete(seats=2).build(Dice(0)), 0, buckets, 2, 0, 1)
    pushes = int((orders[:, 0] == PUSH).sum())
    popped, done, widths = np.zeros((pushes + 1, 2), np.int64), np.array([0, 0, 0, -1]), [-1]
    cuts = range(0, len(orders), 200)
    for end in (*cuts, len(orders)):
        while work_off(world, orders[:end], popped, done):
            world = arena.grow(world)
        if world.clock[st.SHIFT] != widths[-1]:
            widths.append(int(world.clock[st.SHIFT]))
        if not remembers:
            world.clock[st.WIDE_SHIFT] = 0
    return popped[: done[1]].tolist(), world, widths[1:]


def by_heap(orders: np.ndarray) -> list[list[int]]:
    """The same with a heap of (time, serial)."""
    heap: list[tuple[int, int]] = []
    popped: list[list[int]] = []
    now = serial = 0
    for what, value in orders.tolist():
        if what == PUSH:
            heapq.heappush(heap, (now + value, serial))
            serial += 1
        elif what == POP and heap:
            popped.append(list(heapq.heappop(heap)))
            now = popped[-1][0]
        elif what == ADVANCE:
            while heap and heap[0][0] <= now + value:
                popped.append(list(heapq.heappop(heap)))
                value -= popped[-1][0] - now
                now = popped[-1][0]
            now += value
    return popped


def phase(seed: int, pushes: int, spread_bits: int, grain_bits: int, pops: int, mixed: bool, advance_bits: int) -> np.ndarray:
    """Orders: pushes up to 2**spread_bits ahead in steps of 2**grain_bits, pops among or behind them, then a jump in time."""
    luck = np.random.default_rng(seed)
    ahead = luck.integers(0, 2**spread_bits, pushes, np.int64) >> grain_bits << grain_bits
    orders = np.concatenate((np.stack((np.full(pushes, PUSH), ahead), axis=1), np.tile([POP, 0], (pops, 1)))).astype(np.int64)
    if mixed:
        orders = orders[luck.permutation(len(orders))]
    jump = np.array([[ADVANCE, 2**advance_bits - 1]], np.int64) if advance_bits >= 0 else np.zeros((0, 2), np.int64)
    return np.concatenate((orders, jump))


def drained(phases: Iterable[np.ndarray]) -> np.ndarray:
    """All phases, then everything is popped."""
    return np.concatenate((*phases, np.array([[ADVANCE, 2**60]], np.int64)))


PHASES = some.lists(
    some.builds(
        phase,
        seed=some.integers(0, 2**32),
        pushes=some.one_of(some.integers(0, 40), some.integers(0, 6000)),
        spread_bits=some.integers(0, 52),
        grain_bits=some.integers(0, 53),
        pops=some.one_of(some.integers(0, 40), some.integers(0, 6000)),
        mixed=some.booleans(),
        advance_bits=some.integers(-1, 50),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(phases=PHASES, buckets=some.sampled_from((64, 128, 4096)))
def test_calendar_pops_in_the_order_of_a_heap(phases: list[Any], buckets: int) -> None:
    """Whatever is pushed and popped, in whatever rhythm."""
    orders = drained(phases)
    popped, world, _ = by_calendar(orders, buckets)
    assert popped == by_heap(orders)
    assert world.clock[st.PENDING] == 0


@pytest.mark.parametrize("spread_bits", [0, 1, 4, 10, 16, 17, 22, 23, 30, 45])
def test_thousands_pending_at_once(spread_bits: int) -> None:
    """One burst, half of it at equal times, with as many pushed again while it is popped."""
    first = phase(spread_bits, 20_000, spread_bits, 0, 0, False, -1)
    equal = phase(1, 20_000, spread_bits, spread_bits, 0, False, -1)
    hold = phase(2, 20_000, spread_bits, spread_bits // 2, 20_000, True, -1)
    orders = drained((first, equal, hold))
    assert by_calendar(orders)[0] == by_heap(orders)


def test_width_narrows_and_widens_and_the_order_stays() -> None:
    """Crowded buckets, then mostly far events, then crowded ones again: both changes happen, and no event moves."""
    crowded = [phase(seed, 5000, 18, 0, 4000, False, -1) for seed in range(3)]
    far = [phase(seed, 9000, 44, 0, 2000, False, -1) for seed in range(3, 9)]
    orders = drained((*crowded, *far, *crowded, *far, *crowded))
    popped, _world, widths = by_calendar(orders)
    assert popped == by_heap(orders)
    assert min(widths) < 16 < max(widths)


@pytest.mark.parametrize("remembers", [True, False])
def test_where_bursts_are_dense_and_reach_far_the_width_comes_to_rest(remembers: bool) -> None:
    """Each burst crowds a bucket of 1,024 ns, and what comes beside it lies up to 4 ms ahead, beyond the year of narrower ones.

    A calendar that forgets what it was widened for goes back and forth: the control.
    """
    bursts = []
    for number in range(80):
        luck = np.random.default_rng(number)
        ahead = np.concatenate((200_000 + luck.integers(0, 512, 1500), luck.integers(0, 2**22, 400)))
        bursts += [np.stack((np.full(1900, PUSH), ahead), axis=1), np.array([[ADVANCE, 60_000]])]
    orders = drained(bursts)
    popped, changes = by_calendar(orders, 4096, remembers)[::2]
    assert popped == by_heap(orders)
    assert len(changes) < 8 if remembers else len(changes) > 10


def test_pushes_behind_a_closed_bucket_and_beyond_the_year_keep_their_turn() -> None:
    """Equal times pushed before and after the calendar came near them: from the far heap, a bucket, the open bucket."""
    instant = 5_000_000_000
    orders = [[PUSH, instant]] * 3 + [[PUSH, 10]]
    now = 0
    for step in (1, 10, 4_990_000_000, 9_000_000, 900_000, 99_000, 900, 80):
        now += step
        orders += [[ADVANCE, step], [PUSH, instant - now], [PUSH, instant - now + 1], [PUSH, instant - now]]
    every = drained([np.array(orders, np.int64)])
    popped = by_calendar(every)[0]
    assert popped == by_heap(every)
    assert len({time_ns for time_ns, _ in popped}) == 3


def test_a_burst_at_one_time_stays_first_come_first_served() -> None:
    """50,000 events at one instant cannot be spread by any width; they come out as they went in."""
    orders = drained([phase(1, 50_000, 0, 0, 0, False, -1)])
    popped, world, _ = by_calendar(orders)
    assert [number for _, number in popped] == list(range(50_000))
    assert world.clock[st.SHIFT] == arena.FIRST_SHIFT


def test_a_wider_year_takes_in_far_events_before_newer_ones_of_the_same_instant() -> None:
    """The width changes while the next bucket stays closed; what is pushed then comes behind what waited in the far heap."""
    us, instant = 1_000, 12_000_000
    far = [[PUSH, 1_000_000_000]] * 5000
    orders = [[PUSH, instant], [PUSH, 100 * us], [PUSH, 3000 * us], *far, [ADVANCE, 200 * us], [ADVANCE, 100 * us]]
    every = drained([np.array([*orders, [PUSH, instant - 300 * us]], np.int64)])
    popped = by_calendar(every)[0]
    assert popped == by_heap(every)
    assert [number for time_ns, number in popped if time_ns == instant] == [0, 5003]


def test_exactly_one_year_ahead() -> None:
    """An event that waits in the far heap at the very edge of the year, and another of the same instant pushed then."""
    bucket_ns, instant = 1 << 16, 65 << 16
    orders = [
        [PUSH, instant],
        [PUSH, bucket_ns],
        [ADVANCE, bucket_ns],
        [PUSH, instant - bucket_ns],
        [PUSH, instant - bucket_ns - 1],
    ]
    every = drained([np.array(orders, np.int64)])
    assert by_calendar(every)[0] == by_heap(every) == [[bucket_ns, 1], [instant - 1, 3], [instant, 0], [instant, 2]]


@pytest.mark.parametrize("count", [0, 1, 39, 40, 199, 200, 1000])
@pytest.mark.parametrize(("width_bits", "times"), [(4, 16), (6, 50), (13, 8192), (16, 65536), (16, 3), (30, 2**30), (20, 900)])
def test_a_bucket_is_sorted_and_equal_times_keep_their_order(count: int, width_bits: int, times: int) -> None:
    """Dealt out by time, or merged where the times are few or crowd: what a stable sort gives."""
    luck = np.random.default_rng(count + width_bits)
    rows = np.column_stack((luck.integers(0, times, count) + (5 << width_bits), np.arange(count))).astype(np.int64)
    expected = rows[np.argsort(rows[:, 0], kind="stable")].tolist()
    sort_within(rows, np.empty_like(rows), np.zeros(256, np.int64), count, width_bits)
    assert rows.tolist() == expected
