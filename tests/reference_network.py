"""The slow network's face: it takes the orders that `sim.net.network.Network` takes, obeys them at the next `advance`, then runs."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from reference_loop import SlowWorld
from reference_things import BLOB, BODY, HOLD, QUORUM, REQUEST, Item, Letter, Message, Probe

from sim.kernel.dice import draw


class SlowNetwork(SlowWorld):
    """Obeys orders at the next `advance`, in order, then lets events happen one by one."""

    # naming and orders: the same calls as Network's -----------------------------------------------------------------

    def message(self, content: object, kind: int, fields: Sequence[int], size_bytes: int, **more: Any) -> int:
        """A new content; `signers` of a certificate as a bit set."""
        bits = more.get("signers", 0)
        signers = frozenset(bit for bit in range(bits.bit_length()) if bits >> bit & 1)
        key = 0 if self.costs.same_weather_everywhere else self.dice.key("message", kind, *fields)
        padded = (*fields, *(0,) * (6 - len(fields)))
        options = more.get("vote", False), more.get("certified", -1), signers, more.get("attached", -1)
        self.messages.append(Message(key, kind, padded, size_bytes, *options, more.get("checks", 1)))
        return len(self.messages) - 1

    def item(self, name: object, family: str, size_bytes: int, message: int = -1, signer: int = -1) -> int:
        """A new item."""
        key = self.dice.key("item", family, len(self.items))
        self.items.append(Item(key, size_bytes, message, signer))
        return len(self.items) - 1

    def send(self, source: int, target: int, signer: int, message: int) -> None:
        """One copy to one seat; to oneself it is said at once."""

        def obey() -> None:
            if source == target:
                self._say(source, signer, message)
            else:
                self._mail_out(source, signer, message, [target])

        self.orders.append(obey)

    def broadcast(self, source: int, signer: int, message: int) -> None:
        """To oneself at once, then to all others, the next one first."""

        def obey() -> None:
            self._say(source, signer, message)
            n = len(self.seats)
            self._mail_out(source, signer, message, [(source + step) % n for step in range(1, n)])

        self.orders.append(obey)

    def publish(self, seat: int, item: int, relayed: bool = True) -> None:
        """A seat makes an item."""

        def obey() -> None:
            if self.seats[seat].state.get(item) == "held":
                return
            work_ns = self._signing_ns(self.items[item].size_bytes) + self.items[item].execute_ns
            ready_ns = self.seats[seat].work(self.now_ns, work_ns)
            self.items[item].published_ns = self.now_ns
            self._get(seat, item)
            if relayed and (self.seats[seat].relays or self.seats[seat].serves):
                self._act(self.gossip.published(self, seat, item), seat, item, ready_ns)

        self.orders.append(obey)

    def ask(self, seat: int, peer: int, item: int) -> None:
        """Request an item by hand; the time sets repeated requests apart."""

        def obey() -> None:
            key = draw(self.items[item].key, BODY + 64 + self.now_ns)
            letter = Letter(key, self.costs.request_bytes, self.now_ns, seat, BLOB, item, REQUEST)
            self._transmit(self.now_ns, letter, peer)

        self.orders.append(obey)

    def hand_over(self, source: int, target: int, item: int) -> None:
        """Send an item to one seat."""
        self.orders.append(lambda: self._transmit(self.now_ns, self._blob(source, item), target))

    def listen(self, seat: int, kinds: int) -> None:
        """Stop at mail of these kinds."""
        self.orders.append(lambda: setattr(self.seats[seat], "listening", kinds))

    def watch(self, seat: int, sort: int, kind: int, need: int, mask: int, fields: Sequence[int], wake: Any) -> Probe:
        """Hook a wait; a quorum or an item that is already there ends it at once."""
        probe = Probe(seat, sort, kind, need, mask, (*fields, *(0,) * (6 - len(fields))), wake)

        def obey() -> None:
            probe.hooked = True
            self.seats[seat].probes.insert(0, probe)
            if sort == HOLD and self.seats[seat].state.get(fields[0]) == "held":
                self._fire(probe, fields[0])
            ready = [m for m, one in enumerate(self.messages) if sort == QUORUM and self._fulfilled(probe, one)]
            if ready:
                self._fire(probe, ready[-1])  # the newest content, if several have their quorum

        self.orders.append(obey)
        return probe

    def unwatch(self, probe: Probe) -> None:
        """Give a wait up."""
        if probe.wake is not None:
            probe.wake = None
            self.orders.append(lambda: self._unhook(probe))

    # time -----------------------------------------------------------------------------------------------------------

    def advance(self, until_ns: int) -> int:
        """Obey, then let everything up to `until_ns` happen, but stop after the first instant that wakes somebody."""
        orders, self.orders = self.orders, []
        for order in orders:
            order()
        woken = False
        while True:
            woken = bool(self.fired) or self.alert
            if woken and (not self.events or self.events[0][0] > self.now_ns):
                break
            if not self.events or self.events[0][0] > until_ns:
                woken = False
                break
            self.now_ns, _, stage, seat, letter = heapq.heappop(self.events)
            self._happen(stage, seat, letter)
        self.alert = False
        fired, self.fired = self.fired, []
        for probe, what in fired:
            wake, probe.wake = probe.wake, None
            if wake is not None:
                wake(what)
        if not woken:
            self.now_ns = max(self.now_ns, until_ns)
        return self.now_ns if woken else until_ns
