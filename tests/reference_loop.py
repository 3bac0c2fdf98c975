"""The slow, obvious world: one heap of (time, serial), plain objects, written anew from the rules of the delivery core.

It shares nothing with the core but the dice and one latency table, so a fault of the calendar, of an array's bounds or of a
chain of indices shows.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from reference_things import (
    ANNOUNCE,
    BLOB,
    BODY,
    CERTIFICATE,
    CUT,
    DELIVERED,
    DOWN,
    HOLD,
    LOSS_APART,
    LOST,
    MESSAGE,
    QUORUM,
    REQUEST,
    TICK,
    Downlink,
    Item,
    Letter,
    Message,
    Pipe,
    Probe,
    Seat,
    delay_ns,
)
from reference_trips import SlowTrips

from sim.kernel.dice import Dice, draw
from sim.net.costs import Costs
from sim.net.topology import Topology


class SlowWorld:
    """What there is and what happens to it, one event at a time; `sent`, `by_packet` and the like count as the core does."""

    def __init__(self, topology: Topology, costs: Costs, gossip: Any, dice: Dice) -> None:
        def rate(bit_s: int) -> float:
            return 8e9 / bit_s if bit_s else 0.0

        self.topology, self.costs, self.dice, self.gossip = topology, costs, dice, gossip
        self.seats = [
            Seat(Pipe(rate(costs.up_bit_s)), Downlink(rate(costs.down_bit_s)), [0] * costs.cores, int(site))
            for site in topology.sites
        ]
        self.now_ns = self.serial = 0
        self.events: list[tuple[int, int, str, int, Any]] = []
        self.orders: list[Callable[[], None]] = []
        self.messages: list[Message] = []
        self.items: list[Item] = []
        self.arrival: dict[tuple[int, int], int] = {}
        self.wire: list[tuple[int, ...]] = []
        self.mail: list[tuple[int, int, int]] = []
        self.fired: list[tuple[Probe, int]] = []
        self.alert = False
        self.sent = self.in_flight = self.first_copies = self.body_copies = 0
        self.by_packet = [[0, 0] for _ in range(9)]
        self.loss_key = dice.key("loss")
        self.longest_ns = 0  # that any copy has taken to leave so far
        self.duplicated = self.resent = 0
        self.trips = SlowTrips(self)

    # events ----------------------------------------------------------------------------------------------------------

    def _push(self, time_ns: int, stage: str, seat: int, letter: Any) -> None:
        heapq.heappush(self.events, (time_ns, self.serial, stage, seat, letter))
        self.serial += 1

    def _happen(self, stage: str, seat: int, letter: Any) -> None:
        """A copy has arrived (last bit here), been received (downlink done) or been served (CPU done)."""
        if stage in ("joins", "leaves", "passes", "settles", "goes again"):
            self.trips.happen(stage, seat, letter)
            return
        here = self.seats[seat]
        if letter.packet == TICK:
            if here.is_up:
                self._act(self.gossip.ticked(self, seat, letter.item), seat, letter.item, self.now_ns, anew=True)
            elif here.state.get(letter.item) == "wanted":  # nobody will ask anew: the next announcement must
                del here.state[letter.item]
                here.other_announcer.pop(letter.item, None)
            return
        whole = letter.packet in (BODY, BLOB)
        if not here.is_up:
            if stage == "served" and whole and here.state.get(letter.item) == "checking":
                del here.state[letter.item]
            self._finish(DOWN, seat, letter)
            return
        if stage == "arrived" and here.down.ns_per_byte:
            sender = self.seats[letter.source].up
            spread_ns = letter.spread_ns if letter.spread_ns >= 0 else sender.busy_ns(letter.size_bytes)
            if self.costs.max_min:
                taken_ns = self.trips.fair.come_in(seat, letter, self.now_ns - spread_ns)
            else:
                taken_ns = here.down.take(self.now_ns - spread_ns, letter.size_bytes, self.longest_ns)
            if not self.costs.max_min and letter.size_bytes <= self.costs.lane_bytes:
                taken_ns = self.now_ns - spread_ns + here.down.busy_ns(letter.size_bytes)
            if taken_ns > self.now_ns:
                self._push(taken_ns, "received", seat, letter)
                return
        if stage != "served":
            if whole:
                self.body_copies += 1
                if here.state.get(letter.item) in ("checking", "held"):
                    self._finish(DELIVERED, seat, letter)
                    return
                here.state[letter.item] = "checking"
            if here.cores:
                done_ns = here.work(self.now_ns, self._checking_ns(letter) + self._executing_ns(seat, letter))
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
            self._act(self.gossip.announced(self, seat, letter.source, item), seat, item, self.now_ns, anew=True)
        elif here.serves and here.state.get(item) == "held":
            if letter.signer == BLOB:
                self._transmit(self.now_ns, self._blob(seat, item), letter.source)
            else:
                self._act(self.gossip.requested(self, seat, letter.source, item), seat, item, self.now_ns, anew=True)

    # sending --------------------------------------------------------------------------------------------------------

    def _mail_out(self, source: int, signer: int, message: int, targets: list[int]) -> None:
        one = self.messages[message]
        packet = MESSAGE if one.certified < 0 else CERTIFICATE
        letter = Letter(draw(one.key, self.now_ns), one.size_bytes, self.now_ns, source, signer, message, packet)
        ready_ns = self.seats[source].work(self.now_ns, self._signing_ns(one.size_bytes))
        for target in targets:
            self._transmit(ready_ns, letter, target)

    def _letter(self, seat: int, item: int, packet: int, anew: bool = False) -> Letter:
        special = {ANNOUNCE: self.costs.announce_bytes, REQUEST: self.costs.request_bytes}
        key = draw(self.items[item].key, packet)
        if anew:  # not what everybody does on first sight: a second try must not meet the same weather again
            key = draw(key, self.now_ns)
        return Letter(key, special.get(packet, self.items[item].size_bytes), self.now_ns, seat, packet, item, packet)

    def _blob(self, seat: int, item: int) -> Letter:
        """A body outside the gossip: another try unless it goes out at the instant of publication."""
        return self._letter(seat, item, BLOB, anew=self.now_ns != self.items[item].published_ns)

    def _act(self, actions: list[tuple[int, int, int]], seat: int, item: int, ready_ns: int, anew: bool = False) -> None:
        """What a gossip rule has asked for: rows of packet, seat, delay."""
        for packet, target, wait_ns in actions:
            if packet == TICK:
                self._push(self.now_ns + wait_ns, "arrived", seat, Letter(0, 0, self.now_ns, seat, target, item, TICK))
            elif self.seats[seat].is_up:
                self._transmit(ready_ns + wait_ns, self._letter(seat, item, packet, anew), target)

    def _transmit(self, ready_ns: int, letter: Letter, target: int) -> None:
        source, receiver = self.seats[letter.source], self.seats[target]
        self._book(letter)
        if not self.costs.is_plain:
            self.trips.begin(ready_ns, letter, target)
            return
        leaves_ns = ready_ns
        if source.up.ns_per_byte:
            source.longest_queue_ns = max(source.longest_queue_ns, source.up.free_ns - ready_ns)
            leaves_ns = source.up.carry(ready_ns, letter.size_bytes)
        if source.island != receiver.island:
            self._note(leaves_ns, CUT, target, letter)
            return
        if self._goes_astray(letter.key, letter.source, target):
            self._note(leaves_ns, LOST, target, letter)
            return
        self.in_flight += 1
        self._push(leaves_ns + self._latency_ns(letter.key, letter.source, target), "arrived", target, letter)

    def _book(self, letter: Letter) -> None:
        """Enter one copy into the books, whatever becomes of it."""
        self.sent += 1
        self.by_packet[letter.packet][0] += 1
        self.by_packet[letter.packet][1] += letter.size_bytes
        source = self.seats[letter.source]
        source.sent_bytes += letter.size_bytes
        self.longest_ns = max(self.longest_ns, source.up.busy_ns(letter.size_bytes))

    def _goes_astray(self, key: int, source: int, target: int) -> bool:
        below = round(self.costs.loss * 2**32)
        return draw(key ^ LOSS_APART ^ self.loss_key, source << 32 | target) >> 32 < below

    def _latency_ns(self, key: int, source: int, target: int) -> int:
        sender, receiver, base = self.seats[source], self.seats[target], self.topology.base_ns
        latency_ns = self.costs.constant_ns
        if self.costs.table is not None:
            base_ns = 0 if base is None else int(base[sender.site, receiver.site])
            latency_ns = delay_ns(base_ns, self.costs.table, self.costs.relative, draw(key, source << 32 | target))
        elif base is not None:
            latency_ns += int(base[sender.site, receiver.site])
        return latency_ns * sender.slowness // 1024 * receiver.slowness // 1024

    def _signing_ns(self, size_bytes: int) -> int:
        return self.costs.sign_ns + size_bytes * self.costs.hash_ps_per_byte // 1000

    def _checking_ns(self, letter: Letter) -> int:
        checks = self.messages[letter.item].checks if letter.packet in (MESSAGE, CERTIFICATE) else 1
        return checks * self.costs.verify_ns + letter.size_bytes * self.costs.hash_ps_per_byte // 1000

    def _executing_ns(self, seat: int, letter: Letter) -> int:
        """CPU time for what is in a body, or in a block inside a message that the seat does not have yet."""
        if letter.packet in (BODY, BLOB):
            return self.items[letter.item].execute_ns
        attached = self.messages[letter.item].attached if letter.packet in (MESSAGE, CERTIFICATE) else -1
        return 0 if attached < 0 or self.seats[seat].state.get(attached) == "held" else self.items[attached].execute_ns

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
