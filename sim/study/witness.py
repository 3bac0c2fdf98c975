"""What a world leaves behind, laid open: the one place where evidence is taken from a run."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.net.core import state as st
from sim.net.pairs import Rates
from sim.net.tally import voters
from sim.study.build import World
from sim.study.evidence import Evidence, Spread, Waiting
from sim.study.plugins import kind_of
from sim.study.pricing import not_modelled
from sim.study.reckoning import reckoning_of
from sim.study.travels import Travelled, travels_of


def evidence_of(world: World, begun: bool = True) -> Evidence:
    """Lay the finished run open, or one that has not begun, of which workloads have nothing to tell."""
    scenario, topology, network, trace = world.scenario, world.topology, world.network, world.trace
    core, seats = network.world, network.world.seats
    waits_ns = core.waits[: st.WAITS_OF_SEAT].tolist()
    protocol = None if scenario.consensus is None else scenario.consensus.protocol
    return Evidence(
        trace=trace,
        names=topology.names,
        roles=topology.roles,
        regions=topology.regions,
        honest=~np.array(world.corrupted, np.bool_),
        faulty_bound=world.society.f,
        quorum_size=world.society.quorum_size,
        duration_ns=scenario.duration,
        heal_ns=scenario.heal,
        consensus_kind=None if protocol is None else kind_of(protocol),
        finality=getattr(protocol, "finality", "certain"),
        gossip_kind="none" if scenario.gossip is None else kind_of(scenario.gossip),
        membership_kind=None if scenario.membership is None else kind_of(scenario.membership),
        membership_period_ns=getattr(scenario.membership, "period", 0),
        views=core.member_memory[:, : core.setup[st.VIEW]] - 1 if core.setup[st.VIEW] else None,
        membership_detects=bool(getattr(scenario.membership, "detects", False)),
        spreads=spreads_of(world),
        travelled=Travelled(partial(travels_of, network, world.books.drawer)),
        blocks=world.society.blocks,
        counters=counters_of(core.clock),
        by_kind=network.by_kind,
        by_packet={name: (row[0], row[1]) for name, row in zip(st.PACKET_NAMES, core.by_packet.tolist(), strict=True) if row[0]},
        waited_by_kind=dict(zip(network.kind_names, waits_ns[st.WAITS_OF_KIND :], strict=False)),
        waited_by_packet=dict(zip(st.PACKET_NAMES, waits_ns, strict=False)),
        waited_ns=core.waits[st.WAITS_OF_SEAT :].copy(),
        longest_wait_ns=seats["longest_queue_ns"].copy(),
        sent_bytes=seats["sent_bytes"].copy(),
        received_bytes=seats["received_bytes"].copy(),
        up_bit_s=each_seats(network.costs.up_bit_s, topology.n),
        down_bit_s=each_seats(network.costs.down_bit_s, topology.n),
        cores=int(core.setup[st.CORES]),
        cpu_busy_ns=core.cores[:, -1].copy(),
        waiting=None if scenario.consensus is None else _waiting(world),
        window_ns=1 << st.WINDOW_BITS,
        up_window_most=np.maximum(core.window_most[:, 0], seats["up_window_bytes"]),
        down_window_most=np.maximum(core.window_most[:, 1], seats["down_window_bytes"]),
        load_watch=world.load,
        largest_bytes=network.largest_bytes,
        latitude=topology.latitude,
        longitude=topology.longitude,
        offsets=topology.offsets,
        neighbours=topology.neighbours,
        **_signed(world, protocol),
        workloads=tuple(dict(workload.outcome(market)) for workload, market in world.markets if begun),
        availability_kind="full" if scenario.availability is None else kind_of(scenario.availability),
        deadline_ns=getattr(scenario.availability, "deadline", 0),
        shared=() if world.society.behind is None else world.society.behind.shared(),
        rebuilt=None if world.society.behind is None else world.society.behind.rebuilt(),
        kept=() if world.society.storage is None else world.society.storage.kept(),
        storage=None if world.society.storage is None else world.society.storage.books,
        reckoning=reckoning_of(scenario),
        not_modelled=not_modelled(scenario) + ((PLAIN_RULE,) if core.plain is not None else ()),
    )


def _waiting(world: World) -> Waiting:
    pool = world.books.mempool
    return Waiting(pool.capacity, pool.most_waiting, len(pool), pool.refused, pool.displaced, world.books.max_block_bytes)


def _signed(world: World, protocol: Any) -> dict[str, Any]:
    """What was said, by whom, and which of it the protocol lets decide."""
    society = world.society
    said = tuple([said for said in society.contents if getattr(type(said), "is_vote", False)])
    return {
        "ballots": getattr(protocol, "ballots", None),
        "longest_timer_ns": longest_timer_ns(protocol),
        "identities": society.nodes[0].n,
        "contents": tuple(society.contents),
        "spoken": np.array(society.spoken, np.int64).reshape(-1, 4),
        "said": said,
        "said_by": voters(world.network, len(said), society.lost_votes),
    }


def longest_timer_ns(protocol: Any) -> int:
    """The longest of a protocol's durations; 0 where it has none."""
    kind: Any = type(protocol)
    times = [getattr(protocol, name) for name in _durations_of(kind)]
    return max([int(one) for one in times if one], default=0)


@lru_cache(maxsize=64)
def _durations_of(kind: Any) -> tuple[str, ...]:
    """The fields of a protocol's class that are durations."""
    return tuple(one.name for one in fields(kind) if str(one.type) == "Duration") if is_dataclass(kind) else ()


PLAIN_RULE = "the gossip rule runs as plain Python, which Numba could not compile: slower, same bits"


def each_seats(rate: Rates, seats: int) -> NDArray[np.int64]:
    """int64[seats]: the rate of each seat."""
    return np.full(seats, rate, np.int64)


_COUNTERS = (
    ("sent", st.SENT),
    ("delivered", st.DELIVERED),
    ("lost", st.LOST),
    ("cut", st.CUT),
    ("down", st.DOWN),
    ("first_copies", st.FIRST_COPIES),
    ("body_copies", st.BODY_COPIES),
    ("duplicated", st.DUPLICATED),
    ("resent", st.RESENT_COPIES),
    ("rejected", st.REJECTED),
    ("unread", st.UNREAD),
    ("in_flight", st.IN_FLIGHT),
)


def counters_of(clock: Any) -> dict[str, int]:
    """The core's counts of copies; what is still on its way is in flight."""
    words = clock.tolist()
    return {name: words[word] for name, word in _COUNTERS}


def spreads_of(world: World) -> tuple[Spread, ...]:
    """How each block has travelled; where nobody published one, everything but votes and pieces."""
    network = world.network
    items, families, names = network.world.items[: len(network.families)], network.families, network.item_names
    published_ns = items["published_ns"].tolist()
    chosen = [item for item, family in enumerate(families) if family == "block" and published_ns[item] >= 0]
    if not chosen:
        chosen = [item for item, family in enumerate(families) if family not in ("vote", "piece") and published_ns[item] >= 0]
    publishers, sizes_bytes = items["publisher"].tolist(), items["size_bytes"].tolist()
    told = zip(chosen, world.books.drawer.arrivals_ns(chosen), strict=True)
    return tuple(
        [
            Spread(str(names[item]), families[item], publishers[item], published_ns[item], sizes_bytes[item], arrival_ns)
            for item, arrival_ns in told
        ]
    )
