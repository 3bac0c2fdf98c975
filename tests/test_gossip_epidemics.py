"""Epidemics in rounds: push for ever, pull, push-pull, rumour mongering; exact chains and closed forms within four standard errors.

The V numbers are those of the project's validation list. Rumours of one run are far apart in time and draw independently.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sim
from sim.gossip.mongering import Mongering
from sim.gossip.pull import Pull
from sim.gossip.push_forever import PushForever
from sim.gossip.push_pull import PushPull
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.core import state as st
from sim.net.costs import Costs
from sim.net.network import Network
from sim.net.topologies import Complete
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import check_gossip, fingerprint

MS, SECOND = 1_000_000, 1_000_000_000


def many(gossip: dict[str, Any], n: int, rumours: int, latency: str = "1 ms", apart_s: int = 100) -> Report:
    """Rumours among n, each with seconds of its own, half a second after a round of the common clock."""
    tables = {
        "duration": f"{apart_s * rumours + apart_s} s",
        "topology": {"kind": "complete", "seats": n},
        "link": {"latency": {"kind": "constant", "value": latency}},
        "gossip": gossip,
        "workload": [{"kind": "rumour", "size": "1 kB", "count": rumours, "every": f"{apart_s} s", "first": "500 ms"}],
    }
    return sim.run(from_dict(tables), 11)


def since_published_s(report: Report) -> NDArray[np.float64]:
    """Seconds from publication until each seat had it, float64[rumours, n]; infinite where it never came."""
    rows = []
    for spread in report.evidence.spreads:
        rows.append(np.where(spread.arrival_ns < 0, math.inf, (spread.arrival_ns - spread.published_ns) / SECOND))
    return np.array(rows)


def within_four_errors(found: NDArray[np.float64], expected: float, slack: float = 0.0) -> None:
    """The mean of independent runs against what it should be."""
    error = float(found.std(ddof=1)) / math.sqrt(len(found))
    assert abs(float(found.mean()) - expected) <= 4 * error + slack, f"{found.mean()} +- {error}, expected {expected}"


def network(part: Any, seats: int = 3) -> Network:
    """A few seats, all linked, 1 ms apart."""
    topology, dice = Complete(seats=seats).build(Dice(1)), Dice(1)
    return Network(topology, Costs(constant_ns=MS), part.strategy(topology, dice), dice)


@pytest.mark.parametrize(("part", "least"), [(PushForever(), 1.0), (Pull(), 1.0), (PushPull(), 1.0), (Mongering(), 0.5)])
def test_every_strategy_stands_the_public_check(part: Any, least: float) -> None:
    check_gossip(part, least_reached=least)


# push for ever --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "rounds"), [(10, 6.0471), (100, 12.3045)])
def test_v15_push_in_common_rounds(n: int, rounds: float) -> None:
    """Rounds until all have heard, each informed seat calling one random other a round; published mid-round."""
    gossip = {"kind": "push-forever", "fanout": 1, "rounds": 40, "period": "1 s", "clock": "common"}
    within_four_errors(np.rint(since_published_s(many(gossip, n, 400)).max(axis=1) + 0.5), rounds)


@pytest.mark.parametrize("n", [10, 100])
def test_v17_push_by_poisson_clocks(n: int) -> None:
    """2 (n - 1) / n times the harmonic number of n - 1, in mean periods."""
    gossip = {"kind": "push-forever", "fanout": 1, "rounds": 60, "period": "1 s", "clock": "poisson"}
    expected = 2 * (n - 1) / n * sum(1 / m for m in range(1, n))
    within_four_errors(since_published_s(many(gossip, n, 400, "0 s", 200)).max(axis=1), expected)


def test_push_for_ever_costs_rounds_times_fanout_bodies_a_seat() -> None:
    gossip = {"kind": "push-forever", "fanout": 3, "rounds": 7}
    assert many(gossip, 20, 5).evidence.counters["body_copies"] == 5 * 20 * 3 * 7


# pull -----------------------------------------------------------------------------------------------------------------------


def rounds_of_pull(n: int) -> tuple[float, list[float]]:
    """Expected rounds until all have it, and expected share without it after each round: the exact chain over how many lack it.

    Each of s seats without it asks one of n - 1 others, of which s - 1 lack it too, so s of the next round is binomial.
    """
    law = np.zeros(n)
    law[n - 1] = 1.0
    rounds, shares = 0.0, []
    for _ in range(200):
        rounds += 1 - law[0]
        after = np.zeros(n)
        for lacking in range(n):
            chance = max(0, lacking - 1) / (n - 1)
            for left in range(lacking + 1):
                after[left] += law[lacking] * math.comb(lacking, left) * chance**left * (1 - chance) ** (lacking - left)
        law = after
        shares.append(float(law @ np.arange(n)) / n)
    return rounds, shares


def test_pull_in_common_rounds_follows_the_exact_chain() -> None:
    """Rounds until all have it, and the share without it after each of the first ten rounds, among 60 seats."""
    n = 60
    times = since_published_s(many({"kind": "pull", "fanout": 1, "period": "1 s", "clock": "common"}, n, 400))
    expected, shares = rounds_of_pull(n)
    within_four_errors(np.rint(times.max(axis=1) + 0.5), expected)
    for turn in range(1, 11):
        within_four_errors((times > turn - 0.5 + 0.1).mean(axis=1), shares[turn - 1])


def test_pull_sends_every_body_once() -> None:
    """Whatever the digests say at once: one request a seat and item, so redundancy is 1 exactly."""
    counters = many({"kind": "pull", "fanout": 3}, 40, 5).evidence.counters
    assert counters["body_copies"] == counters["first_copies"] == 5 * 39


def test_pull_turns_to_another_where_nothing_comes() -> None:
    """Seats 0 and 1 have it; the one that is asked first lists it and does not serve: the other is asked after the patience."""
    part = Pull(fanout=2, clock="common", period="1 s", patience="300 ms")
    arrivals = []
    for liars in ((), (0,), (1,)):
        net = network(part)
        item = net.item("block", "block", 1000)
        net.publish(0, item)
        net.publish(1, item)
        for liar in liars:
            net.set_flag(liar, st.SERVES, False)
        net.advance(5 * SECOND)
        arrivals.append(int(net.world.arrival[item, 2]))
    told_ns = SECOND + 4 * MS  # hello, digest, request, body
    assert arrivals[0] == told_ns
    assert sorted(arrivals[1:]) == [told_ns, told_ns + 300 * MS]


def test_pull_takes_a_batch_a_round() -> None:
    """Five items, two a digest: seat 1 has them after three rounds."""
    net = network(Pull(fanout=1, clock="common", period="1 s", batch=2), 2)
    items = [net.item(name, "block", 1000) for name in "abcde"]
    for item in items:
        net.publish(0, item)
    net.advance(5 * SECOND)
    assert [int(net.world.arrival[item, 1]) // SECOND for item in items] == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(("keep", "comes"), [("3 s", False), ("10 s", True)])
def test_pull_offers_an_item_only_so_long(keep: str, comes: bool) -> None:
    """A seat that was down for five seconds finds what is still listed."""
    net = network(Pull(fanout=1, clock="common", period="1 s", keep=keep), 2)
    item = net.item("block", "block", 1000)
    net.set_flag(1, st.UP, False)
    net.publish(0, item)
    net.advance(5 * SECOND)
    net.set_flag(1, st.UP, True)
    net.advance(15 * SECOND)
    assert (int(net.world.held[item, 1]) == st.HELD) == comes


def test_pull_leaves_alone_what_was_not_gossiped() -> None:
    """A record stored at a seat, not published for all, stands in no digest."""
    net = network(Pull(clock="common", period="1 s"))
    net.publish(0, net.item("record", "record", 1000), False)
    net.advance(5 * SECOND)
    assert net.world.by_packet[st.REQUEST, 0] == 0


# push-pull ------------------------------------------------------------------------------------------------------------------


def test_one_exchange_gives_both_the_union() -> None:
    """Nothing is told at once; the first digest brings seat 1 what only 0 has and 0 what only 1 has, in 3 and 2 ms."""
    net = network(PushPull(retransmit=0, sync="1 s"), 2)
    mine, yours = (net.item(name, "block", 1000) for name in ("mine", "yours"))
    net.publish(0, mine)
    net.publish(1, yours)
    net.advance(3 * SECOND)
    crossed = sorted([int(net.world.arrival[mine, 1]), int(net.world.arrival[yours, 0])])
    assert crossed[0] > 0
    assert crossed[1] - crossed[0] == MS
    assert net.world.by_packet[st.REQUEST, 0] == 1
    assert net.world.by_packet[st.BODY, 0] == 2


@pytest.mark.parametrize(("n", "times"), [(9, 4), (10, 8), (99, 8), (100, 12)])
def test_push_pull_tells_four_times_the_digits_of_n(n: int, times: int) -> None:
    """memberlist's retransmit limit, 4 ceil(log10(n + 1)); no exchange falls into the run."""
    counters = many({"kind": "push-pull", "sync": "1 d"}, n, 1).evidence.counters
    assert counters["body_copies"] == (counters["first_copies"] + 1) * times


