"""SWIM: every seat probes another one each period, and what it finds out rides on the packets that it sends anyway.

Das, Gupta, Motivala, "SWIM: scalable weakly-consistent infection-style process group membership protocol", DSN 2002: the basic
detector (section 3), piggybacked dissemination (4.1), suspicion with incarnation numbers (4.2), round-robin targets (4.3).
Defaults: hashicorp/memberlist, LAN. A seat pings one member a period; if no ack comes within `timeout` it asks `indirect` others
to ping it; if none of them vouches for it until the period ends, the member is suspected, and dead when nobody has refuted that.

Cost: a ping and an ack a seat and period, and packets on behalf of others where one was lost. First detection of a crash takes
1 / (1 - (1 - 1/(n-1))^(n-1)) periods in the mean with random targets (validation V32), at most 2n - 1 with round-robin ones.

Every `sync` a seat exchanges its whole list of members with one that seems alive (memberlist's push-pull, PushPullInterval, of which the
paper has nothing), which mends what was lost of the news; whoever is dead in the other's list is only suspected. The interval is
as many times longer among more than 32 members as memberlist stretches it: by one for each doubling begun.

Joining is memberlist's: with `contacts` a seat knows at first nobody but the contacts' addresses, asks one after the other, one a period,
takes over the member list of the first that answers (as it is when the answer arrives), and news of the newcomer ride on the probes
like all news. With 0 contacts everybody knows everybody from the start.

What differs: a seat that comes back raises its incarnation,
which wins over its death (as memberlist does; in the paper it would come under a new name). All news of one packet travel in
one list, of which the last 32 of a seat can be read. Whoever speaks up while it is suspected or thought dead is told so in the answer
(the buddy system of Lifeguard, Dadgar et al. 2018), and a seat that comes back takes all others to be alive at first. A liar
can slander others (adversary `slander`): news are not signed by those they are about, so it is believed until the victim, who hears of
it as everybody does, has refuted it under a higher incarnation; in time, if it was only suspected.
"""

from __future__ import annotations

from math import ceil, log2, log10
from typing import ClassVar, Literal

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net import swim as s
from sim.net.core.state import HEARD, SEATS, STARTED, UP, World
from sim.net.lists import KIND_BITS, RING, SEAT_BITS, SEAT_MASK, phase_ns, wait
from sim.net.membership import Membership
from sim.net.topology import Topology

MOST_WORDS = 2**27


def rule(w: World, event: int, seat: int, peer: int, word: int) -> int:
    """One event at one seat; the parts are in `sim.net.swim`."""
    memory = w.member_memory[seat]
    options = w.member_options
    if event == HEARD:
        return _hear(w, seat, peer, word)
    if event == STARTED:
        first_ns = options[s.PERIOD_NS]
        if options[s.CONTACTS] > 0:
            s.meet_nobody(w, seat)
        if options[s.COMMON] == 0:
            first_ns = phase_ns(w, options[s.KEY], seat, first_ns)
        count = wait(w, 0, first_ns, s.PERIOD)
        if options[s.SYNC_NS] > 0:
            count = wait(w, count, options[s.SYNC_NS] + phase_ns(w, ~options[s.KEY], seat, options[s.SYNC_NS]), s.SYNC)
        return count
    kind = word & ((1 << KIND_BITS) - 1)
    member = word >> KIND_BITS & SEAT_MASK
    up = w.seats[seat]["flags"] & UP
    if kind == s.EXPIRE:
        if not up:
            return wait(w, 0, options[s.PERIOD_NS], word)
        if memory[s.TABLE + member] == s.SUSPECT | word >> (KIND_BITS + SEAT_BITS) << 2:
            s.report(w, seat, member, s.CONFIRMED)
            return s.think(w, seat, member, s.DEAD, word >> (KIND_BITS + SEAT_BITS), 0)
        return 0
    if kind == s.TIMEOUT:
        if up and memory[s.TARGET_SEAT] == member + 1 and memory[s.ACKED] == 0:
            return s.ask_others(w, seat, member, 0)
        return 0
    if kind == s.SYNC:
        count = wait(w, 0, options[s.SYNC_NS], s.SYNC)
        belongs = up and (options[s.CONTACTS] == 0 or memory[s.JOINED])
        return s.exchange(w, seat, count) if belongs else count
    return _period(w, seat, up != 0)


@njit
def _period(w: World, seat: int, up: bool) -> int:
    """The last probe is judged and the next one begins; who was down says that it is back."""
    memory = w.member_memory[seat]
    count = wait(w, 0, w.member_options[s.PERIOD_NS], s.PERIOD)
    if not up:
        memory[s.ABSENT_MINDED] = 1
        memory[s.TARGET_SEAT] = 0
        return count
    if memory[s.ABSENT_MINDED]:
        memory[s.ABSENT_MINDED] = 0
        memory[s.OWN] += 1
        for member in range(w.setup[SEATS]):  # what it knew is old: all may live, until it finds otherwise
            if memory[s.TABLE + member] & 3 != s.UNKNOWN:
                memory[s.TABLE + member] &= ~3
        s.think(w, seat, seat, s.ALIVE, memory[s.OWN], count)
    if w.member_options[s.CONTACTS] > 0 and memory[s.JOINED] == 0:
        return s.ask_to_join(w, seat, count)
    if memory[s.TARGET_SEAT] > 0 and memory[s.ACKED] == 0:
        count = s.doubt(w, seat, memory[s.TARGET_SEAT] - 1, count)
    member = s.next_target(w, seat)
    memory[s.TARGET_SEAT] = member + 1
    memory[s.ACKED] = 0
    if member >= 0:
        count = s.speak(w, seat, count, member, s.PING, 0)
        count = wait(w, count, w.member_options[s.TIMEOUT_NS], s.TIMEOUT | member << KIND_BITS)
    return count


