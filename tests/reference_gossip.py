"""The three gossip rules said again, slowly: each answers with rows of (packet, target seat, delay in ns)."""

from __future__ import annotations

from typing import Any

from reference_things import ANNOUNCE, BODY, REQUEST, TICK

from sim.kernel.dice import Dice, draw

Actions = list[tuple[int, int, int]]


class SlowFlood:
    """A body to every neighbour but the one it came from."""

    def published(self, net: Any, seat: int, item: int) -> Actions:
        """As if it came from nobody."""
        return self.got(net, seat, -1, item)

    def got(self, net: Any, seat: int, peer: int, item: int) -> Actions:
        """First receipt."""
        return [(BODY, int(other), 0) for other in net.topology.neighbours_of(seat) if other != peer]


class SlowPush:
    """A body to `fanout` random neighbours at first receipt."""

    def __init__(self, fanout: int, dice: Dice) -> None:
        self.fanout, self.key = fanout, dice.key("push") >> 1

    def published(self, net: Any, seat: int, item: int) -> Actions:
        """As if it came from nobody."""
        return self.got(net, seat, -1, item)

    def got(self, net: Any, seat: int, peer: int, item: int) -> Actions:
        """Draw until enough different ones are there."""
        neighbours = net.topology.neighbours_of(seat)
        key = draw(net.items[item].key ^ self.key, seat)
        chosen: list[int] = []
        turn = 0
        while len(chosen) < min(self.fanout, len(neighbours)):
            other = int(neighbours[(draw(key, turn) >> 32) * len(neighbours) >> 32])
            turn += 1
            if other not in chosen:
                chosen.append(other)
        return [(BODY, other, 0) for other in chosen]


class SlowAnnounce:
    """Announce, be asked, deliver; whoever waits in vain for `patience_ns` asks another announcer, if there is one."""

    def __init__(self, patience_ns: int) -> None:
        self.patience_ns = patience_ns

    def published(self, net: Any, seat: int, item: int) -> Actions:
        """As if it came from nobody."""
        return self.got(net, seat, -1, item)

    def got(self, net: Any, seat: int, peer: int, item: int) -> Actions:
        """First receipt."""
        return [(ANNOUNCE, int(other), 0) for other in net.topology.neighbours_of(seat) if other != peer]

    def requested(self, net: Any, seat: int, peer: int, item: int) -> Actions:
        """Somebody wants the body."""
        return [(BODY, peer, 0)]

    def announced(self, net: Any, seat: int, peer: int, item: int) -> Actions:
        """Somebody has the body."""
        state = net.seats[seat].state.get(item)
        if state in ("checking", "held"):
            return []
        if state == "wanted":
            net.seats[seat].other_announcer[item] = peer
            return []
        return self._want(net, seat, peer, item)

    def ticked(self, net: Any, seat: int, item: int) -> Actions:
        """Patience is over."""
        here = net.seats[seat]
        if here.state.get(item) in ("checking", "held"):
            return []
        if item not in here.other_announcer:
            here.state.pop(item, None)
            return []
        return self._want(net, seat, here.other_announcer.pop(item), item)

    def _want(self, net: Any, seat: int, peer: int, item: int) -> Actions:
        net.seats[seat].state[item] = "wanted"
        return [(REQUEST, peer, 0), (TICK, 0, self.patience_ns)]
