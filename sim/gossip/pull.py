"""Pull: in every round ask `fanout` random neighbours what they have, and fetch what is missing.

Demers et al., "Epidemic algorithms for replicated database maintenance", PODC 1987, section 1.3: with a share s of the seats
still without an item, the next round leaves s^2 of them. Hyperledger Fabric's gossip pulls blocks this way every 4 s from 3
peers (core.yaml, peer.gossip.pullInterval and pullPeerNum; hello, digest, request, response); unlike Fabric, which gathers
digests for a second, a seat asks at the first digest and notes the next peer that lists the item: it is asked when the body has
not come within `patience`, so one that lists and then does not deliver costs that much. A body crosses each downlink once;
every round costs a seat `fanout` hellos and digests of `id_size` an item. An item stands in digests for `keep`.
"""

from __future__ import annotations

from sim.kernel.dice import Dice
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net.core.state import (
    BODY,
    CHECKING,
    CONTROL,
    DELAY_NS,
    GOT,
    HEARD,
    HEARD_WORD,
    ITEMS,
    NOW,
    PACKET,
    PUBLISHED,
    REQUESTED,
    SIZE_BYTES,
    STARTED,
    TARGET,
    TICK,
    TICKED,
    WANTED,
    WORD,
    World,
)
from sim.net.digests import HEADER_BYTES, KEPT, digest_bytes, lists, request, turn_to_another
from sim.net.rounds import OWN, PERIOD, Clock, aim, beat_options, must_pass_time, until_beat_ns
from sim.net.strategy import Strategy
from sim.net.topology import Topology

FANOUT, PATIENCE, KEEP, BATCH, ID_BYTES = range(OWN, OWN + 5)
HELLO, DIGEST = range(2)  # lowest bit of a control packet's word; the rest is the instant at which it was written


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: those of rounds, fanout, patience, keep, batch, bytes of an id. `notes`: KEPT, or another lister's seat plus one."""
    if event == PUBLISHED or event == GOT:
        w.notes[w.items[item]["row"], seat] = KEPT
        return 0
    if event == STARTED:
        return _round_after(w, seat, 0)
    if event == TICKED:
        if item >= 0:
            return turn_to_another(w, seat, item, w.options[PATIENCE])
        count = aim(w, seat, w.options[FANOUT], 0)
        for place in range(count):
            w.actions[place, PACKET] = CONTROL
            w.actions[place, SIZE_BYTES] = HEADER_BYTES  # a hello has nothing behind it
            w.actions[place, WORD] = w.clock[NOW] << 1 | HELLO
        return _round_after(w, seat, count)
    w.actions[0, TARGET] = peer
    w.actions[0, DELAY_NS] = 0
    if event == REQUESTED:
        w.actions[0, PACKET] = BODY
        return 1
    if event != HEARD:
        return 0
    if w.clock[HEARD_WORD] & 1 == DIGEST:
        return _ask_for_missing(w, seat, peer, w.clock[HEARD_WORD] >> 1)
    w.actions[0, PACKET] = CONTROL
    w.actions[0, SIZE_BYTES] = digest_bytes(w, seat, w.options[KEEP], w.options[ID_BYTES])
    w.actions[0, WORD] = w.clock[NOW] << 1 | DIGEST
    return 1


@njit
def _round_after(w: World, seat: int, count: int) -> int:
    """The next round is due in a while; after so many actions."""
    w.actions[count, PACKET] = TICK
    w.actions[count, TARGET] = 0
    w.actions[count, DELAY_NS] = until_beat_ns(w, seat, -1, w.options[PERIOD])
    return count + 1


@njit
def _ask_for_missing(w: World, seat: int, peer: int, written_ns: int) -> int:
    """A digest has come: request what is listed and neither here nor asked of somebody else."""
    count = 0
    for item in range(w.setup[ITEMS]):
        row = w.items[item]["row"]
        if w.held[row, seat] >= CHECKING or not lists(w, peer, item, written_ns, w.options[KEEP]):
            continue
        if w.held[row, seat] == WANTED:
            w.notes[row, seat] = peer + 1
            continue
        if count < 2 * w.options[BATCH]:
            count = request(w, seat, peer, item, w.options[PATIENCE], count)
    return count


@part
class Pull:
    """Every `period` ask `fanout` random neighbours for digests, fetch what is missing, turn to another where nothing comes.

    Demers et al., PODC 1987, section 1.3; periods and fanout of Hyperledger Fabric (core.yaml, peer.gossip). Every body comes once;
    a round costs `fanout` hellos of 40 bytes and digests of `id_size` an item, and news wait for the next round of each hop.
    """

    fanout: Count = 3  # neighbours asked in each round
    period: Duration = 4_000_000_000  # from round to round; the mean where gaps are drawn
    clock: Clock = "own"  # rounds at the seat's own phase, at common instants, or after exponential gaps (poisson)
    patience: Duration = 2_000_000_000  # how long to wait for a body before asking another
    keep: Duration = 600_000_000_000  # how long an item stands in a seat's digests
    batch: Count = 100  # items requested after one digest at most
    id_size: Size = 32  # an item's id in a digest

    def check(self) -> None:
        """A round takes time."""
        must_pass_time(self.period, "period")

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        own = (self.fanout, self.patience, self.keep, self.batch, self.id_size)
        most = max(1 + min(self.fanout, topology.largest_degree), 2 * self.batch)
        return Strategy(
            rule, beat_options(self.clock, self.period, dice.key("pull"), *own), most_actions=most, starts=True, samples=True
        )
