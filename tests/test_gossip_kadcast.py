"""Kadcast: a tree with one delegate, as many copies with b as an independent implementation sends, at most as many hops as buckets, repair by code."""

from __future__ import annotations

from heapq import heappop, heappush
from math import log2
from random import Random
from typing import Any

import numpy as np
import pytest

import sim
from sim.gossip.kadcast import Kadcast, buckets_of
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.topologies import Complete
from sim.study.read import from_dict
from sim.testing import check_gossip, fingerprint

MS = 1_000_000


def spread(n: int, bodies: int = 1, silent: float = 0.0, seed: int = 1, **keys: int) -> tuple[Network, list[int]]:
    """Seat 0 publishes over links of 1 ms; a share of the others, the last ones, relays nothing."""
    dice = Dice(seed)
    topology = Complete(seats=n).build(dice)
    net = Network(topology, Costs(constant_ns=MS), Kadcast(**keys).strategy(topology, dice), dice)
    for seat in range(n - int(silent * n), n):
        net.set_flag(seat, st.RELAYS, False)
    items = [net.item(f"body-{turn}", "block", 32_000) for turn in range(bodies)]
    for item in items:
        net.publish(0, item)
    net.advance(100 * MS)
    return net, items


@pytest.mark.parametrize("part", [Kadcast(), Kadcast(delegates=1), Kadcast(bucket=2, originals=4, repairs=2)])
def test_conformance(part: Any) -> None:
    """Compiled as interpreted, deterministic, everybody reached, every copy accounted for."""
    check_gossip(part, seeds=1)


def test_buckets_are_those_of_the_first_differing_bit() -> None:
    """Each other seat lies in exactly one bucket, the one of the number of equal leading bits."""
    identifiers = [Dice(7).key("identifier", seat) for seat in range(60)]
    order, places, bounds = buckets_of(identifiers)
    assert [order[place] for place in places] == list(range(60))
    for seat, mine in enumerate(identifiers):
        found = {order[at]: bucket for bucket, (begin, end) in enumerate(bounds[seat]) for at in range(begin, end)}
        wanted = {other: 64 - (mine ^ theirs).bit_length() for other, theirs in enumerate(identifiers) if other != seat}
        assert found == wanted
    assert sum(end - begin for begin, end in bounds[0]) == 59


@pytest.mark.parametrize("n", [1, 2, 3, 50, 500])
@pytest.mark.parametrize("bucket", [1, 20])
def test_one_delegate_makes_a_tree(n: int, bucket: int) -> None:
    """n - 1 bodies, none twice, everybody reached, in at most as many hops as there are buckets."""
    net, items = spread(n, delegates=1, bucket=bucket)
    assert net.world.by_packet[st.BODY, 0] == n - 1 == net.world.clock[st.FIRST_COPIES] == net.world.clock[st.BODY_COPIES]
    assert (net.world.held[items[0]] == st.HELD).all()
    assert net.world.arrival[items[0]].max() <= int(net.world.options[3]) * MS


def plain_kadcast(n: int, delegates: int, generator: Random) -> int:
    """The paper's algorithm once more, with heights in the messages and exponential delays: how many copies are sent."""
    identifiers = [generator.getrandbits(64) for _ in range(n)]
    heights: dict[int, int] = {0: 64}  # of seats that have acted
    queue: list[tuple[float, int, int]] = []
    copies = 0

    def act(now: float, seat: int, height: int) -> None:
        nonlocal copies
        for bucket in range(height):
            known = [other for other in range(n) if (identifiers[other] ^ identifiers[seat]).bit_length() == bucket + 1]
            for other in generator.sample(known, min(delegates, len(known))):
                copies += 1
                heappush(queue, (now + generator.expovariate(1), other, bucket))

    act(0.0, 0, 64)
    while queue:
        now, seat, height = heappop(queue)
        if seat not in heights:
            heights[seat] = height
            act(now, seat, height)
    assert len(heights) == n
    return copies


@pytest.mark.parametrize("delegates", [2, 3])
def test_copies_are_those_of_the_paper_s_algorithm(delegates: int) -> None:
    """Mean copies over 40 networks of 100 seats against an independent implementation, within four standard errors."""
    generator = Random(5)
    plain = [plain_kadcast(100, delegates, generator) for _ in range(40)]
    scene = {**SCENE, "workload": [{"kind": "rumour", "size": "1 kB"}]}
    ours = [
        sim.run(from_dict(scene).but(gossip=Kadcast(delegates=delegates, bucket=100)), seed).to_dict()["gossip"]["messages"]
        for seed in range(40)
    ]
    error = ((np.var(plain, ddof=1) + np.var(ours, ddof=1)) / 40) ** 0.5
    assert abs(np.mean(plain) - np.mean(ours)) < 4 * error
    assert error < 0.03 * float(np.mean(plain))


def test_hops_grow_as_the_logarithm() -> None:
    """A binomial tree over a balanced space has a mean depth of log2(n) / 2; random identifiers come near it."""
    means = {}
    for n in (64, 1024):
        depths = [spread(n, seed=seed, delegates=1)[0].world.arrival[0, 1:].mean() / MS for seed in range(8)]
        means[n] = float(np.mean(depths))
        assert means[n] == pytest.approx(log2(n) / 2, rel=0.15)
    assert means[1024] - means[64] == pytest.approx((10 - 6) / 2, rel=0.2)


def test_a_silent_delegate_hides_its_part_and_redundancy_brings_it_back() -> None:
    """A fifth of the seats is silent. One delegate: whole subtrees miss; more delegates, or coded pieces: fewer and fewer."""
    reached = {}
    for name, keys in {
        "one": {"delegates": 1},
        "three": {"delegates": 3},
        "coded": {"delegates": 3, "originals": 8, "repairs": 8},
    }.items():
        net, items = spread(500, bodies=20, silent=0.2, **keys)
        reached[name] = float((net.world.held[items] == st.HELD)[:, 1:400].mean())
    assert reached["one"] < 0.8 < reached["three"]
    assert 0.9 < reached["three"] <= reached["coded"]
    assert reached["coded"] == 1.0


def test_delegates_differ_from_body_to_body() -> None:
    """Each body's tree is another one, among the same known seats of each bucket."""
    net, items = spread(300, bodies=30, delegates=1, bucket=4)
    first = net.world.arrival[items] == MS
    assert (first.sum(axis=1) == first[0].sum()).all()
    assert not (first == first[0]).all()
    buckets = int(net.world.options[3])
    assert first.any(axis=0).sum() <= 4 * buckets


SCENE = {
    "duration": "10 s",
    "topology": {"kind": "complete", "seats": 100},
    "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
    "workload": [{"kind": "rumour", "size": "20 kB", "count": 3}],
}


@pytest.mark.parametrize(("key", "value"), [("delegates", 2), ("bucket", 5), ("originals", 4), ("repairs", 3)])
def test_every_key_changes_something(key: str, value: int) -> None:
    """Two runs that differ in one key differ."""
    plain, other = (sim.run(from_dict(SCENE).but(gossip=kind), 1) for kind in (Kadcast(), Kadcast(**{key: value})))
    assert fingerprint(plain) != fingerprint(other)


@pytest.mark.parametrize("key", ["delegates", "bucket", "originals"])
def test_what_cannot_be_is_refused(key: str) -> None:
    """One sentence, with the key."""
    with pytest.raises(ScenarioError, match=key):
        from_dict({**SCENE, "gossip": {"kind": "kadcast", key: 0}})
