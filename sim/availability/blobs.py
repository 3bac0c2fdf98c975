"""One run's data behind blocks, in shares: made when a block is published, followed by the core, judged at the end.

What the core keeps of each share at each seat is many times larger than what is told of it in the end. So once nothing about a
block's shares is under way any more, its truth is written down and the tables' rows are given up (`sim.net.shelf`). Only a seat that
comes by the block later could ask for them: then they are put back a nanosecond before it looks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.availability import shares
from sim.availability.layout import Shape
from sim.availability.peeling import rebuildable_at
from sim.kernel.errors import ScenarioError
from sim.net.core.state import BAD, HELD, HOLD, KEEPER_OPTIONS, PLAIN, SHARE
from sim.net.shelf import Packed, Shelf
from sim.node.behind import Rebuilt, Shared
from sim.node.fetching import held
from sim.node.node import Node
from sim.node.surroundings import Surroundings

Vote = Literal["at-once", "when-available"]
FRAUD_BYTES = 100_000
"""A proof of wrong coding: a row of shares with their Merkle paths (Al-Bassam, Sonnino, Buterin 2018, section 5)."""


Opening = Callable[[str, int, bool], NDArray[np.bool_]]
"""(Name of the block, bytes behind it, whether they are coded wrongly) to bool[shares]: which open their commitment, really tried."""


@dataclass
class Whole:
    """The data behind one block, as items of the network."""

    item: int
    header: int
    publisher: int
    sound: bool
    """Whether it is coded as it should be."""
    first: int
    """The first item that can be given up: lines, then shares."""
    count: int
    owed: bool = False
    """Whether its publisher will hand out later what it keeps back now."""
    told: tuple[int, NDArray[np.int64]] | None = None
    """Once they are given up: how many shares seats held, and when the first honest seat held each."""
    packed: Packed | None = None
    probes: tuple[int, ...] = ()
    """Meanwhile: what is put back when one of those who lack the block gets it."""


class Blobs:
    """The `Behind` of a run with shares. `share_bytes` is what one weighs on the wire, proofs included."""

    def __init__(
        self,
        shape: Shape,
        world: Surroundings,
        blob_bytes: int,
        share_bytes: int,
        vote: Vote,
        served: list[int],
        verdict_bytes: int = 1,
        opening: Opening | None = None,
        weight: NDArray[np.int64] | None = None,
    ) -> None:
        self._shape, self._world = shape, world
        self.demands = vote == "when-available"
        self._society = world.society
        self._network = world.society.network
        if shape.commit_ns and not self._network.costs.cores:
            raise ScenarioError("has no effect while seat.cores = 0; give the seats at least one core", "commit")
        self._blob_bytes, self._share_bytes, self._verdict_bytes = blob_bytes, share_bytes, verdict_bytes
        self._opening = opening
        self._served = served
        """Seats that the scheme has satisfied or not: all who keep lines or sample."""
        self._weight = np.ones(world.topology.n, np.int64) if weight is None else weight
        self._shelf = Shelf(self._network)
        self._wholes: dict[str, Whole] = {}
        self._kept: dict[str, Whole] = {}
        """Those whose shares still have rows of their own."""

    def accompany(self, seat: int, digest: str, item: int) -> None:
        """Make the shares and let the publisher hand out those that it does not keep back."""
        if digest in self._wholes:
            return
        self._give_up()
        self._commit(seat)
        shape, network = self._shape, self._network
        trick = self._world.tricks.get(seat)
        miscoded = trick is not None and trick.miscoded
        whole, behind = self._items(digest, self._duties(digest, miscoded))
        self._wholes[digest] = self._kept[digest] = Whole(whole, item, seat, not miscoded, behind.start, len(behind))
        network.world.items[item]["duty"] = -whole
        first = int(network.world.items[whole]["first_piece"])
        network.world.items[whole : first + shape.shares]["publisher"] = seat
        hidden = np.zeros(shape.shares, np.bool_)
        if trick is not None and trick.hidden is not None:
            hidden = trick.hidden(shape.rows, shape.columns, shape.need, shape.need_down, self._society.dice, digest).ravel()
        for index in np.flatnonzero(~hidden).tolist():
            network.publish(seat, first + index, True)
        if trick is not None and trick.release_ns and hidden.any():
            self._wholes[digest].owed = True
            late_ns = self._society.loop.now_ns + trick.release_ns
            self._society.loop.call_at_ns(late_ns, self._release, digest, (np.flatnonzero(hidden) + first).tolist())
        if trick is not None and trick.victims:
            self._satisfy(trick.victims, whole, seat)

    def _commit(self, seat: int) -> None:
        """Keep the publisher's cores busy with coding and proving, in equal parts: the block names the commitments, so it waits too."""
        count, work_ns = self._network.costs.cores, self._shape.commit_ns
        if work_ns:
            cores = self._network.world.cores[seat]
            cores[:count] = np.maximum(cores[:count], self._society.loop.now_ns) + work_ns // count
            cores[count] += work_ns

    def _release(self, digest: str, items: list[int]) -> None:
        """Hand out what was kept back."""
        whole = self._wholes[digest]
        whole.owed = False
        for item in items:
            self._network.publish(whole.publisher, item, True)

    def _duties(self, digest: str, miscoded: bool) -> NDArray[np.int64]:
        """SHARE or BAD for each share: as the publisher is, or as a real check of the real bytes has found."""
        if self._opening is None:
            return np.full(self._shape.shares, BAD if miscoded else SHARE)
        return np.where(self._opening(digest, self._blob_bytes, miscoded), SHARE, BAD)

    def _items(self, digest: str, duty: NDArray[np.int64]) -> tuple[int, range]:
        """The item of the whole, and the lines and shares behind it."""
        shape, network = self._shape, self._network
        whole = network.item(("data", digest), "piece", self._blob_bytes)
        network.item(("verdict", digest), "piece", self._verdict_bytes)
        fraud = network.item(("fraud", digest), "piece", FRAUD_BYTES)
        lines = shape.lines if shape.dimensions == 2 else 0
        count = lines + shape.shares
        behind = self._shelf.put(("share", digest), "piece", count, self._share_bytes)
        first = behind + lines
        items = network.world.items
        items[whole : first + shape.shares]["duty"] = SHARE
        items[first : first + shape.shares]["duty"] = duty
        items[fraud]["duty"] = 0
        items[first : first + shape.shares]["whole"] = whole
        enough = shape.need if shape.dimensions == 1 else shape.shares
        items[whole]["first_piece"], items[whole]["pieces"], items[whole]["enough"] = first, shape.shares, enough
        return whole, range(behind, behind + count)

    def _satisfy(self, victims: tuple[int, ...], whole: int, publisher: int) -> None:
        """Hand its victims at once what they would look for: the worst that selective disclosure can do."""
        for seat in victims:
            if seat != publisher:
                self._network.publish(seat, whole + shares.VERDICT, False)

    def confirmed(self, node: Node, digest: str) -> bool:
        """Whether the scheme demands nothing, the node made the block itself, or its own check of the data has passed."""
        whole = self._wholes.get(digest)
        if not self.demands or whole is None or whole.publisher == node.seat:
            return True
        return self._network.holds(node.seat, whole.item + shares.VERDICT)

    async def confirm(self, node: Node, digest: str) -> None:
        """Where the scheme demands it, wait until the node's own check of the data has passed."""
        if not self.confirmed(node, digest):
            await held(node, self._wholes[digest].item + shares.VERDICT, "data behind", digest)

    def shared(self) -> tuple[Shared, ...]:
        """The truth about the data of each block."""
        return tuple(self._truth(digest) for digest in self._wholes)

    def _give_up(self) -> None:
        """Give up the rows of shares to which nothing can happen before somebody else gets the block."""
        if not self._kept:
            return
        network, (about, told) = self._network, self._shelf.under_way()
        for digest, whole in list(self._kept.items()):
            begin, end = np.searchsorted(about, [whole.item, whole.first + whole.count])
            if begin < end or whole.owed or whole.header in told or not network.holds(whole.publisher, whole.header):
                continue
            whole.told = self._shares_of(whole)
            lacking = np.flatnonzero(network.world.held[network.world.items[whole.header]["row"]] != HELD).tolist()
            if lacking:
                whole.packed = self._shelf.packed(whole.first, whole.count)
                came = partial(self._take_back, digest)
                whole.probes = tuple(network.watch(seat, HOLD, 0, 1, 1, [whole.header], came) for seat in lacking)
            network.world.items[whole.item]["duty"] = PLAIN
            self._shelf.give_up(whole.first, whole.count)
            del self._kept[digest]

    def _take_back(self, digest: str, _: int) -> None:
        """A seat has come by an old block: it will look for the data behind."""
        whole = self._wholes[digest]
        if whole.packed is not None:
            self._shelf.take_back(whole.first, whole.packed, whole.count)
            self._network.world.items[whole.item]["duty"] = SHARE
            for probe in whole.probes:
                self._network.unwatch(probe)
            whole.told = whole.packed = None
            self._kept[digest] = whole

    def _honest(self, publisher: int) -> NDArray[np.bool_]:
        honest: NDArray[np.bool_] = ~np.array(self._world.corrupted, np.bool_)
        honest[publisher] = False
        return honest

    def _shares_of(self, whole: Whole) -> tuple[int, NDArray[np.int64]]:
        """How many shares all seats hold; int64[rows, columns]: when the first honest seat but the publisher held each, -1 never."""
        if whole.told is not None:
            return whole.told
        shape, world = self._shape, self._network.world
        first = int(world.items[world.items[whole.item]["first_piece"]]["row"])
        arrival = world.arrival[first : first + shape.shares][:, self._honest(whole.publisher)]
        never = np.iinfo(np.int64).max
        soonest: NDArray[np.int64] = np.where(arrival < 0, never, arrival).min(axis=1, initial=never)
        first_ns: NDArray[np.int64] = np.where(soonest == never, -1, soonest).reshape(shape.rows, shape.columns)
        return int((world.held[first : first + shape.shares] == HELD).sum()), first_ns

    def _truth(self, digest: str) -> Shared:
        whole, world = self._wholes[digest], self._network.world
        count, first_ns = self._shares_of(whole)
        honest = self._honest(whole.publisher)
        judged = np.zeros(len(honest), np.bool_)
        judged[self._served] = True
        rows = world.items["row"]
        return Shared(
            digest=digest,
            publisher=whole.publisher,
            published_ns=int(world.arrival[rows[whole.header], whole.publisher]),
            size_bytes=self._blob_bytes,
            held_bytes=count * self._share_bytes,
            sound=whole.sound,
            rebuildable_ns=rebuildable_at(first_ns, self._shape.need, self._shape.need_down) if whole.sound else -1,
            heard_ns=world.arrival[rows[whole.header]].copy(),
            accepted_ns=world.arrival[rows[whole.item + shares.VERDICT]].copy(),
            refuted_ns=world.arrival[rows[whole.item + shares.FRAUD]].copy(),
            first_ns=first_ns,
            judged=judged & honest,
            weight=self._weight,
        )

    def custodians(self, line: int) -> tuple[int, ...]:
        """Who keeps a line; where shares lie in no meshes, each seat its own."""
        if line >= self._shape.lines:
            return ()
        if not self._shape.degree:
            return (line,)
        words = self._network.world.options[int(self._network.world.setup[KEEPER_OPTIONS]) :]
        first, end = words[words[shares.FIRST_MEMBER_AT] + line : words[shares.FIRST_MEMBER_AT] + line + 2].tolist()
        members = int(words[shares.MEMBERS_AT])
        return tuple(words[members + first : members + end].tolist())

    def rebuilt(self) -> Rebuilt | None:
        """What seats rebuilt in the whole run; None where shares lie in no meshes, as no seat then decodes before it reads."""
        if not self._shape.degree:
            return None
        world = self._network.world
        first = int(world.setup[KEEPER_OPTIONS]) + shares.REBUILDS
        lines, made, copies, cpu_ns = world.options[first : first + 4].tolist()
        return Rebuilt(lines, made, copies, copies * self._share_bytes, cpu_ns)
