"""The slow, obvious network: one heap of (time, serial), plain objects, written anew from the rules of the delivery core.

`SlowNetwork` takes the orders that `sim.net.network.Network` takes and must answer with the same bits. It shares nothing with
the core but the dice and one latency table, so a fault of the calendar, of an array's bounds or of a chain of indices shows.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.kernel.dice import Dice, draw
from sim.net.costs import Costs
from sim.net.topology import Topology

MESSAGE, CERTIFICATE, BODY, ANNOUNCE, REQUEST, BLOB, TICK = range(7)
DELIVERED, LOST, CUT, DOWN = range(4)
QUORUM, COLLECT, HOLD = range(3)
SECOND_NS = 1_000_000_000
LOSS_APART = 0x9E6C63D0876A9A47


@dataclass
class Pipe:
    """One direction of a seat's access line: a FIFO queue with a meter of bytes per second of time."""

    ps_per_byte: int
    free_ns: int = 0
    window: int = 0
    window_bytes: int = 0
    most_bytes: int = 0

    def busy_ns(self, size_bytes: int) -> int:
        """How long so many bytes occupy the line, rounded to the nearest nanosecond."""
        return (size_bytes * self.ps_per_byte + 500) // 1000

    def carry(self, ready_ns: int, size_bytes: int) -> int:
        """Queue from `ready_ns`; returns when the last bit is through."""
        self.free_ns = max(ready_ns, self.free_ns) + self.busy_ns(size_bytes)
        if self.free_ns // SECOND_NS != self.window:
            self.window, self.window_bytes = self.free_ns // SECOND_NS, 0
        self.window_bytes += size_bytes
        self.most_bytes = max(self.most_bytes, self.window_bytes)
        return self.free_ns


@dataclass
class Seat:
    """One place of the network."""

    up: Pipe
    down: Pipe
    cores: list[int]
    site: int = 0
    island: int = 0
    slowness: int = 1024
    is_up: bool = True
    relays: bool = True
    serves: bool = True
    listening: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    longest_queue_ns: int = 0
    probes: list[Probe] = field(default_factory=list)  # newest first
    state: dict[int, str] = field(default_factory=dict)  # item: wanted, checking or held
    other_announcer: dict[int, int] = field(default_factory=dict)

    def work(self, from_ns: int, work_ns: int) -> int:
        """Give work to the core that is free first; without cores it takes no time."""
        if not self.cores:
            return from_ns
        core = self.cores.index(min(self.cores))
        self.cores[core] = max(from_ns, self.cores[core]) + work_ns
        return self.cores[core]


@dataclass
class Message:
    """One content, whoever signs it."""

    key: int
    kind: int
    fields: tuple[int, ...]
    size_bytes: int
    vote: bool
    certified: int
    signers: frozenset[int]
    attached: int
    checks: int
    voters: dict[int, set[int]] = field(default_factory=dict)  # seat: whose votes have reached it


@dataclass
class Item:
    """Something that can be held."""

    key: int
    size_bytes: int
    message: int
    signer: int


@dataclass(eq=False)
class Probe:
    """One wait of one seat."""

    seat: int
    sort: int
    kind: int
    need: int
    mask: int
    fields: tuple[int, ...]
    wake: Callable[[int], object] | None
    hooked: bool = False
    senders: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Letter:
    """What all copies of one sending have in common."""

    key: int
    size_bytes: int
    sent_ns: int
    source: int
    signer: int
    item: int
    packet: int


def delay_ns(base_ns: int, table: Any, relative: bool, luck: int) -> int:
    """The latency law restated on Python's integers: where on the inverse distribution function the luck points to."""
    slice_ = luck >> 52
    if slice_ in (0, 4095):
        place = (luck >> 40 & 4095) + (4097 if slice_ == 0 else 2 * 4097)
        along = luck >> 20 & 0xFFFFF
    else:
        place, along = slice_, luck >> 32 & 0xFFFFF
    start, end = int(table[place]), int(table[place + 1])
    value = start + ((end - start) * along >> 20)
    return base_ns * value >> 20 if relative else base_ns + value


