"""How soon after trouble decisions come again, and whether what is decided is what an honest judge would have let through."""

from __future__ import annotations

from typing import Any

from sim.node.genesis import GENESIS
from sim.study.checks_safety import told
from sim.study.checks_world import LEAST_PATIENCE_NS, all_done
from sim.study.evidence import Evidence
from sim.study.metrics_rows import SECOND_NS, read
from sim.study.verdict import Verdict, at, short, who

TIMERS, OUTAGES = 4, 2
"""A protocol may need so many times its longest timer, and so many times the outage, for timers that double have grown with it."""


def recovery_time(evidence: Evidence) -> Verdict:
    """After the last trouble every honest live seat decides something new within 10 s, four longest timers and twice the trouble."""
    name = "recovery-time"
    reading = read(evidence)
    troubles = reading.of("fault")
    if evidence.consensus_kind is None or not troubles:
        return Verdict(name, "unknown", "there was no trouble to recover from")
    mended = [row[0] for row in troubles if row[4] == "end"]
    if len(mended) < sum(row[4] == "begin" for row in troubles):
        return Verdict(name, "unknown", "some trouble lasts to the end of the run")
    start = max(evidence.heal_ns, *mended)
    bound = LEAST_PATIENCE_NS + TIMERS * evidence.longest_timer_ns + OUTAGES * (start - troubles[0][0])
    known = reading.decisions
    before = int(known.slot[known.time_ns <= start].max(initial=-1))
    slowest, last_ns = -1, start
    for seat in reading.live_seats.tolist():
        fresh = known.time_ns[(known.seat == seat) & (known.time_ns > start) & (known.slot > before)]
        if not fresh.size or fresh[0] > start + bound:
            told = f"{who(evidence, seat)} decided nothing new within {bound / SECOND_NS:g} s of the end of the trouble {at(start)}"
            if evidence.duration_ns < start + bound or all_done(evidence, reading):
                return Verdict(name, "unknown", f"{told}; the run ends before that, or all was decided")
            return Verdict(name, "fail", told)
        if fresh[0] > last_ns:
            slowest, last_ns = seat, int(fresh[0])
    if slowest < 0:
        return Verdict(name, "unknown", "no honest seat is up at the end")
    told = f"all decide anew {(last_ns - start) / SECOND_NS:.3f} s after the trouble, {who(evidence, slowest)} last"
    return Verdict(name, "pass", f"{told}; {bound / SECOND_NS:g} s are allowed")


def external_validity(evidence: Evidence) -> Verdict:
    """Every decided block is one that an honest node, asked anew, would accept: genuine, in its place, and made before it was decided."""
    name = "external-validity"
    reading = read(evidence)
    judged = 0
    for decision in reading.first_decisions:
        time_ns, _, _, digest = decision
        block: Any = evidence.blocks.get(digest)
        if block is None:
            continue
        judged += 1
        flaw = reading.flaws[digest] or _misplaced(evidence, block, time_ns)
        if flaw:
            return Verdict(name, "fail", f"{told(evidence, decision)}: {flaw}")
    if not judged:
        return Verdict(name, "unknown", "no decided block can be looked into")
    return Verdict(name, "pass", f"{judged} decided blocks, each genuine, in its place and made before it was decided")


def _misplaced(evidence: Evidence, block: Any, decided_ns: int) -> str:
    """What an honest judge would hold against a block that is sound in itself, or ''."""
    if not 0 <= block.proposer < evidence.seats:
        return f"its proposer {block.proposer} is nobody"
    if block.time_ns > decided_ns:
        return f"it says that it was made {at(block.time_ns)}"
    if getattr(block, "loose", False):
        return ""
    below: Any = evidence.blocks.get(block.parent)
    if block.parent != GENESIS and below is None:
        return f"it stands on {short(block.parent)}, which nobody has published"
    height = 1 if below is None else below.height + 1
    if block.height != height:
        return f"it says height {block.height} and stands at {height}"
    if below is not None and block.time_ns < below.time_ns:
        return "it says that it is older than the block below it"
    return ""
