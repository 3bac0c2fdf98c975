"""Reliable broadcast: either every honest seat delivers a body, or none does, whatever its publisher is up to.

Bracha, "Asynchronous Byzantine agreement protocols", Information and Computation 1987, section 3: SEND to all, ECHO on the first
SEND, READY on enough echoes or f + 1 readies, deliver on 2 f + 1 readies. AVID is its coded form (Cachin, Tessaro, "Asynchronous
verifiable information dispersal", SRDS 2005; here as in Miller et al., "The honey badger of BFT protocols", CCS 2016, figure 2):
the publisher gives seat i the i-th of n shares, any n - 2 f of which are the body, and seats echo their own share.

Both need n > 3 f and take three delays. Both send n - 1 SENDs, n (n - 1) ECHOs and n (n - 1) READYs for a body. With bodies of B
bytes Bracha's ECHOs cost n (n - 1) B, AVID's about n (n - 1) B / (n - 2 f). To hold a body here means to have delivered it;
only its publisher holds it from the start.

Links are taken as reliable, as in the papers: what is lost is not sent again. A body is named by its digest, so a publisher cannot
say two things under one name. Gossiped votes are not bodies: their signer sends them to everybody, once.
"""

from __future__ import annotations

from sim.gossip.stakes import HASH_BYTES
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.net.core.relay import attach
from sim.net.core.state import (
    ABOUT,
    ANNOUNCE_BYTES,
    BODY,
    CONTROL,
    DELAY_NS,
    GOT,
    HEARD,
    HELD,
    NOW,
    PACKET,
    PUBLISHED,
    RELAYS,
    REPEATED,
    SEATS,
    SIZE_BYTES,
    TARGET,
    World,
)
from sim.net.strategy import Strategy
from sim.net.topology import Topology

ECHO_NEED, AMPLIFY_NEED, DELIVER_NEED, SHARE_NEED = range(4)
"""Words of `options`: echoes and readies that make a seat say READY; readies, and echoes, that make it deliver."""
ECHO_ONE, READY_ONE, READIED, DELIVERED = 1, 1 << 20, 1 << 40, 1 << 41
"""What `notes[first piece, seat]` counts: echoes, readies, and whether the seat has said READY and has delivered."""
_COUNT = (1 << 20) - 1
SENT_WHOLE, ECHOED_WHOLE = range(2)  # Bracha's two pieces: the body as it was sent, and as it was echoed


@njit
def to_all(w: World, seat: int, count: int, packet: int, item: int) -> int:
    """One copy to every other seat; returns the new count of actions."""
    n = w.setup[SEATS]
    for step in range(1, n):
        w.actions[count, PACKET] = packet
        w.actions[count, TARGET] = (seat + step) % n
        w.actions[count, DELAY_NS] = 0
        w.actions[count, ABOUT] = item
        if packet == CONTROL:
            w.actions[count, SIZE_BYTES] = w.setup[ANNOUNCE_BYTES]
        count += 1
    return count


@njit
def conclude(w: World, seat: int, whole: int, count: int, has_body: bool) -> int:
    """Say READY, and deliver, as soon as enough others have spoken; returns the new count of actions."""
    first = int(w.items[whole]["first_piece"])
    row = w.items[first]["row"]
    state = w.notes[row, seat]
    enough_echoes = (state & _COUNT) >= w.options[ECHO_NEED]
    if not state & READIED and (enough_echoes or ((state >> 20) & _COUNT) >= w.options[AMPLIFY_NEED]):
        count = to_all(w, seat, count, CONTROL, whole)
        state += READIED + READY_ONE
    ready = ((state >> 20) & _COUNT) >= w.options[DELIVER_NEED]
    if not state & DELIVERED and ready and has_body and (state & _COUNT) >= w.options[SHARE_NEED]:
        state += DELIVERED
        w.notes[w.items[first + 1]["row"], seat] = w.clock[NOW]
        attach(w, seat, whole)
    w.notes[row, seat] = state
    return count