class SlowNetwork:
    """Obeys orders at the next `advance`, in order, then lets events happen one by one."""

    def __init__(self, topology: Topology, costs: Costs, gossip: Any, dice: Dice) -> None:
        def rate(bit_s: int) -> int:
            return round(8e12 / bit_s) if bit_s else 0

        self.topology, self.costs, self.dice, self.gossip = topology, costs, dice, gossip
        self.seats = [
            Seat(Pipe(rate(costs.up_bit_s)), Pipe(rate(costs.down_bit_s)), [0] * costs.cores, int(site)) for site in topology.sites
        ]
        self.now_ns = self.serial = 0
        self.events: list[tuple[int, int, str, int, Letter]] = []
        self.orders: list[Callable[[], None]] = []
        self.messages: list[Message] = []
        self.items: list[Item] = []
        self.arrival: dict[tuple[int, int], int] = {}
        self.wire: list[tuple[int, ...]] = []
        self.mail: list[tuple[int, int, int]] = []
        self.fired: list[tuple[Probe, int]] = []
        self.alert = False
        self.sent = self.in_flight = self.first_copies = self.body_copies = 0
        self.by_packet = [[0, 0] for _ in range(8)]
        self.loss_key = dice.key("loss")

    # naming and orders: the same calls as Network's -----------------------------------------------------------------

    def message(self, content: object, kind: int, fields: Sequence[int], size_bytes: int, **more: Any) -> int:
        """A new content; `signers` of a certificate as a row of bit sets."""
        rows = more.get("signers")
        signers = (
            frozenset(bit for bit in range(64 * len(rows)) if int(rows[bit >> 6]) >> (bit & 63) & 1) if rows is not None else ()
        )
        key = 0 if self.costs.same_weather_everywhere else self.dice.key("message", kind, *fields)
        padded = (*fields, *(0,) * (6 - len(fields)))
        options = more.get("vote", False), more.get("certified", -1), frozenset(signers), more.get("attached", -1)
        self.messages.append(Message(key, kind, padded, size_bytes, *options, more.get("checks", 1)))
        return len(self.messages) - 1

    def item(self, name: object, family: str, size_bytes: int, message: int = -1, signer: int = -1) -> int:
        """A new item."""
        key = 0 if self.costs.same_weather_everywhere else self.dice.key("item", family, len(self.items))
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
            ready_ns = self.seats[seat].work(self.now_ns, self._signing_ns(self.items[item].size_bytes))
            self._get(seat, item)
            if relayed and self.seats[seat].relays:
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
        self.orders.append(lambda: self._transmit(self.now_ns, self._letter(source, item, BLOB), target))

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

    def _push(self, time_ns: int, stage: str, seat: int, letter: Letter) -> None:
        heapq.heappush(self.events, (time_ns, self.serial, stage, seat, letter))
        self.serial += 1

    def _happen(self, stage: str, seat: int, letter: Letter) -> None:
        """A copy has arrived (last bit here), been received (downlink done) or been served (CPU done)."""
        here = self.seats[seat]
        if letter.packet == TICK:
            if here.is_up:
                self._act(self.gossip.ticked(self, seat, letter.item), seat, letter.item, self.now_ns)
            return
        whole = letter.packet in (BODY, BLOB)
        if not here.is_up:
            if stage == "served" and whole and here.state.get(letter.item) == "checking":
                del here.state[letter.item]
            self._finish(DOWN, seat, letter)
            return
        if stage == "arrived" and here.down.ps_per_byte:
            sender = self.seats[letter.source].up
            here.down.carry(self.now_ns - sender.busy_ns(letter.size_bytes), letter.size_bytes)
            if here.down.free_ns > self.now_ns:
                self._push(here.down.free_ns, "received", seat, letter)
                return
        if stage != "served":
            if whole:
                self.body_copies += 1
                if here.state.get(letter.item) in ("checking", "held"):
                    self._finish(DELIVERED, seat, letter)
                    return
                here.state[letter.item] = "checking"
            if here.cores:
                done_ns = here.work(self.now_ns, self._checking_ns(letter))
                if done_ns > self.now_ns:
                    self._push(done_ns, "served", seat, letter)
                    return
        self._accept(seat, letter)
        self._finish(DELIVERED, seat, letter)

    def _finish(self, fate: int, seat: int, letter: Letter) -> None:
        self.in_flight -= 1
        if fate == DELIVERED:
            self.seats[seat].received_bytes += letter.size_bytes
        self._note(self.now_ns, fate, seat, letter)

    def _note(self, time_ns: int, fate: int, seat: int, letter: Letter) -> None:
        row = (time_ns, fate, letter.packet, letter.source, seat, letter.item, letter.size_bytes, letter.sent_ns)
        self.wire.append(row)

    def _accept(self, seat: int, letter: Letter) -> None:
        here, item = self.seats[seat], letter.item
        if letter.packet in (MESSAGE, CERTIFICATE):
            self._attach(seat, item)
            self._say(seat, letter.signer, item)
        elif letter.packet in (BODY, BLOB):
            if here.state.get(item) == "held":  # published or attached while this copy was being checked
                return
            self.first_copies += 1
            self._get(seat, item)
            if letter.packet == BODY and here.relays:
                self._act(self.gossip.got(self, seat, letter.source, item), seat, item, self.now_ns)
        elif letter.packet == ANNOUNCE:
            self._act(self.gossip.announced(self, seat, letter.source, item), seat, item, self.now_ns)
        elif here.serves and here.state.get(item) == "held":
            if letter.signer == BLOB:
                self._transmit(self.now_ns, self._letter(seat, item, BLOB), letter.source)
            else:
                self._act(self.gossip.requested(self, seat, letter.source, item), seat, item, self.now_ns)

    # sending --------------------------------------------------------------------------------------------------------

    def _mail_out(self, source: int, signer: int, message: int, targets: list[int]) -> None:
        one = self.messages[message]
        packet = MESSAGE if one.certified < 0 else CERTIFICATE
        letter = Letter(draw(one.key, self.now_ns), one.size_bytes, self.now_ns, source, signer, message, packet)
        ready_ns = self.seats[source].work(self.now_ns, self._signing_ns(one.size_bytes))
        for target in targets:
            self._transmit(ready_ns, letter, target)

    def _letter(self, seat: int, item: int, packet: int) -> Letter:
        special = {ANNOUNCE: self.costs.announce_bytes, REQUEST: self.costs.request_bytes}
        key = draw(self.items[item].key, packet)
        return Letter(key, special.get(packet, self.items[item].size_bytes), self.now_ns, seat, packet, item, packet)

    def _act(self, actions: list[tuple[int, int, int]], seat: int, item: int, ready_ns: int) -> None:
        """What a gossip rule has asked for: rows of packet, seat, delay."""
        for packet, target, wait_ns in actions:
            if packet == TICK:
                self._push(self.now_ns + wait_ns, "arrived", seat, Letter(0, 0, self.now_ns, seat, target, item, TICK))
            else:
                self._transmit(ready_ns + wait_ns, self._letter(seat, item, packet), target)

    def _transmit(self, ready_ns: int, letter: Letter, target: int) -> None:
        source, receiver = self.seats[letter.source], self.seats[target]
        self.sent += 1
        self.by_packet[letter.packet][0] += 1
        self.by_packet[letter.packet][1] += letter.size_bytes
        source.sent_bytes += letter.size_bytes
        leaves_ns = ready_ns
        if source.up.ps_per_byte:
            source.longest_queue_ns = max(source.longest_queue_ns, source.up.free_ns - ready_ns)
            leaves_ns = source.up.carry(ready_ns, letter.size_bytes)
        if source.island != receiver.island:
            self._note(leaves_ns, CUT, target, letter)
            return
        way = letter.source << 32 | target
        below = round(self.costs.loss * 2**32)
        if draw(letter.key ^ LOSS_APART ^ self.loss_key, way) >> 32 < below:
            self._note(leaves_ns, LOST, target, letter)
            return
        base = self.topology.base_ns
        latency_ns = self.costs.constant_ns
        if self.costs.table is not None:
            base_ns = 0 if base is None else int(base[source.site, receiver.site])
            latency_ns = delay_ns(base_ns, self.costs.table, self.costs.relative, draw(letter.key, way))
        elif base is not None:
            latency_ns += int(base[source.site, receiver.site])
        latency_ns = latency_ns * source.slowness // 1024 * receiver.slowness // 1024
        self.in_flight += 1
        self._push(leaves_ns + latency_ns, "arrived", target, letter)

    def _signing_ns(self, size_bytes: int) -> int:
        return self.costs.sign_ns + size_bytes * self.costs.hash_ps_per_byte // 1000

    def _checking_ns(self, letter: Letter) -> int:
        checks = self.messages[letter.item].checks if letter.packet in (MESSAGE, CERTIFICATE) else 1
        return checks * self.costs.verify_ns + letter.size_bytes * self.costs.hash_ps_per_byte // 1000

    # holding and counting -------------------------------------------------------------------------------------------

    def _keep(self, seat: int, item: int) -> None:
        self.seats[seat].state[item] = "held"
        self.arrival[item, seat] = self.now_ns
        for probe in list(self.seats[seat].probes):
            if probe.sort == HOLD and probe.fields[0] == item:
                self._fire(probe, item)

    def _get(self, seat: int, item: int) -> None:
        """Keep an item; if it is a gossiped message, it has now been said to this seat."""
        self._keep(seat, item)
        if self.items[item].message >= 0:
            self._attach(seat, self.items[item].message)
            self._say(seat, self.items[item].signer, self.items[item].message)

    def _attach(self, seat: int, message: int) -> None:
        item = self.messages[message].attached
        if item >= 0 and self.seats[seat].state.get(item) != "held":
            self._keep(seat, item)

    def _say(self, seat: int, signer: int, message: int) -> None:
        one = self.messages[message]
        if one.certified >= 0:
            self._count(seat, one.signers, one.certified)
        if one.vote:
            self._count(seat, {signer}, message)
            return
        self.mail.append((seat, signer, message))
        self.alert |= bool(self.seats[seat].listening >> one.kind & 1)
        for probe in list(self.seats[seat].probes):
            if probe.sort == COLLECT and self._matches(probe, one) and signer not in probe.senders:
                probe.senders.add(signer)
                if len(probe.senders) >= probe.need:
                    self._fire(probe, -1)

    def _count(self, seat: int, signers: set[int] | frozenset[int], message: int) -> None:
        """Votes by `signers` have reached a seat: each identity counts once."""
        one = self.messages[message]
        voters = one.voters.setdefault(seat, set())
        if not one.vote or voters.issuperset(signers):
            return
        voters.update(signers)
        for probe in list(self.seats[seat].probes):
            if probe.sort == QUORUM and self._fulfilled(probe, one):
                self._fire(probe, message)

    def _fulfilled(self, probe: Probe, one: Message) -> bool:
        return one.vote and self._matches(probe, one) and len(one.voters.get(probe.seat, ())) >= probe.need

    @staticmethod
    def _matches(probe: Probe, one: Message) -> bool:
        fields = zip(probe.fields, one.fields, strict=True)
        return probe.kind == one.kind and all(a == b for place, (a, b) in enumerate(fields) if probe.mask >> place & 1)

    def _fire(self, probe: Probe, what: int) -> None:
        self._unhook(probe)
        self.fired.append((probe, what))

    def _unhook(self, probe: Probe) -> None:
        if probe.hooked:
            probe.hooked = False
            self.seats[probe.seat].probes.remove(probe)

    def arrivals(self) -> list[list[int]]:
        """When each seat came to hold each item, -1 never."""
        return [[self.arrival.get((item, seat), -1) for seat in range(len(self.seats))] for item in range(len(self.items))]
