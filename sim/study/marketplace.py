"""The run as a workload sees it: submits go into the gossip, records travel as items, reads are real requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.trace import Trace
from sim.ledger.block import Block, Transaction
from sim.ledger.chain import Chain
from sim.net.core.state import HOLD, SERVES, UP
from sim.node.storage import Storage
from sim.node.surroundings import Surroundings
from sim.study.bookkeeping import Bookkeeping


class Marketplace:
    """What one workload of one run may see and do; see `sim.health.world.WorkloadWorld`."""

    def __init__(
        self,
        surroundings: Surroundings,
        books: Bookkeeping,
        duration_ns: int,
        corrupted: list[bool],
        has_ledger: bool,
        number: int = 0,
    ) -> None:
        society = surroundings.society
        self._surroundings, self._books, self._society = surroundings, books, society
        self._corrupted = corrupted
        self.has_ledger = has_ledger
        self.number = number
        self.dice = society.dice
        topology = surroundings.topology
        self.names, self.roles, self.regions = topology.names, topology.roles, topology.regions
        self.duration_ns = duration_ns
        self.memory: dict[str, Any] = {}
        self.shared = books.shared
        self.retry_ns = books.pool.retry if books.pool.back_pressure else 0

    @property
    def now_ns(self) -> int:
        """The present instant."""
        return self._society.loop.now_ns

    @property
    def trace(self) -> Trace:
        """The record of the run."""
        return self._society.trace

    @property
    def honest(self) -> NDArray[np.bool_]:
        """bool[seats], for judging only."""
        return ~np.array(self._corrupted, np.bool_)

    def at(self, time_ns: int, function: Callable[..., None], *args: Any) -> None:
        """Call `function(*args)` at that instant."""
        self._society.loop.call_at_ns(time_ns, function, *args)

    def submit(self, transaction: Transaction) -> int:
        """Give it to its submitter's seat and let the gossip spread it; its item index, or -1 where there was no room."""
        network, books = self._society.network, self._books
        item = network.item(transaction.id, "tx", transaction.size_bytes)
        if not books.mempool.add(transaction, item):
            return -1
        self.trace.record("submit", transaction.submitter, transaction.id, transaction.family)
        network.publish(transaction.submitter, item)
        self._society.requests.put(transaction.submitter, transaction)
        return item

    def publish(self, seat: int, name: str, size_bytes: int) -> None:
        """Let a seat that is up spread something by gossip that is no block: a rumour. What a dead seat had to say is dropped."""
        if not self.is_up(seat):
            self.memory["dropped"] = self.memory.get("dropped", 0) + 1
            return
        network = self._society.network
        self.trace.record("publish", seat, name, size_bytes, "block")
        item = network.item(name, "block", size_bytes)
        network.publish(seat, item)
        if self._society.behind is not None:
            self._society.behind.accompany(seat, name, item)

    def publish_record(self, seat: int, digest: str, size_bytes: int, placement: tuple[int, ...], *, stored: bool = False) -> None:
        """Keep a ciphertext at `seat` and send copies to the seats of `placement`; if `stored`, a scheme of availability has its way."""
        network = self._society.network
        self.trace.record("publish", seat, digest, size_bytes, "record")
        if stored and self._society.storage is not None:
            self._society.storage.put(seat, digest, size_bytes)
            return
        item = self._books.drawer.item(digest, size_bytes)
        network.publish(seat, item, False)
        for target in placement:
            if target != seat:
                network.hand_over(seat, target, item)

    def fetch_record(
        self, reader: int, digest: str, holders: tuple[int, ...], deadline_ns: int, on_done: Callable[[str, int], None]
    ) -> None:
        """Ask the holders in order, until the instant `deadline_ns`; then on_done('served' | 'unavailable', waited_ns), once."""
        network, loop, storage = self._society.network, self._society.loop, self._society.storage
        if storage is not None and storage.knows(digest):
            storage.get(reader, digest, deadline_ns, on_done)
            return
        item = self._books.drawer.item(digest)
        start_ns = loop.now_ns
        if network.holds(reader, item):
            on_done("served", 0)
            return
        patience_ns = max(1, (deadline_ns - start_ns) // max(1, len(holders)))
        done = False

        def finish(outcome: str) -> None:
            nonlocal done
            if not done:
                done = True
                network.unwatch(probe)
                on_done(outcome, loop.now_ns - start_ns)

        def ask(turn: int) -> None:
            if done:
                return
            if turn >= len(holders) or loop.now_ns >= deadline_ns:
                finish("unavailable")
                return
            network.ask(reader, holders[turn], self._books.drawer.item(digest))
            loop.call_at_ns(min(deadline_ns, loop.now_ns + patience_ns), ask, turn + 1)

        probe = network.watch(reader, HOLD, 0, 1, 1, [item], lambda _: loop.call_soon(finish, "served"))
        ask(0)

    def place_record(self, seats: tuple[int, ...], digest: str, size_bytes: int) -> None:
        """Let seats have a record from before the run; nothing travels."""
        network = self._society.network
        item = self._books.drawer.item(digest, size_bytes)
        for seat in seats:
            network.publish(seat, item, False)

    def send_record(self, seat: int, digest: str, targets: tuple[int, ...]) -> None:
        """Send a record that `seat` holds to more seats, or to the same ones again."""
        network, item = self._society.network, self._books.drawer.item(digest)
        for target in targets:
            network.hand_over(seat, target, item)

    def arrived_ns(self, seat: int, digest: str) -> int:
        """When a record was whole at a seat; -1 while it is not."""
        return int(self._books.drawer.arrival_ns(self._society.network.item(digest, "record", 0))[seat])

    def seats_called(self, selector: Any, purpose: str) -> tuple[int, ...]:
        """Seats by count, share, names, role or region."""
        return self._surroundings.choose(selector, purpose)

    def clock_ns(self, seat: int) -> int:
        """What the clock on the wall says at a seat, in simulated time."""
        return self.now_ns + self._surroundings.skew_ns.get(seat, 0)

    def is_up(self, seat: int) -> bool:
        """Whether the seat runs now."""
        return bool(self._society.network.world.seats[seat]["flags"] & UP)

    def serves(self, seat: int) -> bool:
        """Whether the seat answers requests; one that an adversary holds may not."""
        return bool(self._society.network.world.seats[seat]["flags"] & SERVES)

    def holds(self, seat: int, name: str) -> bool:
        """Whether the seat has the whole of what was published under that name."""
        network = self._society.network
        return network.holds(seat, network.item(name, "block", 0))

    def choose(self, selector: Any) -> tuple[int, ...]:
        """Seats by count, share, names, role or region."""
        return self._surroundings.choose(selector, f"workload-{self.number}")

    def on_publish(self, callback: Callable[[int, str], None]) -> None:
        """Have callback(time_ns, name) called whenever something is published that all are to have: a block, a rumour."""

        def tell(time_ns: int, seat: int, name: str, size_bytes: int, family: str) -> None:
            if family == "block":
                callback(time_ns, name)

        self.trace.subscribe("publish", tell)

    def chain_of(self, seat: int) -> Chain:
        """The decided chain as this node has it."""
        return self._books.chains[seat]

    def on_displace(self, callback: Callable[[Transaction], None]) -> None:
        """Have callback(transaction) called for each one that has had to make room for a more urgent one."""
        self._books.mempool.on_displace.append(callback)

    def on_decide(self, callback: Callable[[int, Block, int], None], late: bool = False) -> None:
        """Have callback(seat, block, time_ns) called at every decision of every node; `late` if it only writes down."""
        self._books.listen(callback, late)

    def on_revoke(self, callback: Callable[[int, Block, int], None]) -> None:
        """Have callback(seat, block, time_ns) called whenever a node takes a block back, once its chain is without it."""
        self._books.mourners.append(callback)

    @property
    def storage(self) -> Storage | None:
        """What keeps objects in shares, where the scenario has such a scheme; None: whole copies lie at their holders."""
        return self._society.storage

    def serve_alters(self, holder: int, digest: str = "") -> bool:
        """Whether this holder hands out altered copies of a record now; of what is stored in shares a reader has checked each share."""
        storage = self._society.storage
        return self._surroundings.alters[holder] and not (storage is not None and storage.knows(digest))

    def commits(self, seat: int, deed: str) -> bool:
        """Whether the people at this seat do something the ledger was built to prevent, now."""
        return deed in self._surroundings.deeds.get(seat, ())
