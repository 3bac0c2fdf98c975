"""One run's data behind blocks, in shares: made when a block is published, followed by the core, judged at the end."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.availability import shares
from sim.availability.layout import Shape
from sim.availability.peeling import rebuildable_at
from sim.net.core.state import BAD, HELD, SHARE
from sim.node.behind import Shared
from sim.node.fetching import held
from sim.node.node import Node
from sim.node.surroundings import Surroundings

Vote = Literal["at-once", "when-available"]
FRAUD_BYTES = 100_000
"""A proof of wrong coding: a row of shares with their Merkle paths (Al-Bassam, Sonnino, Buterin 2018, section 5)."""


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
    ) -> None:
        self._shape, self._world, self._vote = shape, world, vote
        self._society = world.society
        self._network = world.society.network
        self._blob_bytes, self._share_bytes, self._verdict_bytes = blob_bytes, share_bytes, verdict_bytes
        self._served = served
        """Seats that the scheme has satisfied or not: all who keep lines or sample."""
        self._wholes: dict[str, tuple[int, int, bool]] = {}
        """By digest: the item of the whole, who published it, whether it is coded as it should be."""

    def accompany(self, seat: int, digest: str, item: int) -> None:
        """Make the shares and let the publisher hand out those that it does not keep back."""
        if digest in self._wholes:
            return
        shape, network = self._shape, self._network
        trick = self._world.tricks.get(seat)
        miscoded = trick is not None and trick.miscoded
        whole = self._items(digest, BAD if miscoded else SHARE)
        self._wholes[digest] = whole, seat, not miscoded
        network.world.items[item]["duty"] = -whole
        first = int(network.world.items[whole]["first_piece"])
        network.world.items[whole : first + shape.shares]["publisher"] = seat
        hidden = np.zeros(shape.shares, np.bool_)
        if trick is not None and trick.hidden is not None:
            hidden = trick.hidden(shape.rows, shape.columns, shape.need, self._society.dice, digest).ravel()
        for index in np.flatnonzero(~hidden).tolist():
            network.publish(seat, first + index, True)
        if trick is not None and trick.victims:
            self._satisfy(trick.victims, whole, seat)

    def _items(self, digest: str, duty: int) -> int:
        shape, network = self._shape, self._network
        whole = network.item(("data", digest), "piece", self._blob_bytes)
        network.item(("verdict", digest), "piece", self._verdict_bytes)
        fraud = network.item(("fraud", digest), "piece", FRAUD_BYTES)
        lines = shape.lines if shape.dimensions == 2 else 0
        names = [("line", digest, line) for line in range(lines)] + [("share", digest, index) for index in range(shape.shares)]
        first = whole + shares.FIRST_LINE + lines
        for place, name in enumerate(names):
            network.item(name, "piece", self._share_bytes if place >= lines else 1)
        items = network.world.items
        items[whole : first + shape.shares]["duty"] = SHARE
        items[first : first + shape.shares]["duty"] = duty
        items[fraud]["duty"] = 0
        items[first : first + shape.shares]["whole"] = whole
        enough = shape.need if shape.dimensions == 1 else shape.shares
        items[whole]["first_piece"], items[whole]["pieces"], items[whole]["enough"] = first, shape.shares, enough
        return whole

    def _satisfy(self, victims: tuple[int, ...], whole: int, publisher: int) -> None:
        """Hand its victims at once what they would look for: the worst that selective disclosure can do."""
        for seat in victims:
            if seat != publisher:
                self._network.publish(seat, whole + shares.VERDICT, False)

    async def confirm(self, node: Node, digest: str) -> None:
        """Where the scheme demands it, wait until the node's own check of the data has passed."""
        if self._vote == "when-available" and digest in self._wholes:
            await held(node, self._wholes[digest][0] + shares.VERDICT, "data behind", digest)

    def shared(self) -> tuple[Shared, ...]:
        """The truth about the data of each block."""
        return tuple(self._truth(digest) for digest in self._wholes)

    def _truth(self, digest: str) -> Shared:
        whole, publisher, sound = self._wholes[digest]
        shape, world = self._shape, self._network.world
        first = int(world.items[whole]["first_piece"])
        honest = ~np.array(self._world.corrupted, np.bool_)
        honest[publisher] = False
        arrival = world.arrival[first : first + shape.shares][:, honest]
        never = np.iinfo(np.int64).max
        soonest: NDArray[np.int64] = np.where(arrival < 0, never, arrival).min(axis=1, initial=never)
        first_ns = np.where(soonest == never, -1, soonest).reshape(shape.rows, shape.columns)
        judged = np.zeros(len(honest), np.bool_)
        judged[self._served] = True
        return Shared(
            digest=digest,
            publisher=publisher,
            published_ns=int(world.arrival[self._network.item(digest, "block", 0), publisher]),
            size_bytes=self._blob_bytes,
            held_bytes=int((world.held[first : first + shape.shares] == HELD).sum()) * self._share_bytes,
            sound=sound,
            rebuildable_ns=rebuildable_at(first_ns, shape.need) if sound else -1,
            accepted_ns=world.arrival[whole + shares.VERDICT].copy(),
            refuted_ns=world.arrival[whole + shares.FRAUD].copy(),
            first_ns=first_ns,
            judged=judged & honest,
        )
