"""Max-min fair rates: closed forms through scenarios, the rule itself, and the core against a loop that finds all rates anew."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reference_fair
from generated_networks import Case, drawn_case
from hypothesis import given, settings
from hypothesis import strategies as st
from played_networks import compiled_outcome, slow_outcome
from reference_fair import Flow, Line, Name, fill

import sim
from sim.study.read import from_dict
from sim.study.report import Report

MS = 1_000_000


def play(links: list[tuple[str, str]], seat: dict[str, Any], rumours: dict[str, str], **more: Any) -> Report:
    """One rumour of 1 MB from each named seat at 0, or what else is said of it; links of 50 ms."""
    tables: dict[str, Any] = {
        "duration": "60 s",
        "topology": {
            "kind": "links",
            "links": [list(pair) for pair in links],
            "seats": [{"name": name, "region": name} for name in dict.fromkeys(end for pair in links for end in pair)],
        },
        "link": {"latency": {"kind": "constant", "value": "50 ms"}, **more.pop("link", {})},
        "seat": {"sharing": "fair", **seat},
        "gossip": {"kind": "flood"},
        "workload": [{"kind": "rumour", "size": size, "origin": origin} for origin, size in rumours.items()],
        **more,
    }
    report = sim.run(from_dict(tables), 1)
    assert report.ok(), report.text()
    return report


def arrival_ms(report: Report, origin: str, target: str) -> float:
    """How long the rumour of one seat was on its way to another."""
    names = report.evidence.names
    spread = next(one for one in report.evidence.spreads if one.publisher == names.index(origin))
    return float(spread.arrival_ns[names.index(target)] - spread.published_ns) / MS


@pytest.mark.parametrize("up", ["10 Mbit/s", "40 Mbit/s", "1 Gbit/s"])
@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_equal_flows_into_one_seat_finish_together(k: int, up: str) -> None:
    """k bodies of 800 ms each: all of them at k * 800 ms + 50 ms, or sooner where each has an uplink that is slower than its part."""
    names = [f"leaf-{number}" for number in range(k)]
    found = play([("hub", name) for name in names], {"up": up, "down": "10 Mbit/s"}, dict.fromkeys(names, "1 MB"))
    assert [arrival_ms(found, name, "hub") for name in names] == [k * 800 + 50] * k
    queued = play(
        [("hub", name) for name in names], {"up": up, "down": "10 Mbit/s", "sharing": "fair-up"}, dict.fromkeys(names, "1 MB")
    )
    assert sorted(arrival_ms(queued, name, "hub") for name in names) == [(1 + place) * 800 + 50 for place in range(k)]


def test_what_one_flow_cannot_use_the_others_get() -> None:
    """Uplinks of 1, 10 and 10 Mbit/s into 12: rates 1, 5.5 and 5.5, then, when those are through, still 1."""
    rates = {"slow": "1 Mbit/s", "a": "10 Mbit/s", "b": "10 Mbit/s", "hub": "1 Mbit/s"}
    found = play([("hub", name) for name in ("slow", "a", "b")], {"up": rates, "down": "12 Mbit/s"}, dict.fromkeys(("slow", "a", "b"), "1 MB"))  # fmt: skip
    assert arrival_ms(found, "slow", "hub") == 8050
    assert [arrival_ms(found, name, "hub") for name in "ab"] == pytest.approx([8000 / 5.5 + 50] * 2, abs=1e-6)


def test_who_comes_later_takes_its_part_from_then_on() -> None:
    """1 MB alone at 8 Mbit/s for 500 ms, then beside another: done at 500 + 2 * 500; the other, of 1 MB, has had 500 ms of work by then."""
    tables = {"workload": [{"kind": "rumour", "size": "1 MB", "origin": "a"}, {"kind": "rumour", "size": "1 MB", "origin": "b", "first": "500 ms"}]}  # fmt: skip
    found = play([("hub", "a"), ("hub", "b")], {"down": "8 Mbit/s"}, {}, **tables)
    assert arrival_ms(found, "a", "hub") == 1500 + 50
    assert arrival_ms(found, "b", "hub") == 1500 + 50


def test_a_slow_receiver_leaves_its_senders_room_for_others() -> None:
    """s1 sends to r1 and r2, s2 to r2, which takes 4 Mbit/s: 2 and 2 there, and 8 of s1's 10 for r1."""
    down = {"s1": "1 Gbit/s", "s2": "1 Gbit/s", "r1": "1 Gbit/s", "r2": "4 Mbit/s"}
    found = play([("s1", "r1"), ("s1", "r2"), ("s2", "r2")], {"up": "10 Mbit/s", "down": down}, {"s1": "1 MB", "s2": "1 MB"})
    assert arrival_ms(found, "s1", "r1") == 1050
    assert arrival_ms(found, "s1", "r2") == arrival_ms(found, "s2", "r2") == 4050
    down = {name: rate for name, rate in down.items() if name != "s2"}
    alone = play([("s1", "r1"), ("s1", "r2")], {"up": "10 Mbit/s", "down": down}, {"s1": "1 MB"})
    assert (arrival_ms(alone, "s1", "r1"), arrival_ms(alone, "s1", "r2")) == pytest.approx((8000 / 6 + 50, 2050), abs=1e-6)