def test_push_pull_mends_what_the_news_missed() -> None:
    """Told twice in all the news leave seats out (a push of fanout 2 reaches 80 %); the exchanges reach them."""
    gossip = {"kind": "push-pull", "fanout": 2, "retransmit": 1, "sync": "1000 s"}
    assert np.isinf(since_published_s(many(gossip, 60, 20))).any()
    assert not np.isinf(since_published_s(many({**gossip, "sync": "10 s"}, 60, 20))).any()


@pytest.mark.parametrize("liars", [(0, 1), (1, 0)])
def test_push_pull_turns_to_another_where_nothing_comes(liars: tuple[int, int]) -> None:
    """Seats 0 and 1 list the item and push nothing; whichever of the two is asked first, the other is after the patience."""
    found = []
    for liar in (None, *liars):
        net = network(PushPull(retransmit=0, sync="1 s", patience="10 s"))
        item = net.item("block", "block", 1000)
        for seat in (0, 1):
            net.publish(seat, item)
        net.advance(MS // 2)
        for seat in (0, 1):
            net.set_flag(seat, st.RELAYS, False)
        if liar is not None:
            net.set_flag(liar, st.SERVES, False)
        net.advance(30 * SECOND)
        found.append(int(net.world.arrival[item, 2]))
    assert sorted(found[1:]) == [found[0], found[0] + 10 * SECOND]


def test_push_pull_asks_again_at_the_next_exchange() -> None:
    """Seat 0 serves nobody for 2.5 s: each of its digests is answered by a request once the patience for the last one is over."""
    net = network(PushPull(retransmit=0, sync="1 s", patience="300 ms"), 2)
    item = net.item("block", "block", 1000)
    net.publish(0, item)
    net.advance(MS // 2)
    net.set_flag(0, st.RELAYS, False)
    net.set_flag(0, st.SERVES, False)
    net.advance(5 * SECOND // 2)
    assert net.world.by_packet[st.REQUEST, 0] in (2, 3)
    net.set_flag(0, st.SERVES, True)
    net.advance(4 * SECOND)
    assert 5 * SECOND // 2 < net.world.arrival[item, 1] <= 7 * SECOND // 2 + 3 * MS
    assert net.world.by_packet[st.BODY, 0] == 1


# mongering ------------------------------------------------------------------------------------------------------------------


def root(k: float) -> float:
    """The share s < 1 with s = exp(-k (1 - s))."""
    share = 0.5
    for _ in range(500):
        share = math.exp(-k * (1 - share))
    return share


def expected_residue(n: int, k: int, ending: str, contacts: str) -> float:
    """The exact share never reached: the jump chain over (seats without it, tellers) or (seats without it, contacts left)."""

    @cache
    def left(lacking: int, telling: int) -> float:
        if lacking == 0 or telling == 0:
            return float(lacking)
        new = lacking / (n - 1)
        if ending == "counter":
            return new * left(lacking - 1, telling - 1 + k) + (1 - new) * left(lacking, telling - 1)
        if contacts == "feedback":
            tired = (1 - new) / k
            return (new * left(lacking - 1, telling + 1) + tired * left(lacking, telling - 1)) / (new + tired)
        reached = left(lacking - 1, telling) / k + left(lacking - 1, telling + 1) * (1 - 1 / k)
        return (new * reached + (1 - new) / k * left(lacking, telling - 1)) / (new + (1 - new) / k)

    for lacking in range(n):  # from below, so that no recursion is deep
        for telling in range((n - lacking) * (k if ending == "counter" else 1) + 1):
            left(lacking, telling)
    return left(n - 1, k if ending == "counter" else 1) / n


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize(("ending", "contacts"), [("coin", "feedback"), ("coin", "blind"), ("counter", "blind")])
def test_residue_of_mongering_is_that_of_the_exact_chain(ending: str, contacts: str, k: int) -> None:
    """Which teller makes the next contact does not matter to these three, so rounds and the chain agree at any n."""
    gossip = {"kind": "mongering", "k": k, "ending": ending, "contacts": contacts, "period": "1 s", "clock": "common"}
    residue = np.isinf(since_published_s(many(gossip, 100, 300))).mean(axis=1)
    within_four_errors(residue, expected_residue(100, k, ending, contacts))


@pytest.mark.parametrize("clock", ["own", "common", "poisson"])
@pytest.mark.parametrize(("k", "residue"), [(1, 0.203188), (2, 0.059520), (3, 0.019827), (4, 0.006977)])
def test_v25_residue_with_feedback_and_counter(k: int, residue: float, clock: str) -> None:
    """s = exp(-(k + 1)(1 - s)) and, whatever k, s = exp(-m) for m bodies a seat; at n = 1000 both hold but for some 1/n."""
    gossip = {"kind": "mongering", "k": k, "period": "1 s", "clock": clock}
    report = many(gossip, 1000, 60)
    missed = np.isinf(since_published_s(report)).mean(axis=1)
    assert residue == pytest.approx(root(k + 1), abs=1e-6)
    within_four_errors(missed, residue, 1 / 1000)
    within_four_errors(missed, math.exp(-report.evidence.counters["body_copies"] / 60 / 1000), 1 / 1000)


@pytest.mark.parametrize(("contacts", "bodies", "answers"), [("feedback", 5, 4), ("blind", 4, 0)])
def test_two_seats_lose_interest_after_two_contacts(contacts: str, bodies: int, answers: int) -> None:
    """With feedback the first, useful contact is free and every vain one is answered."""
    net = network(Mongering(k=2, contacts=contacts, period="1 s"), 2)
    net.publish(0, net.item("block", "block", 1000))
    net.advance(60 * SECOND)
    assert net.world.by_packet[[st.BODY, st.CONTROL], 0].tolist() == [bodies, answers]


# keys -----------------------------------------------------------------------------------------------------------------------

CHANGES: list[tuple[Any, dict[str, Any]]] = [
    (PushForever(), {"fanout": 2, "rounds": 5, "period": "100 ms", "clock": "common"}),
    (PushForever(), {"clock": "poisson"}),
    (
        Pull(batch=2),
        {"fanout": 1, "period": "1 s", "clock": "common", "patience": "500 ms", "keep": "1 s", "batch": 1, "id_size": "20 B"},
    ),
    (Pull(), {"clock": "poisson"}),
    (
        PushPull(sync="1 s", retransmit=1, batch=2),
        {"fanout": 1, "period": "1 s", "retransmit": 2, "sync": "2 s", "id_size": "20 B"},
    ),
    (PushPull(sync="1 s", retransmit=1, batch=2), {"clock": "common", "patience": "500 ms", "keep": "1 s", "batch": 1}),
    (PushPull(), {"clock": "poisson"}),
    (Mongering(), {"k": 2, "ending": "coin", "contacts": "blind", "period": "1 s", "clock": "common"}),
    (Mongering(), {"clock": "poisson"}),
]


@cache
def lossy_print(part: Any) -> str:
    """Fingerprint of ten rumours over slow links that lose a third of all copies."""
    tables = {
        "duration": "30 s",
        "topology": {"kind": "random-regular", "seats": 30, "degree": 6},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}, "loss": "33 %"},
        "seat": {"up": "2 Mbit/s"},
        "workload": [{"kind": "rumour", "size": "20 kB", "count": 10, "every": "100 ms"}],
    }
    return fingerprint(sim.run(from_dict(tables).but(gossip=part), 1))


@pytest.mark.parametrize(("part", "key", "value"), [(part, key, value) for part, keys in CHANGES for key, value in keys.items()])
def test_every_key_changes_something(part: Any, key: str, value: Any) -> None:
    fields = {name: getattr(part, name) for name in part.__dataclass_fields__}
    assert lossy_print(type(part)(**{**fields, key: value})) != lossy_print(part)


@pytest.mark.parametrize("make", [PushForever, Pull, PushPull, Mongering])
def test_a_round_takes_time(make: Any) -> None:
    with pytest.raises(ScenarioError, match="a round takes time"):
        make(period="0 s")


def test_mongering_needs_a_contact() -> None:
    with pytest.raises(ScenarioError, match="at least 1"):
        Mongering(k=0)
