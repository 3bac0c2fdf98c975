"""Liveness, availability and the world's own books: what must come true once the network is healed, and what must add up.

Liveness needs time. A run is long enough to condemn a seat if it goes on for `patience_ns` after healing: 10 s, or four
times the longest wait between two decided slots if that is more. A shorter run can pass, but what it lacks is 'unknown'.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.study.evidence import Evidence
from sim.study.metrics_rows import NEVER, SECOND_NS, Reading, read, transaction_name
from sim.study.sequence import NOWHERE, all_hold, highest_since
from sim.study.verdict import Verdict, at, short, who

LEAST_PATIENCE_NS = 10 * SECOND_NS
INTERVALS_OF_PATIENCE = 4
MARGIN_SHARE = 4
"""The last quarter of the judged time, but at most the patience, is the margin in which late seats may catch up."""


def patience_ns(evidence: Evidence) -> int:
    """How long after healing a run must go on before a seat's silence is a failure."""
    # Waits that began before the network was healed say how bad the trouble was, not how fast the protocol is.
    return max(LEAST_PATIENCE_NS, INTERVALS_OF_PATIENCE * read(evidence).longest_wait_ns)


def settled_ns(evidence: Evidence) -> int:
    """What was decided up to here, every honest live seat must have by the end of the run."""
    window = max(0, evidence.duration_ns - evidence.heal_ns)
    return evidence.duration_ns - min(patience_ns(evidence), window // MARGIN_SHARE)


def _lacking(evidence: Evidence, name: str, sentence: str) -> Verdict:
    """A lack in liveness: fail where the run was long enough, unknown where it was not."""
    window, patience = evidence.duration_ns - evidence.heal_ns, patience_ns(evidence)
    if window >= patience:
        return Verdict(name, "fail", sentence)
    short_of = f"the run ends {window / SECOND_NS:g} s after healing, {patience / SECOND_NS:g} s are needed to judge"
    return Verdict(name, "unknown", f"{sentence}; {short_of}")


def all_done(evidence: Evidence, reading: Reading) -> bool:
    """Whether transactions were submitted, and all of honest seats' are decided: then nothing calls for a decision."""
    decided = {
        transaction_name(transaction)
        for _, digest in reading.chain
        if digest in evidence.blocks
        for transaction in evidence.blocks[digest].transactions
    }
    return bool(reading.submitted) and all(name in decided for name, row in reading.submitted.items() if reading.honest[row[2]])


def termination(evidence: Evidence) -> Verdict:
    """After healing every honest live seat decides again, and all reach the highest slot that was decided in time."""
    name = "termination"
    reading = read(evidence)
    known, live = reading.decisions, reading.live_seats
    if evidence.consensus_kind is None or not live.size:
        return Verdict(name, "unknown", "there is no consensus, or no honest seat is up at the end")
    reached, least, most = highest_since(known.time_ns, known.seat, known.slot, evidence.heal_ns, live)
    healed = f"after the network was healed {at(evidence.heal_ns)}"
    if most == NOWHERE and all_done(evidence, reading):
        return Verdict(name, "unknown", f"all transactions were decided, so nothing was left to decide {healed}")
    if least == NOWHERE:
        silent = live[reached == NOWHERE]
        last = known.time_ns[known.seat == silent[0]]
        ago = f"its last decision was {at(int(last[-1]))}" if last.size else "it never decided"
        others = f"; {silent.size} of {live.size} seats are silent" if silent.size > 1 else ""
        return _lacking(evidence, name, f"{who(evidence, int(silent[0]))} decided nothing {healed}, {ago}{others}")
    settled = settled_ns(evidence)
    timely = ((slot, time_ns, seat) for time_ns, seat, slot, _ in reversed(reading.first_decisions) if time_ns <= settled)
    top, top_ns, first = next(timely, (NOWHERE, 0, 0))
    if least < top:
        place = int(np.flatnonzero(reached < top)[0])
        return _lacking(
            evidence,
            name,
            f"{who(evidence, int(live[place]))} had come to slot {reached[place]} by the end, {at(evidence.duration_ns)}, but slot "
            f"{top} was decided {at(top_ns)} by {who(evidence, first)}",
        )
    return Verdict(name, "pass", f"{live.size} honest live seats decided {healed} and came to slot {max(top, most)}")


def availability(evidence: Evidence) -> Verdict:
    """Every block decided in time is held whole by every honest live seat at the end of the run."""
    name = "availability"
    reading = read(evidence)
    live, settled = reading.live_seats, settled_ns(evidence)
    judged = 0
    for time_ns, _, slot, digest in reading.first_decisions:
        spread = reading.block_spreads.get(digest) if time_ns <= settled else None
        if spread is None:
            continue
        judged += 1
        if all_hold(spread.arrival_ns, live):
            continue
        missing = live[(spread.arrival_ns[live] == NEVER) & (live != spread.publisher)]
        if missing.size:
            return _lacking(
                evidence,
                name,
                f"{who(evidence, int(missing[0]))} does not hold {short(digest)} at the end, {at(evidence.duration_ns)}, "
                f"which was decided for slot {slot} {at(time_ns)}; {missing.size} of {live.size} seats lack it",
            )
    if not judged or not live.size:
        return Verdict(name, "unknown", "no decided block was followed on its way")
    return Verdict(name, "pass", f"{judged} decided blocks held by all {live.size} honest live seats")


def message_conservation(evidence: Evidence) -> Verdict:
    """Copies sent are delivered, lost, cut off, at a seat that was down, or still under way: none vanishes or is born."""
    name = "message-conservation"
    counters = evidence.counters
    if not counters.get("sent"):
        return Verdict(name, "unknown", "no copies were counted")
    parts = {key: int(counters.get(key, 0)) for key in ("delivered", "lost", "cut", "down", "in_flight")}
    doubled = int(counters.get("duplicated", 0))
    sent, total = int(counters["sent"]), sum(parts.values()) - doubled
    if doubled:
        parts["made by the network"] = doubled
    books = ", ".join(f"{count} {key.replace('_', ' ')}" for key, count in parts.items())
    copies = f"{sent} copies sent by the end, {at(evidence.duration_ns)}"
    if sent == total:
        return Verdict(name, "pass", f"{copies}: {books}")
    return Verdict(name, "fail", f"{copies}, but {total} accounted for: {books}")


def bandwidth(evidence: Evidence) -> Verdict:
    """No seat moved more in any window than its rate allows, plus one piece that was begun before the window."""
    name = "bandwidth"
    sides: tuple[tuple[str, NDArray[np.int64], NDArray[np.int64]], ...] = (
        ("uplink", evidence.up_bit_s, evidence.up_window_most),
        ("downlink", evidence.down_bit_s, evidence.down_window_most),
    )
    judged = 0
    for side, rates, most in sides:
        for seat in rates[: len(most)].nonzero()[0].tolist():
            judged += 1
            # Plain integers: rate times window does not fit 64 bits.
            allowed = int(rates[seat]) * evidence.window_ns // (8 * SECOND_NS) + evidence.largest_bytes
            if int(most[seat]) > allowed:
                end_s = evidence.duration_ns / SECOND_NS
                window = f"in one window of {evidence.window_ns / SECOND_NS:g} s ending by {end_s:.6f} s"
                return Verdict(
                    name,
                    "fail",
                    f"the {side} of {who(evidence, seat)} moved {most[seat]} bytes {window}, at most {allowed} are possible",
                )
    if not judged:
        return Verdict(name, "unknown", "bandwidth is not modelled")
    return Verdict(name, "pass", f"{judged} uplinks and downlinks kept within their rates")


def undetected_tampering(evidence: Evidence) -> Verdict:
    """Everything tampered with is rejected by an honest seat afterwards, as the same thing with the same digest.

    Who writes `tamper` rows vouches that the altered thing was put before an honest seat.
    """
    name = "undetected-tampering"
    reading = read(evidence)
    tampered = reading.of("tamper")
    if not tampered:
        return Verdict(name, "unknown", "nothing was tampered with")
    rejected: dict[tuple[str, str], int] = {}
    for row in reading.honest_rows("reject"):
        rejected[row[3], row[4]] = row[0]
    for row in tampered:
        if rejected.get((row[3], row[4]), NEVER) < row[0]:
            return Verdict(
                name,
                "fail",
                f"{at(row[0])} {who(evidence, row[2])} tampered with {row[3]} {short(row[4])}, and no honest seat rejected it",
            )
    return Verdict(name, "pass", f"{len(tampered)} acts of tampering, each rejected by an honest seat")
