"""What gossip rules with rounds share: when a seat's next round is, and whom it turns to.

A rule that uses `until_beat_ns` begins its options with `beat_options`. Three clocks: `own`, every seat has a phase of its
own; `common`, all seats have their rounds at the same instants (the synchronous model of the textbooks); `poisson`,
exponential gaps (the asynchronous model).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from sim.kernel.dice import draw64
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.net.core.state import DELAY_NS, NOW, TARGET, VIEW, World
from sim.net.latency import TABLE, law_table, sample_delay_ns
from sim.net.laws import Exponential

Clock = Literal["own", "common", "poisson"]

CLOCK, PERIOD, KEY, OWN = range(4)
"""Places in the options; a strategy's own options begin at OWN."""
GAPS = 16
"""Where the table of exponential gaps begins."""
_PHASE, _GAP, _ROUND = np.uint64(0x9A1F), np.uint64(0x6A95), np.uint64(0x2B0D)
_U32 = np.uint64(32)


def must_pass_time(duration_ns: int, path: str) -> None:
    """Raise ScenarioError for a period of 0, in which time would stand still."""
    if duration_ns == 0:
        raise ScenarioError("a round takes time: give a duration above 0, such as '200 ms'", path)


def beat_options(clock: Clock, period_ns: int, key: int, *own: int) -> tuple[int, ...]:
    """Options of a rule with rounds: clock, mean period, key, then its own (at most 13), then a table if gaps are drawn."""
    kind = ("own", "common", "poisson").index(clock)
    head = (kind, period_ns, key >> 1, *own)
    if clock != "poisson":
        return head
    return (*head, *(0,) * (GAPS - len(head)), *law_table(Exponential(mean=period_ns)).tolist())


@njit
def until_beat_ns(w: World, seat: int, item: int, period_ns: int) -> int:
    """How long it is from now to the seat's next round (of that item, where gaps are drawn); never 0."""
    now_ns: Any = w.clock[NOW]
    key = draw64(np.uint64(w.options[KEY]), np.uint64(seat))
    if w.options[CLOCK] == 2:
        luck = draw64(draw64(key ^ _GAP, np.uint64(item + 1)), np.uint64(now_ns))
        gap_ns: int = sample_delay_ns(0, w.options[GAPS : GAPS + TABLE], 0, luck)
        return max(1, gap_ns)
    if w.options[CLOCK] == 0:
        now_ns -= np.int64(draw64(key ^ _PHASE, np.uint64(period_ns)) >> np.uint64(1)) % period_ns
    wait_ns: int = period_ns - now_ns % period_ns
    return wait_ns


@njit
def aim(w: World, seat: int, wanted: int, first: int) -> int:
    """Choose distinct random peers for this instant's round: TARGET of the actions from row `first` on; how many."""
    key = draw64(draw64(np.uint64(w.options[KEY]) ^ _ROUND, np.uint64(seat)), np.uint64(w.clock[NOW]))
    return some_peers(w, seat, wanted, first, key)


@njit
def some_peers(w: World, seat: int, wanted: int, first: int, key: np.uint64) -> int:
    """Choose distinct random neighbours, or members of the view that the membership keeps: TARGET from row `first` on; how many."""
    start = w.offsets[seat]
    pool = w.offsets[seat + 1] - start
    there = pool
    view = w.setup[VIEW]
    if view > 0:
        pool = view
        there = 0
        for place in range(view):
            there += w.member_memory[seat, place] > 0
    wanted = min(wanted, there)
    count = 0
    turn = 0
    while count < wanted:
        luck = draw64(key, np.uint64(turn)) >> _U32
        turn += 1
        place = np.int64(luck) * pool >> 32
        peer = w.member_memory[seat, place] - 1 if view > 0 else np.int64(w.neighbours[start + place])
        fresh = peer >= 0
        for earlier in range(first, first + count):
            if w.actions[earlier, TARGET] == peer:
                fresh = False
        if fresh:
            w.actions[first + count, TARGET] = peer
            w.actions[first + count, DELAY_NS] = 0
            count += 1
    return count
