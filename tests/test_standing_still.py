"""A world in which nothing takes time does not go on: it is stopped with a sentence, and busy instants are let be."""

from __future__ import annotations

import pytest

import sim
from sim.kernel import loop as kernel_loop
from sim.kernel.errors import ScenarioError, StandsStill
from sim.kernel.loop import VirtualLoop
from sim.study.read import from_dict


def test_the_loop_stops_where_everything_happens_at_one_instant() -> None:
    loop = VirtualLoop()  # type: ignore[abstract]
    loop.describe_waits = lambda: "n0 turns in circles"

    def again() -> None:
        loop.call_at_ns(loop.now_ns, again)

    loop.call_at_ns(3_000_000_000, again)
    with pytest.raises(StandsStill, match="stands still at 3 s; n0 turns in circles"):
        loop.run(10**10)


def test_many_rounds_at_one_instant_are_let_be_if_they_end() -> None:
    loop = VirtualLoop()  # type: ignore[abstract]
    left = [kernel_loop.MOST_TURNS - 10]

    def again() -> None:
        left[0] -= 1
        if left[0]:
            loop.call_at_ns(loop.now_ns, again)

    for instant_ns in (5, 6):
        loop.call_at_ns(instant_ns, again)
        loop.run(instant_ns)
        left[0] = kernel_loop.MOST_TURNS - 10
    assert loop.now_ns == 6


def test_blocks_without_an_interval_over_links_without_latency_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that says when and who, and what to do instead."""
    monkeypatch.setattr(kernel_loop, "MOST_TURNS", 2_000)
    tables = {
        "duration": "10 s",
        "topology": {"kind": "complete", "seats": 4},
        "consensus": {"kind": "pbft", "block_interval": "0 s"},
    }
    with pytest.raises(
        ScenarioError, match=r"^link\.latency: virtual time stands still at 0 s; all 4 nodes wait: .*an interval above 0$"
    ) as caught:
        sim.run(from_dict(tables))
    assert " at 0x" not in str(caught.value), "an address in memory is another one each time"


def test_either_of_the_two_is_enough() -> None:
    tables = {
        "duration": "1 s",
        "topology": {"kind": "complete", "seats": 4},
        "consensus": {"kind": "pbft", "block_interval": "100 ms"},
    }
    assert sim.run(from_dict(tables)).to_dict()["consensus"]["decided"] > 5
    latency = {"link": {"latency": {"kind": "constant", "value": "10 ms"}}}
    tables = {**tables, **latency, "consensus": {"kind": "pbft", "block_interval": "0 s"}}
    assert sim.run(from_dict(tables)).to_dict()["consensus"]["decided"] > 5
