"""How fast, how often and at what cost the honest seats decided. One function for one definition.

Times run from the world's rows: a block's proposal is its first `publish` row with family 'block', a decision is a
`decide` row of an honest seat. Definitions follow the field: network-view latencies as in the Hyperledger performance
and scale group's paper, throughput as in Narwhal's benchmark logs (from the first proposal to the last decision).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.trace import PROTOCOL
from sim.study.distribution import distribution
from sim.study.evidence import Evidence
from sim.study.metrics_rows import NEVER, SECOND_NS, Reading, read, transaction_name
from sim.study.sequence import distinct

UNMEASURED = (
    "decided", "consensus_time_s", "first_decide_s", "last_decide_s", "finality_s", "block_interval_s", "view_changes",
    "stale_rate", "reverted", "reorganisation_depth", "double_spends", "messages", "messages_per_decision", "bytes_per_decision",
    "all_bytes_per_decision", "throughput_tx_s", "goodput_bytes_s",
)  # fmt: skip


def _since_proposal_s(reading: Reading) -> NDArray[np.float64]:
    """float64[decided digests, seats]: seconds from proposal to decision; nan where one of the two is missing."""
    decided, published = reading.decided_ns, reading.published_ns[:, None]
    seconds: NDArray[np.float64] = (decided - published) / SECOND_NS
    seconds[(decided == NEVER) | np.broadcast_to(published == NEVER, decided.shape)] = np.nan
    return seconds


def consensus_time_s(evidence: Evidence) -> NDArray[np.float64]:
    """Seconds from a block's proposal to a node's decision, one value per (block, honest node) that came to it."""
    seconds = _since_proposal_s(read(evidence))
    values: NDArray[np.float64] = seconds[~np.isnan(seconds)]
    return values


def first_decide_s(evidence: Evidence) -> NDArray[np.float64]:
    """Seconds from a block's proposal to its first decision by an honest node, one value per decided block."""
    seconds = _since_proposal_s(read(evidence))
    least = np.where(np.isnan(seconds), np.inf, seconds).min(axis=1, initial=np.inf)
    firsts: NDArray[np.float64] = least[np.isfinite(least)]
    return firsts


def last_decide_s(evidence: Evidence) -> NDArray[np.float64]:
    """Seconds from a block's proposal to its last decision by an honest live node (one that is up at the end).

    Blocks which some honest live node had not decided by the end have no such time and are left out; the table's `n`
    against that of `first_decide_s` tells how many.
    """
    reading = read(evidence)
    seconds = _since_proposal_s(reading)[:, reading.live]
    if not seconds.shape[1]:
        return np.zeros(0)
    whole = seconds[~np.isnan(seconds).any(axis=1)]
    latest: NDArray[np.float64] = whole.max(axis=1, initial=-np.inf)
    return latest


def finality_s(evidence: Evidence) -> NDArray[np.float64]:
    """Seconds from a transaction's first submission to its submitter's decision of a block that holds it.

    One value per transaction of an honest submitter that came to it; the earliest such block counts.
    """
    reading = read(evidence)
    decided = reading.decided_ns
    final: dict[str, int] = {}
    for code, digest in enumerate(reading.decisions.digests):
        block = evidence.blocks.get(digest)
        for transaction in () if block is None else block.transactions:
            name = transaction_name(transaction)
            row = reading.submitted.get(name)
            when = NEVER if row is None or not reading.honest[row[2]] else int(decided[code, row[2]])
            if when != NEVER:
                final[name] = min(when, final.get(name, when))
    waits = [when - reading.submitted[name][0] for name, when in final.items()]
    return np.array(waits, dtype=np.int64) / SECOND_NS


def block_interval_s(evidence: Evidence) -> NDArray[np.float64]:
    """Seconds between the first honest decisions of successive decided slots (negative if they came out of order)."""
    reading = read(evidence)
    return np.diff(reading.decisions.time_ns[reading.firsts[1]]) / SECOND_NS


def _views_by_seat(evidence: Evidence) -> dict[int, dict[tuple[Any, Any], None]] | None:
    """Honest `view-change` notes as distinct (slot, view) by seat; None where the trace keeps no notes."""
    if evidence.trace.level < PROTOCOL:
        return None
    views: dict[int, dict[tuple[Any, Any], None]] = {}
    for row in read(evidence).honest_rows("note"):
        if row[3] == "view-change":
            facts = dict(row[4])
            views.setdefault(row[2], {})[facts.get("slot"), facts.get("view")] = None
    return views


def view_changes(evidence: Evidence) -> int | None:
    """How many distinct (slot, view) honest nodes noted to have changed to, all of them together.

    A change in which a hundred nodes took part counts once. None where the trace is kept at level 'decisions'.
    """
    views = _views_by_seat(evidence)
    return None if views is None else len({pair for seen in views.values() for pair in seen})


def stale_rate(evidence: Evidence) -> float | None:
    """Share of the proposed blocks that no honest node holds for decided, among those whose fate is settled.

    Settled is a block that an honest seat published and whose height is not above the highest decided block's; what liars make up beside
    does not count, nor what they publish without its data: `availability.final_unavailable.passed_over` does. None where nothing was decided.
    """
    reading = read(evidence)
    known = reading.decisions
    decided = dict.fromkeys(known.digests[code] for code in np.unique(known.code).tolist())
    heights = [evidence.blocks[digest].height for digest in decided if digest in evidence.blocks]
    if not heights:
        return None
    top = max(heights)
    settled = [
        name
        for name, row in reading.published.items()
        if name in evidence.blocks and evidence.blocks[name].height <= top and evidence.honest[row[2]]
    ]
    return sum(name not in decided for name in settled) / len(settled) if settled else None