def test_a_chain_of_full_lines() -> None:
    """Three flows, each line shared by two: 3 and 7 Mbit/s. What is freed at one end is felt at the other."""
    down = {"r1": "6 Mbit/s", "r2": "100 Mbit/s", "s1": "1 Gbit/s", "s2": "1 Gbit/s"}
    found = play([("s1", "r1"), ("s2", "r1"), ("s2", "r2")], {"up": "10 Mbit/s", "down": down}, {"s1": "1 MB", "s2": "1.4 MB"})
    # s1-r1 3, s2-r1 3, s2-r2 7: s2-r2 is through at 1.6 s; s1-r1 at 8/3 s, from when on s2-r1 has 6 for what is left of it
    assert arrival_ms(found, "s2", "r2") == pytest.approx(1600 + 50, abs=1e-6)
    assert arrival_ms(found, "s1", "r1") == pytest.approx(8000 / 3 + 50, abs=1e-6)
    assert arrival_ms(found, "s2", "r1") == pytest.approx(8000 / 3 + (11.2 - 8) / 6 * 1000 + 50, abs=1e-6)


def test_links_are_lines_too() -> None:
    """An uplink of 10 Mbit/s with links of 2 Mbit/s to two seats: 2 each; with one of its own the link is all that counts."""
    found = play([("s", "a"), ("s", "b")], {"up": "10 Mbit/s"}, {"s": "1 MB"}, link={"rate": "2 Mbit/s"})
    assert (arrival_ms(found, "s", "a"), arrival_ms(found, "s", "b")) == (4050, 4050)


def test_small_messages_have_the_lane() -> None:
    """Two bodies of 1 s into one seat take 2 s each; 1 kB that comes in between is there in 1 ms + 50 and makes both 1 ms later."""
    tables = {"workload": [{"kind": "rumour", "size": "1 MB", "origin": name} for name in "ab"] + [{"kind": "rumour", "size": "1 kB", "origin": "c", "first": "1 s"}]}  # fmt: skip
    found = play([("hub", name) for name in "abc"], {"down": "8 Mbit/s", "lane": "1 kB"}, {}, **tables)
    assert [arrival_ms(found, name, "hub") for name in "abc"] == [2051, 2051, 51]


def test_lost_and_cut_copies_hold_no_downlink() -> None:
    """What will not arrive takes nothing of its receiver's rate."""
    cut = {"fault": [{"kind": "partition", "at": "0 s", "groups": [["b"]]}]}
    found = play([("hub", "a"), ("hub", "b"), ("a", "b")], {"down": "8 Mbit/s"}, {"a": "1 MB", "b": "1 MB"}, **cut)
    assert arrival_ms(found, "a", "hub") == 1050
    assert arrival_ms(found, "b", "hub") < 0


