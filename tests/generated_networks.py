"""Small networks drawn at random, with every cost on or off, and what is done on them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from reference_gossip import SlowAnnounce, SlowFlood, SlowPush
from reference_things import HOLD, QUORUM

from sim.gossip.announce import Announce
from sim.gossip.flood import Flood
from sim.gossip.push import Push
from sim.kernel.dice import Dice
from sim.net.costs import Costs
from sim.net.latency import factor_table, law_table
from sim.net.laws import Constant, Exponential, Lognormal, Uniform
from sim.net.topology import Topology, linked, numbered

US, MS, S = 1_000, 1_000_000, 1_000_000_000
KINDS = 4


@dataclass
class Case:
    """One drawn network and what is done on it."""

    topology: Topology
    costs: Costs
    gossip: Any
    slow_gossip: Any
    dice: Dice
    islands: list[int]
    slowness: list[int]
    silent: list[int]
    messages: list[dict[str, Any]]
    items: list[tuple[str, int, int, int]]
    steps: list[tuple[int, list[tuple[Any, ...]]]]
    reactions: list[list[tuple[Any, ...]]]
    executes: list[int]
    """CPU time in ns for what is in each item."""


def drawn_topology(luck: random.Random, n: int) -> Topology:
    """A random tree and some more links; sometimes with places and latencies between them."""
    parents = [(luck.randrange(child), child) for child in range(1, n)]
    spare = [(a, b) for b in range(n) for a in range(b) if (a, b) not in parents]
    more = luck.sample(spare, luck.choice((0, len(spare) // 4, len(spare))))
    sites = base = None
    if luck.random() < 0.4:
        places = luck.randint(1, 4)
        sites = np.array([luck.randrange(places) for _ in range(n)], np.int32)
        base = np.array([[luck.randrange(0, 80 * MS) for _ in range(places)] for _ in range(places)], np.int64)
    edges = np.array(parents + more, np.int64).reshape(-1, 2)
    return linked(numbered("seat", n), edges, sites=sites, base_ns=base)


def drawn_costs(luck: random.Random, topology: Topology) -> Costs:
    """Each cost on or off."""
    scale_ns = luck.choice((3 * US, 200 * US, 40 * MS, 5 * S))
    law: Any = luck.choice(
        (
            None,
            Constant(value=scale_ns),
            Uniform(low=0, high=2 * scale_ns),
            Lognormal(median=scale_ns, sigma=0.5),
            Exponential(mean=scale_ns),
        )
    )
    relative = law is not None and topology.base_ns is not None and luck.random() < 0.5
    table = None if law is None else factor_table(law) if relative else law_table(law)
    rates = (0, 0, 1_000_000, 100_000_000, 1_000_000_000)
    return Costs(
        constant_ns=luck.choice((0, scale_ns)),
        table=table,
        relative=relative,
        loss=luck.choice((0.0, 0.0, 0.05, 0.3)),
        up_bit_s=luck.choice(rates),
        down_bit_s=luck.choice(rates),
        cores=luck.randint(0, 3),
        sign_ns=luck.choice((0, 30 * US)),
        verify_ns=luck.choice((0, 70 * US)),
        hash_ps_per_byte=luck.choice((0, 900)),
        announce_bytes=luck.choice((0, 48)),
    )


def with_trips(luck: random.Random, costs: Costs, topology: Topology) -> Costs:
    """The same costs with some of what gives each copy a trip of its own, at least one of them."""
    rates: Any = luck.choice((500_000, np.array([luck.choice((0, 300_000, 20_000_000)) for _ in topology.neighbours], np.int64)))
    latency_ns = luck.choice((200 * US, 40 * MS))
    options: list[dict[str, Any]] = [
        {"fair": True, "up_bit_s": luck.choice((1_000_000, 100_000_000))},
        {"lane_bytes": luck.choice((0, 120, 1000)), "up_bit_s": luck.choice((1_000_000, 100_000_000))},
        {"link_bit_s": rates},
        {"retransmit_ns": luck.choice((1, 20 * MS, 2 * S)), "loss": luck.choice((0.05, 0.4))},
        {"duplicate": luck.choice((0.05, 0.5))},
        {"reorder": luck.choice((0.05, 0.5)), "reorder_ns": luck.choice((1, latency_ns, 3 * S))},
        {"tcp_bytes": luck.choice((1460, 14_600)), "tcp_idle_ns": luck.choice((MS, S))},
    ]
    rate = luck.choice((1_000_000, 100_000_000))
    options.append(
        {"max_min": True, "fair": False, "up_bit_s": luck.choice((0, rate)), "down_bit_s": luck.choice((rate, 3 * rate))}
    )
    chosen = luck.sample(options, luck.choice((1, 1, 2, 3, 8)))
    return replace(costs, **{name: value for option in chosen for name, value in option.items()})


def drawn_gossip(luck: random.Random, dice: Dice) -> tuple[Any, Any]:
    """A strategy and its slow twin."""
    sort = luck.randrange(3)
    if sort == 0:
        return Flood(), SlowFlood()
    if sort == 1:
        fanout = luck.randint(1, 5)
        return Push(fanout=fanout), SlowPush(fanout, dice)
    patience_ns = luck.choice((0, 100 * US, 100 * MS, 2 * S))
    return Announce(patience=patience_ns), SlowAnnounce(patience_ns)


def drawn_messages(luck: random.Random, n: int, items: int) -> list[dict[str, Any]]:
    """Votes, mail, certificates of votes, and messages with an item inside."""
    messages: list[dict[str, Any]] = []
    for _number in range(luck.randint(2, 8)):
        fields = tuple(luck.randrange(2) for _ in range(luck.randint(1, 3)))
        one: dict[str, Any] = {"kind": luck.randrange(KINDS - 1), "fields": fields, "size_bytes": luck.choice((0, 1, 120, 9000))}
        one["checks"] = luck.choice((1, 1, 3))
        one["vote"] = luck.random() < 0.6
        votes = [earlier for earlier, other in enumerate(messages) if other["vote"]]
        if votes and luck.random() < 0.3:
            signers = luck.sample(range(n), luck.randint(1, n))
            one.update(kind=KINDS - 1, vote=False, certified=luck.choice(votes))
            one["signers"] = sum(1 << signer for signer in signers)
        elif luck.random() < 0.2:
            one["attached"] = luck.randrange(items)
        messages.append(one)
    return messages


def drawn_order(luck: random.Random, n: int, case_messages: int, items: int, waits: int) -> tuple[Any, ...]:
    """One thing that somebody does."""
    seat, other = luck.randrange(n), luck.randrange(n)
    message, item = luck.randrange(case_messages), luck.randrange(items)
    sort = luck.choices(range(9), (3, 4, 4, 1, 1, 4, 1, 1, 1))[0]
    if sort == 5:
        kind = luck.choice((QUORUM, QUORUM, QUORUM, HOLD))
        fields = (item,) if kind == HOLD else (luck.randrange(2), luck.randrange(2))
        return ("watch", seat, kind, luck.randrange(KINDS), luck.randint(1, max(1, 2 * n // 3)), luck.randrange(4), fields, waits)
    return (
        ("send", seat, other, luck.choice((seat, luck.randrange(n))), message),
        ("broadcast", seat, seat, message),
        ("publish", seat, item, luck.random() < 0.9),
        ("ask", seat, other, item) if seat != other else ("listen", seat, 15),
        ("hand_over", seat, other, item) if seat != other else ("listen", seat, 0),
        (),
        ("listen", seat, luck.randrange(16)),
        ("unwatch", luck.randrange(max(1, waits))),
        ("switch", seat, *luck.choice((("flags", luck.randrange(8)), ("island", luck.randrange(2)), ("slowness", 5000)))),
    )[sort]


def vote_round(luck: random.Random, n: int, messages: list[dict[str, Any]], waits: int) -> list[tuple[Any, ...]]:
    """Most seats vote for one thing, most wait for a quorum of it, some before and some after their own vote."""
    votes = [number for number, other in enumerate(messages) if other["vote"]]
    if not votes:
        return []
    number = luck.choice(votes)
    one = messages[number]
    need = luck.randint(1, n)
    orders: list[tuple[Any, ...]] = [("broadcast", seat, seat, number) for seat in range(n) if luck.random() < 0.8]
    mask = luck.choice((0, 1, 2, 3))
    asked = [seat for seat in range(n) if luck.random() < 0.8]
    for turn, seat in enumerate(asked):
        fields = (*one["fields"], 0)[:2]
        orders.append(("watch", seat, QUORUM, one["kind"], need, mask, fields, waits + turn))
    luck.shuffle(orders)
    return orders


def drawn_case(seed: int, heavy: bool = False, trips: bool = False) -> Case:
    """Everything of one case, from one seed. A heavy one starts with a vote of all to all, several at once."""
    luck = random.Random(seed)
    dice = Dice(seed)
    n = 24 if heavy else luck.randint(2, 24)
    topology = drawn_topology(luck, n)
    costs = drawn_costs(luck, topology)
    if trips:
        costs = with_trips(random.Random(-1 - seed), costs, topology)
    gossip, slow_gossip = drawn_gossip(luck, dice)
    items = [(luck.choice(("block", "tx")), luck.choice((1, 300, 50_000)), -1, -1) for _ in range(luck.randint(2, 6))]
    messages = drawn_messages(luck, n, len(items))
    items += [("vote", 200, number, luck.randrange(n)) for number in range(len(messages)) if luck.random() < 0.4]
    steps, now_ns, waits = [], 0, 0
    for _ in range(luck.randint(2, 8)):
        orders = []
        for _ in range(luck.randint(1, 8)):
            orders.append(drawn_order(luck, n, len(messages), len(items), waits))
            waits += orders[-1][0] == "watch"
        if luck.random() < 0.3:
            orders += vote_round(luck, n, messages, waits)
            waits += sum(order[0] == "watch" and order[-1] >= waits for order in orders)
        steps.append((now_ns, orders))
        now_ns += luck.choice((0, 0, 1, 50 * US, 10 * MS, 300 * MS, 20 * S))
    if heavy:
        steps[0][1][:0] = [("broadcast", seat, seat, message) for message in range(len(messages)) for seat in range(n)]
    steps.append((now_ns + 1000 * S, []))
    reactions = [
        [order for _ in range(luck.randint(0, 2)) if (order := drawn_order(luck, n, len(messages), len(items), 0))[0] != "watch"]
        for _ in range(waits)
    ]
    islands = [luck.randrange(2) if luck.random() < 0.5 else 0 for _ in range(n)] if luck.random() < 0.3 else [0] * n
    slowness = [luck.choice((1024, 1024, 3000, 10240)) if luck.random() < 0.5 else 1024 for _ in range(n)]
    silent = [seat for seat in range(n) if luck.random() < 0.05]
    apart = random.Random(-1_000_000 - seed)  # so that the rest of a case is what it was before there was anything to execute
    executes = [apart.choice((0, 0, 90 * US, 30 * MS)) if family == "block" else 0 for family, *_ in items]
    return Case(topology, costs, gossip, slow_gossip, dice, islands, slowness, silent, messages, items, steps, reactions, executes)