def bracha_rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """SEND is the first piece, ECHO the second (both are the body), READY a control packet about the body."""
    if not w.seats[seat]["flags"] & RELAYS or event not in (PUBLISHED, GOT, REPEATED, HEARD):
        return 0
    whole = int(w.items[item]["whole"])
    if event == HEARD:
        whole = item
    elif whole < 0:
        return to_all(w, seat, 0, BODY, item) if event == PUBLISHED else 0
    first = int(w.items[whole]["first_piece"])
    row = w.items[first]["row"]
    echoed = w.items[first + ECHOED_WHOLE]["row"]
    count = 0
    if event == HEARD:
        w.notes[row, seat] += READY_ONE
    elif event == PUBLISHED and item == first + SENT_WHOLE:
        return to_all(w, seat, 0, BODY, item)
    elif event == PUBLISHED or (event == GOT and item == first + SENT_WHOLE):
        count = to_all(w, seat, 0, BODY, first + ECHOED_WHOLE)
        w.notes[row, seat] += ECHO_ONE
    elif item == first + ECHOED_WHOLE:
        w.notes[row, seat] += ECHO_ONE
    has_body = w.held[row, seat] == HELD or w.held[echoed, seat] == HELD
    return conclude(w, seat, whole, count, has_body)


def avid_rule(w: World, event: int, seat: int, peer: int, item: int) -> int:
    """The share of seat i is the i-th piece: from the publisher it is the SEND, from seat i its ECHO."""
    if not w.seats[seat]["flags"] & RELAYS or event not in (PUBLISHED, GOT, REPEATED, HEARD):
        return 0
    whole = int(w.items[item]["whole"])
    if event == HEARD:
        whole = item
    elif whole < 0:
        return to_all(w, seat, 0, BODY, item) if event == PUBLISHED else 0
    first = int(w.items[whole]["first_piece"])
    row = w.items[first]["row"]
    owner = item - first
    count = 0
    if event == HEARD:
        w.notes[row, seat] += READY_ONE
    elif event == PUBLISHED and owner != seat:
        w.actions[0, PACKET] = BODY
        w.actions[0, TARGET] = owner
        w.actions[0, DELAY_NS] = 0
        return 1
    elif owner == seat and event != REPEATED:
        count = to_all(w, seat, 0, BODY, item)
        w.notes[row, seat] += ECHO_ONE
    elif owner == peer:
        w.notes[row, seat] += ECHO_ONE
    return conclude(w, seat, whole, count, True)


def thresholds(faulty: int | None, n: int) -> int:
    """How many traitors are tolerated: as many as said, or as many as can be. Raises ScenarioError where that is too many."""
    most = (n - 1) // 3
    if faulty is not None and faulty > most:
        raise ScenarioError(f"{n} seats tolerate at most {most} traitors, not {faulty}", "faulty")
    return most if faulty is None else faulty


@part
class Bracha:
    """Send a body to all, echo it to all, be ready, deliver: reliable broadcast with whole bodies."""

    faulty: Count | None = None  # traitors tolerated; by default as many as can be, (n - 1) / 3

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        n = topology.n
        f = thresholds(self.faulty, n)
        options = ((n + f + 2) // 2, f + 1, 2 * f + 1, 0)  # echoes: half of n + f + 1, rounded up
        return Strategy(bracha_rule, options=options, most_actions=2 * n, tells_copies=True, cut=_twice)


def _twice(size_bytes: int) -> tuple[int, int, int]:
    """The body sent and the body echoed; having both is not yet to deliver."""
    return 2, 3, size_bytes


@part
class AVID:
    """Give each seat a coded share, let it echo it to all, be ready, decode: reliable broadcast at a third of the bytes."""

    faulty: Count | None = None  # traitors tolerated; by default as many as can be, (n - 1) / 3

    def strategy(self, topology: Topology, dice: Dice) -> Strategy:
        """The rule and what it wants to be given."""
        n = topology.n
        f = thresholds(self.faulty, n)
        enough = n - 2 * f
        proof_bytes = HASH_BYTES * (1 + (n - 1).bit_length())

        def cut(size_bytes: int) -> tuple[int, int, int]:
            return n, n + 1, -(-size_bytes // enough) + proof_bytes  # having all shares is not yet to deliver

        return Strategy(avid_rule, options=(n - f, f + 1, 2 * f + 1, enough), most_actions=2 * n, tells_copies=True, cut=cut)