def test_only_uplinks_come_out_as_in_equal_parts() -> None:
    """With wide downlinks max-min is what `fair-up` says, at a rounding of 1 ns a step."""
    names = [f"seat-{number}" for number in range(12)]
    links = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :: 3]]
    rumours = {name: f"{100 + 37 * place} kB" for place, name in enumerate(names[:6])}
    wide, plain = (play(links, {"up": "20 Mbit/s", **more}, rumours) for more in ({"down": "100 Gbit/s"}, {"sharing": "fair-up"}))
    for one, other in zip(wide.evidence.spreads, plain.evidence.spreads, strict=True):
        assert np.abs(one.arrival_ns - other.arrival_ns).max() < 2000


@given(st.integers(0, 10**9))
@settings(max_examples=200, deadline=None)
def test_no_rate_can_be_raised_without_lowering_a_smaller_one(seed: int) -> None:
    """The rule itself: no line carries more than its rate, and every flow has a full line on which nobody has more."""
    luck = random.Random(seed)
    seats = luck.randint(1, 7)
    lines: dict[Name, Line] = {
        (way, seat, 0): Line(luck.choice((0, 80, 800, 8000, 5371))) for way in (0, 1) for seat in range(seats)
    }
    flows = []
    for _ in range(luck.randint(1, 20)):
        names = [(0, luck.randrange(seats), 0), (1, luck.randrange(seats), 0)]
        if any(lines[name].ns_per_byte for name in names):
            flows.append(Flow(None, names, 1.0, 0))
            for name in names:
                lines[name].flows.append(flows[-1])
    rates = fill(lines)
    assert set(rates) == set(flows)
    used = {name: sum(rates[flow] for flow in line.flows) for name, line in lines.items()}
    for name, line in lines.items():
        assert not line.ns_per_byte or used[name] <= line.capacity * (1 + 1e-12)
    for flow in flows:
        limited = [lines[name] for name in flow.lines if lines[name].ns_per_byte]
        assert any(
            sum(rates[other] for other in line.flows) >= line.capacity * (1 - 1e-12)
            and rates[flow] >= max(rates[other] for other in line.flows) * (1 - 1e-12)
            for line in limited
        )


def crowded(seed: int, heavy: bool = False) -> Case:
    """A drawn network whose copies are slow enough to meet, with or without a lane and rates of single links."""
    luck = random.Random(seed)
    case = drawn_case(seed, heavy, trips=luck.random() < 0.3)
    up, down = luck.choice(((0, 500_000), (300_000, 300_000), (1_000_000, 400_000), (400_000, 1_000_000), (1_000_000, 0)))
    links: Any = luck.choice((0, 0, 200_000, np.array([luck.choice((0, 150_000)) for _ in case.topology.neighbours], np.int64)))
    lane = luck.choice((-1, -1, 120))
    case.costs = replace(
        case.costs, max_min=True, fair=False, up_bit_s=up, down_bit_s=down, lane_bytes=lane, link_bit_s=links, tcp_bytes=0
    )
    return case


def differences(seeds: range, heavy: bool = False) -> dict[int, list[str]]:
    """By seed, in what the core and the slow loop differ."""
    found = {}
    for seed in seeds:
        core, slow = compiled_outcome(crowded(seed, heavy)), slow_outcome(crowded(seed, heavy))
        if wrong := [name for name in slow if core[name] != slow[name]]:
            found[seed] = wrong
    return found


def test_core_and_reference_agree() -> None:
    """Bit for bit, although the core looks only at what a change can have reached."""
    assert differences(range(80)) == {}
    assert differences(range(3), heavy=True) == {}


def in_equal_parts(lines: dict[Name, Line]) -> dict[Flow, float]:
    """Not max-min: what others cannot use is left unused."""
    flows = {flow: None for line in lines.values() for flow in line.flows}
    return {
        flow: min(lines[name].capacity / len(lines[name].flows) for name in flow.lines if lines[name].ns_per_byte) for flow in flows
    }


def test_another_rule_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison notices when one side shares out otherwise."""
    monkeypatch.setattr(reference_fair, "fill", in_equal_parts)
    assert differences(range(40))
