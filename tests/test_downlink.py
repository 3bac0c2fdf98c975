"""A downlink works on a copy from its first bit on: never faster than its rate, and not slower for what came in between."""

from __future__ import annotations

import random
from bisect import insort
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_things import Downlink

import sim
from sim.kernel.dice import Dice
from sim.kernel.jit import COMPILED
from sim.net.arena import make_world
from sim.net.core.downlink import take_downlink
from sim.net.core.state import LONGEST_NS
from sim.net.topologies import Line
from sim.study.read import from_dict
from sim.study.report import Report

if COMPILED:
    import sim.net.core.compiled

MS = 1_000_000
RATE = 1.0  # nanoseconds a byte
Copy = tuple[int, int, int]
"""When the last bit comes, how long the copy takes to come, and how many bytes it has."""


def line_of(copies: list[Copy]) -> list[int]:
    """When the core says that each copy has been taken in."""
    world = make_world(Line(seats=2).build(Dice(1)), 0, 64, 2, 0, 1)
    world.seats["down_ns_per_byte"] = RATE
    world.clock[LONGEST_NS] = max(spread_ns for _, spread_ns, _ in copies)
    return [int(take_downlink(world, 0, size, now_ns - spread_ns, now_ns)) for now_ns, spread_ns, size in sorted(copies)]


def at_least(copies: list[Copy]) -> list[int]:
    """The same if all bits of a copy were there with its first one: a line at its rate can never be done before that."""
    found = []
    begun: list[tuple[int, int]] = []
    for now_ns, spread_ns, size in sorted(copies):
        insort(begun, (now_ns - spread_ns, size))
        first, work = np.array(begun, np.int64).T
        found.append(max(now_ns, int((first + np.cumsum(work[::-1])[::-1]).max())))
    return found


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 200), st.integers(1, 120)), min_size=1, max_size=14))
@settings(max_examples=300, deadline=None)
def test_never_faster_than_its_rate(drawn: list[Copy]) -> None:
    """And not slower than if every copy had waited for its last bit first, as in store and forward."""
    copies = [((now + spread) * MS, spread * MS, size * MS) for now, spread, size in drawn]
    stored, free_ns = [], 0
    for now_ns, _, size in sorted(copies):
        free_ns = max(free_ns, now_ns) + size
        stored.append(free_ns)
    for taken, least, most in zip(line_of(copies), at_least(copies), stored, strict=True):
        assert least <= taken <= most


def test_votes_between_bodies_cost_no_more_than_their_bits() -> None:
    """Bodies of 1 s from several senders with a vote every 5 ms in between: at most a part of a body away from the exact line."""
    luck = random.Random(5)
    votes = [(moment * MS, 0, 1000) for moment in range(2000, 14_000, 5)]
    bodies = [(luck.randrange(3000, 14_000) * MS, 1000 * MS, 1000 * MS) for _ in range(6)]
    copies = sorted(votes + bodies)
    late = np.array(line_of(copies)) - np.array(at_least(copies))
    assert late.min() >= 0
    assert late.max() <= 250 * MS
    assert np.median(late) < 10 * MS


def test_reference_and_core_agree_on_long_lines() -> None:
    """Thousands of copies: marks are made and forgotten."""
    luck = random.Random(7)
    for scale in (1, 50, 1000):
        copies = []
        for _ in range(3000):
            spread_ns = luck.choice((0, 1, 3 * MS, 200 * MS, 900 * MS)) * scale
            now_ns = luck.randrange(300_000 * MS) * scale
            copies.append((now_ns + spread_ns, spread_ns, luck.choice((1, 1000, 20 * MS, 90 * MS)) * scale))
        slow = Downlink(RATE)
        longest_ns = max(spread_ns for _, spread_ns, _ in copies)
        expected = [
            max(now_ns, slow.take(now_ns - spread_ns, size, longest_ns)) for now_ns, spread_ns, size in sorted(copies)
        ]  # fmt: skip
        assert line_of(copies) == expected
        assert slow.marks[0][0] > 0


def mixed(up: str, down: str) -> Report:
    """Two senders on a hub: a body of 1 MB from one leaf, and a small one that comes just before the body's end."""
    tables: dict[str, Any] = {
        "duration": "20 s",
        "topology": {"kind": "star", "seats": 3},
        "link": {"latency": {"kind": "constant", "value": "10 ms"}},
        "seat": {"up": up, "down": down},
        "gossip": {"kind": "flood"},
        "workload": [
            {"kind": "rumour", "size": "1 MB", "origin": "seat-1"},
            {"kind": "rumour", "size": "100 B", "origin": "seat-2", "first": "998 ms"},
        ],
    }
    return sim.run(from_dict(tables))


@pytest.mark.parametrize(("up", "down", "expected_ms"), [("8 Mbit/s", "8 Mbit/s", 1010.1), ("8 Mbit/s", "4 Mbit/s", 2010.2)])
def test_small_copy_before_the_end_of_a_body(up: str, down: str, expected_ms: float) -> None:
    """The body is late by the small copy's bits and not by its own length."""
    body, _ = mixed(up, down).evidence.spreads
    assert (body.arrival_ns[0] - body.published_ns) / MS == pytest.approx(expected_ms, abs=0.11)
