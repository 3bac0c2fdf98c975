"""Push-pull anti-entropy: tell news a few times at once, and rarely compare everything with one random neighbour.

HashiCorp's memberlist, DefaultLANConfig: every 200 ms news go to 3 random nodes, in all 4 ceil(log10(n + 1)) times from each
seat (RetransmitMult), and every 30 s full states are exchanged with one node, which mends what the news missed. Here an
exchange sends the digest; the partner answers with the bodies that are not listed and requests those that only the digest
lists, so both have the union after one and a half round trips (Demers et al., PODC 1987, section 1.3, push-pull with
checksums left out). Karp et al., FOCS 2000: the last phase of push-pull takes O(log log n) rounds. memberlist's stretching of
the 30 s in networks of more than 32 nodes is left to the scenario. It costs some 4 log10 n bodies a seat and a digest a sync.
"""

from __future__ import annotations

from sim.kernel.dice import Dice
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net.core.state import (
    ABOUT,
    ABSENT,
    BODY,
    CONTROL,
    DELAY_NS,
    GOT,
    HEARD,
    HEARD_WORD,
    HELD,
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
from sim.net.digests import KEPT, RETRY, digest_bytes, lists, request, turn_to_another
from sim.net.rounds import OWN, PERIOD, Clock, aim, beat_options, must_pass_time, until_beat_ns
from sim.net.strategy import Strategy
from sim.net.topology import Topology

FANOUT, TRANSMITS, SYNC, PATIENCE, KEEP, BATCH, ID_BYTES = range(OWN, OWN + 7)


def rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """Options: those of rounds, then as named above. `notes`: KEPT, or of a wanted item another lister's seat plus one."""
    if event == PUBLISHED or event == GOT:
        w.notes[w.items[item]["row"], seat] = KEPT
        return _tell_later(w, seat, item, 0, 0)
    if event == STARTED:
        return _sync_later(w, seat, 0)
    if event == TICKED:
        if item >= 0 and peer == RETRY:  # lower numbers count how often an item was told
            return turn_to_another(w, seat, item, w.options[PATIENCE])
        if item >= 0:
            return _tell(w, seat, item, peer)
        count = aim(w, seat, 1, 0)
        if count > 0:
            w.actions[0, PACKET] = CONTROL
            w.actions[0, SIZE_BYTES] = digest_bytes(w, seat, w.options[KEEP], w.options[ID_BYTES])
            w.actions[0, WORD] = w.clock[NOW]
        return _sync_later(w, seat, count)
    if event == REQUESTED:
        w.actions[0, PACKET] = BODY
        w.actions[0, TARGET] = peer
        w.actions[0, DELAY_NS] = 0
        return 1
    if event == HEARD:
        return _compare(w, seat, peer, w.clock[HEARD_WORD])
    return 0


@njit
def _sync_later(w: World, seat: int, count: int) -> int:
    """The next exchange is due in a while; after so many actions."""
    w.actions[count, PACKET] = TICK
    w.actions[count, TARGET] = 0
    w.actions[count, DELAY_NS] = until_beat_ns(w, seat, -1, w.options[SYNC])
    return count + 1


@njit
def _tell(w: World, seat: int, item: int, told: int) -> int:
    """A round of an item that was told so many times."""
    count = aim(w, seat, min(w.options[FANOUT], w.options[TRANSMITS] - told), 0)
    for place in range(count):
        w.actions[place, PACKET] = BODY
    if count == 0:
        return 0
    return _tell_later(w, seat, item, told + count, count)


@njit
def _tell_later(w: World, seat: int, item: int, told: int, count: int) -> int:
    """The next round of an item, unless it was told often enough; after so many actions."""
    if told >= w.options[TRANSMITS]:
        return count
    w.actions[count, PACKET] = TICK
    w.actions[count, TARGET] = told
    w.actions[count, DELAY_NS] = until_beat_ns(w, seat, -1, w.options[PERIOD])
    return count + 1


@njit
def _compare(w: World, seat: int, peer: int, written_ns: int) -> int:
    """A digest has come: send what it does not list, request what only it lists."""
    count = 0
    now_ns = w.clock[NOW]
    keep_ns = w.options[KEEP]
    for item in range(w.setup[ITEMS]):
        row = w.items[item]["row"]
        listed = lists(w, peer, item, written_ns, keep_ns)
        here = w.held[row, seat]
        if listed and here == WANTED:
            w.notes[row, seat] = peer + 1
        elif count + 2 > 2 * w.options[BATCH]:
            continue
        elif listed and here == ABSENT:
            count = request(w, seat, peer, item, w.options[PATIENCE], count)
        elif not listed and here == HELD and lists(w, seat, item, now_ns, keep_ns):
            w.actions[count, PACKET] = BODY
            w.actions[count, TARGET] = peer
            w.actions[count, DELAY_NS] = 0
            w.actions[count, ABOUT] = item
            count += 1
    return count


@part
class PushPull:
    """News to `fanout` random neighbours every `period`, a few times; every `sync` compare all with one neighbour.

    HashiCorp's memberlist, DefaultLANConfig; Demers et al., PODC 1987, section 1.3. Costs `retransmit` ceil(log10(n + 1)) bodies a
    seat and a digest of `id_size` an item per sync, and reaches, sooner or later, whoever the news missed.
    """

    fanout: Count = 3  # neighbours told in each round
    period: Duration = 200_000_000  # from round to round
    retransmit: Count = 4  # a seat tells an item this often, times ceil(log10(n + 1))
    sync: Duration = 30_000_000_000  # from exchange to exchange
    clock: Clock = "own"  # rounds at the seat's own phase, at common instants, or after exponential gaps (poisson)
    patience: Duration = 2_000_000_000  # how long to wait for a requested body before asking another
    keep: Duration = 600_000_000_000  # how long an item stands in a seat's digests
    batch: Count = 100  # items sent or requested after one digest at most
    id_size: Size = 32  # an item's id in a digest

    def check(self) -> None:
        """Rounds take time."""
        must_pass_time(self.period, "period")
        must_pass_time(self.sync, "sync")

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        transmits = self.retransmit * len(str(topology.n))  # ceil(log10(n + 1)) is the number of n's digits
        own = (self.fanout, transmits, self.sync, self.patience, self.keep, self.batch, self.id_size)
        options = beat_options(self.clock, self.period, dice.key("push-pull"), *own)
        most = max(2, 1 + min(self.fanout, topology.largest_degree), 2 * self.batch)
        return Strategy(rule, options, most_actions=most, starts=True, samples=True)