@njit
def _hear(w: World, seat: int, peer: int, word: int) -> int:
    """A packet: its news first, then what it asks or answers."""
    memory = w.member_memory[seat]
    kind = word & ((1 << KIND_BITS) - 1)
    one = word >> KIND_BITS & SEAT_MASK
    if kind == s.MEMBERS:
        count = s.read_members(w, seat, peer, 0)
        return s.tell_members(w, seat, count, peer, 0) if one else count
    count = s.read_news(w, seat, peer, word, 0)
    if memory[s.TABLE + peer] & 3 == s.UNKNOWN:
        count = s.hear_news(w, seat, peer, s.ALIVE, 0, count)  # news of it were crowded out; what it says of itself will follow
    if kind == s.JOIN:
        return s.tell_members(w, seat, count, peer, 0)
    if memory[s.TABLE + peer] & 3 != s.ALIVE:
        s.pass_on(w, seat, peer)  # the answer tells it what is thought of it
    if kind == s.PING:
        return s.speak(w, seat, count, peer, s.ACK, 0)
    if kind == s.ASK:
        return s.speak(w, seat, count, one, s.PROXY_PING, peer)
    if kind == s.PROXY_PING:
        return s.speak(w, seat, count, peer, s.PROXY_ACK, one)
    if kind == s.PROXY_ACK:
        return s.speak(w, seat, count, one, s.VOUCH, peer)
    alive = one if kind == s.VOUCH else peer
    if memory[s.TARGET_SEAT] == alive + 1:
        memory[s.ACKED] = 1
    return count


@part
class Swim:
    """Failure detection by probes, with suspicion; news of members ride on the probes."""

    detects: ClassVar[bool] = True

    period: Duration = 1_000_000_000  # from one probe of a seat to its next; at least three times a round trip
    timeout: Duration = 500_000_000  # how long to wait for an ack before others are asked
    indirect: Count = 3  # how many others are asked
    suspicion: float = 5.0  # a suspicion lasts so many periods, times log10(n + 1); 0: no suspicion, a failed probe is death
    retransmit: Count = 4  # each piece of news is told so many times, times log10(n + 1) rounded up
    targets: Literal["round-robin", "random"] = "round-robin"  # the order in which members are probed
    clock: Literal["own", "common"] = "own"  # common: all seats' periods begin at the same instants, the paper's model
    sync: Duration = (
        30_000_000_000  # a seat exchanges whole lists with another this often, more rarely among more than 32; 0: never
    )
    contacts: Count = 0  # seats, the first ones, by which all others have to join; 0: everybody knows everybody from the start
    most_news: Count = 16  # pieces of news on a packet; too few, and refutations come too late where much is lost
    head_size: Size = 60  # bytes of a packet without news
    news_size: Size = 40  # bytes of a piece of news: a member's name, state and incarnation

    def check(self) -> None:
        """An ack can come before the period ends, and news are told at all."""
        if not 0 < self.timeout < self.period:
            raise ScenarioError("a probe needs 0 < timeout < period, so that others can be asked before the period ends", "timeout")
        for name in ("retransmit", "most_news"):
            if not 1 <= getattr(self, name) <= s.BUFFER:
                raise ScenarioError(f"a number from 1 to {s.BUFFER} is wanted", name)
        if self.indirect > 32:
            raise ScenarioError("at most 32 others can be asked", "indirect")

    def membership(self, topology: Topology, dice: Dice) -> Membership:
        """The rule and what it wants to be given. Raises ScenarioError where so many members do not fit in memory."""
        n = topology.n
        if self.contacts >= n:
            raise ScenarioError(f"{self.contacts} contacts leave nobody of {n} seats to join by them; give fewer, or 0", "contacts")
        words = s.TABLE + n + 2 * s.BUFFER + RING * (1 + self.most_news)
        if words * n > MOST_WORDS:
            raise ScenarioError(f"{n:,} seats that know each other do not fit in memory; about 10,000 do")
        scale = log10(n + 1)
        sync_ns = self.sync * (1 + max(0, ceil(log2(n / 32))))  # memberlist's pushPullScale
        times = (self.period, self.timeout, self.indirect, round(self.suspicion * max(1.0, scale) * self.period))
        told = (self.retransmit * max(1, ceil(scale)), int(self.targets == "round-robin"))
        options = (
            dice.key("swim") >> 1,
            *times,
            *told,
            self.head_size,
            self.news_size,
            self.most_news,
            int(self.clock == "common"),
            self.contacts,
            sync_ns,
        )
        return Membership(rule, options, words, 8 + self.most_news + self.indirect + n, accuse=s.accuse)
