"""One script plays a drawn case on the compiled core or on the slow reference; outcomes in the same words."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from generated_networks import Case
from reference_network import SlowNetwork

from sim.net.core import state as st
from sim.net.network import Network

COUNTED = (st.SENT, st.IN_FLIGHT, st.FIRST_COPIES, st.BODY_COPIES, st.DUPLICATED, st.RESENT_COPIES)


class Tape:
    """Stands in for a trace: keeps the wire level."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []

    def add_wire(self, columns: Any) -> None:
        """Append rows."""
        self.rows += [tuple(row) for row in columns.tolist()]


def switch(net: Any, seat: int, what: str, value: int) -> None:
    """Flags, island or slowness of a seat, on either network."""
    if isinstance(net, Network):
        if what in ("island", "slowness"):
            values = net.world.seats[what].copy()
            values[seat] = value
            net.set_apart(what, values)
        else:
            net.world.seats[seat][what] = value
    elif what == "flags":
        here = net.seats[seat]
        here.is_up, here.relays, here.serves = bool(value & st.UP), bool(value & st.RELAYS), bool(value & st.SERVES)
    else:
        setattr(net.seats[seat], what, value)


def play(case: Case, net: Any) -> dict[str, Any]:
    """Do on `net` what the case says; every stop of the clock and every wake-up, in order."""
    stops: list[int] = []
    wakes: list[tuple[int, int, int]] = []
    probes: dict[int, Any] = {}
    for seat in range(case.topology.n):
        switch(net, seat, "island", case.islands[seat])
        switch(net, seat, "slowness", case.slowness[seat])
        if seat in case.silent:
            switch(net, seat, "flags", st.UP)
    for name, size_bytes, message, signer in case.items:
        net.item((name, len(net.items) if isinstance(net, SlowNetwork) else len(net.item_names)), name, size_bytes, message, signer)
    for number, execute_ns in enumerate(case.executes):
        if isinstance(net, SlowNetwork):
            net.items[number].execute_ns = execute_ns
        else:
            net.world.items[number]["execute_ns"] = execute_ns
    for number, one in enumerate(case.messages):
        net.message(number, **one)

    def now_ns() -> int:
        return net.now_ns if isinstance(net, SlowNetwork) else int(net.world.clock[st.NOW])

    def obey(orders: list[tuple[Any, ...]]) -> None:
        for name, *rest in orders:
            if name == "switch":
                switch(net, *rest)
            elif name == "unwatch":
                if rest[0] in probes:
                    net.unwatch(probes.pop(rest[0]))
            elif name == "watch":
                *asked, wait = rest

                def wake(what: int, wait: int = wait) -> None:
                    wakes.append((now_ns(), wait, what))
                    net.unwatch(probes.pop(wait))
                    obey(case.reactions[wait])

                probes[wait] = net.watch(*asked, wake)
            else:
                getattr(net, name)(*rest)

    for time_ns, orders in case.steps:
        while (stopped_ns := net.advance(time_ns)) < time_ns:
            stops.append(stopped_ns)
        obey(orders)
    return {"stops": stops, "wakes": wakes}


def compiled_outcome(case: Case) -> dict[str, Any]:
    """What the core makes of a case."""
    net = Network(case.topology, case.costs, case.gossip.strategy(case.topology, case.dice), case.dice, wire=True)
    tape, mail = Tape(), []
    net.trace = tape  # type: ignore[assignment]
    net.on_mail = lambda seat, signer, message: mail.append((seat, signer, message))
    outcome = play(case, net)
    world, clock, seats = net.world, net.world.clock, net.world.seats
    fates = [int(clock[word]) for word in (st.DELIVERED, st.LOST, st.CUT, st.DOWN)]
    meters = ("sent_bytes", "received_bytes", "longest_queue_ns")
    most = [
        np.maximum(world.window_most[:, place], seats[f"{side}_window_bytes"]).tolist() for place, side in enumerate(("up", "down"))
    ]
    return outcome | {
        "wire": tape.rows,
        "mail": mail,
        "arrival": world.arrival[: len(case.items)].tolist(),
        "fates": fates,
        "counts": [int(clock[word]) for word in COUNTED],
        "by_packet": world.by_packet.tolist(),
        "seats": [[*(int(seat[meter]) for meter in meters), *windows] for seat, *windows in zip(seats, *most, strict=True)],
        "reached": world.items["reached"][: len(case.items)].tolist(),
    }


def slow_outcome(case: Case) -> dict[str, Any]:
    """What the reference makes of a case."""
    net = SlowNetwork(case.topology, case.costs, case.slow_gossip, case.dice)
    outcome = play(case, net)
    arrival = net.arrivals()
    return outcome | {
        "wire": net.wire,
        "mail": net.mail,
        "arrival": arrival,
        "fates": [sum(row[1] == fate for row in net.wire) for fate in range(4)],
        "counts": [net.sent, net.in_flight, net.first_copies, net.body_copies, net.duplicated, net.resent],
        "by_packet": net.by_packet,
        "seats": [
            [one.sent_bytes, one.received_bytes, one.longest_queue_ns, one.up.most_bytes, one.down.most_bytes] for one in net.seats
        ],
        "reached": [sum(time_ns >= 0 for time_ns in row) for row in arrival],
    }


def digest(outcome: dict[str, Any]) -> str:
    """An outcome in 16 hexadecimal digits."""
    return blake2b(repr(sorted(outcome.items())).encode(), digest_size=8).hexdigest()