def reverted(evidence: Evidence) -> int:
    """How many decisions of honest nodes were taken back: revoked, or the same node later decided the same slot otherwise."""
    known = read(evidence).decisions
    _, first, _ = distinct(known.seat * (int(known.slot.max(initial=0)) + 1) + known.slot)
    if first.size == known.slot.size:
        return len(read(evidence).revocations)
    order = np.lexsort((known.slot, known.seat))  # stable: in the order of the trace within (seat, slot)
    seat, slot, code = known.seat[order], known.slot[order], known.code[order]
    again = (seat[1:] == seat[:-1]) & (slot[1:] == slot[:-1])
    return len(read(evidence).revocations) + int((again & (code[1:] != code[:-1])).sum())


def reorganisation_depth(evidence: Evidence) -> NDArray[np.int64] | None:
    """Blocks that an honest node left for another branch, one value per change of branch; None where no notes are kept."""
    if evidence.trace.level < PROTOCOL:
        return None
    notes = (dict(row[4]) for row in read(evidence).honest_rows("note") if row[3] == "reorganised")
    return np.array([facts["left"] for facts in notes], dtype=np.int64)


def double_spends(evidence: Evidence) -> dict[str, Any] | None:
    """How many attempts to pay twice were over by the end, and the share that came off; None where nobody tried, or no notes are kept.

    An attempt comes off when the merchant has served after the confirmations he wants and the public chain is then overtaken.
    """
    outcomes = [dict(row[4])["outcome"] for row in read(evidence).of("note") if row[3] == "double-spend"]
    return {"tried": len(outcomes), "won_share": outcomes.count("won") / len(outcomes)} if outcomes else None


def span_s(evidence: Evidence) -> float | None:
    """Seconds from the first proposal to the last first decision: the time that throughput is reckoned over."""
    reading = read(evidence)
    if not reading.published or not reading.chain:
        return None
    start = next(iter(reading.published.values()))[0]
    span = int(reading.decisions.time_ns[reading.firsts[1]].max()) - start
    return span / SECOND_NS if span > 0 else None


def decided_load(evidence: Evidence) -> tuple[int, int] | None:
    """Distinct transactions in, and bytes of, the decided blocks, each block once; None where none was published."""
    decided = dict.fromkeys(digest for _, digest in read(evidence).chain)
    blocks = [evidence.blocks[digest] for digest in decided if digest in evidence.blocks]
    if not blocks:
        return None
    names = {transaction_name(transaction) for block in blocks for transaction in block.transactions}
    return len(names), sum(int(block.size_bytes) for block in blocks)


def per(amount: int | None, count: float | None) -> float | None:
    """amount / count; None where either was not measured or nothing is there to share among."""
    return amount / count if amount is not None and count else None


def said(evidence: Evidence) -> tuple[int | None, int | None]:
    """Copies and bytes of the consensus's own messages, sent directly or by gossip; None where nothing was counted."""
    if not evidence.by_kind and not evidence.counters:
        return None, None
    messages, size_bytes = (sum(pair[place] for pair in evidence.by_kind.values()) for place in (0, 1))
    travels = evidence.travels
    for place, kind in enumerate(() if travels is None else travels.kinds):
        if travels is not None and kind in evidence.by_kind:
            mine = travels.kind == place
            messages, size_bytes = messages + int(travels.packets[mine].sum()), size_bytes + int(travels.sent_bytes[mine].sum())
    return messages, size_bytes


def consensus(evidence: Evidence) -> dict[str, Any]:
    """The report's section `consensus`; all None where the scenario has no consensus.

    `messages` and `bytes_per_decision` count the consensus's own messages (unicast copies, self excluded; by gossip, every packet
    sent about one), not the bodies of blocks, which are gossip's; `all_bytes_per_decision` is whatever all seats sent, bodies, shares
    and reads too. `decided` counts slots that at least one honest node decided.
    """
    if evidence.consensus_kind is None:
        return {"kind": None, **dict.fromkeys(UNMEASURED)}
    decided = len(read(evidence).chain)
    messages, size_bytes = said(evidence)
    span, load = span_s(evidence), decided_load(evidence)
    depths = reorganisation_depth(evidence)
    return {
        "kind": evidence.consensus_kind,
        "decided": decided,
        "consensus_time_s": distribution(consensus_time_s(evidence)),
        "first_decide_s": distribution(first_decide_s(evidence)),
        "last_decide_s": distribution(last_decide_s(evidence)),
        "finality_s": distribution(finality_s(evidence)),
        "block_interval_s": distribution(block_interval_s(evidence)),
        "view_changes": view_changes(evidence),
        "stale_rate": stale_rate(evidence),
        "reverted": reverted(evidence),
        "reorganisation_depth": None if depths is None else distribution(depths),
        "double_spends": double_spends(evidence),
        "messages": messages,
        "messages_per_decision": per(messages, decided),
        "bytes_per_decision": per(size_bytes, decided),
        "all_bytes_per_decision": per(int(evidence.sent_bytes.sum()), decided),
        "throughput_tx_s": per(load[0], span) if load else None,
        "goodput_bytes_s": per(load[1], span) if load else None,
    }
