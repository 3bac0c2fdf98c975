"""How near the network came to its limits: links, CPUs, room in blocks, room to wait, and which of them is saturated.

A link's or a CPU's share is the work it was given over what it could have done in the whole run; more than 1 says by what factor it
was asked for too much. What of that stood in line when the run ended is `backlog_s`, in seconds of the resource's own work at the seat
where it is most (`backlog_seat`), since `backlog_since_s`; `backlog_seats` have so much in line that it was seen at a look a hundredth of the
run before. A resource that a scenario does not model is None, not idle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.study.evidence import Evidence
from sim.study.load_watch import Line
from sim.study.metrics_rows import SECOND_NS, read

SATURATED = 0.9


def _each(evidence: Evidence, shares: NDArray[np.float64], modelled: NDArray[np.bool_]) -> dict[str, Any] | None:
    """Mean and most over the seats where it is modelled, and how many of them are saturated."""
    if not len(modelled) or not modelled.any():
        return None
    busiest = int(np.argmax(np.where(modelled, shares, -1.0)))
    mine = shares[modelled]
    return {
        "mean": float(mine.mean()),
        "busiest": float(shares[busiest]),
        "seat": evidence.names[busiest],
        "saturated_seats": int((mine >= SATURATED).sum()),
    }


def _link(evidence: Evidence, moved_bytes: NDArray[np.int64], bit_s: NDArray[np.int64]) -> dict[str, Any] | None:
    if len(moved_bytes) != len(bit_s):
        return None
    could_bits = bit_s * (evidence.duration_ns / SECOND_NS)
    return _each(evidence, moved_bytes * 8.0 / np.where(could_bits > 0, could_bits, 1), could_bits > 0)


def _in_line(evidence: Evidence, table: dict[str, Any] | None, line: Line | None) -> dict[str, Any] | None:
    """The table, and what stood in line at the end."""
    if table is None or line is None or not len(line.work_ns):
        return table
    most, end_ns = int(np.argmax(line.work_ns)), evidence.load_watch.looked_ns
    stands = line.work_ns[most] > 0
    lasting = (line.work_ns > 0) & (end_ns - line.since_ns > evidence.load_watch.step_ns)
    return table | {
        "backlog_s": float(line.work_ns[most]) / SECOND_NS,
        "backlog_seat": evidence.names[most] if stands else None,
        "backlog_since_s": int(line.since_ns[most]) / SECOND_NS if stands else None,
        "backlog_seats": int(lasting.sum()),
    }


def cpu(evidence: Evidence) -> dict[str, Any] | None:
    """Share of the time for which all cores of a seat worked, or would have to work."""
    busy_ns = evidence.cpu_busy_ns
    return _each(evidence, busy_ns / (max(1, evidence.cores) * evidence.duration_ns), np.full(len(busy_ns), evidence.cores > 0))


def block_space(evidence: Evidence) -> dict[str, Any] | None:
    """Bytes of transactions over `max_block`, mean over the decided blocks, and over the later half of them."""
    chain = [evidence.blocks[digest] for _, digest in read(evidence).chain if digest in evidence.blocks]
    if evidence.waiting is None or not chain:
        return None
    weights = [sum(getattr(one, "size_bytes", 0) for one in block.transactions) for block in chain]
    fill = np.array(weights, np.float64) / evidence.waiting.max_block_bytes
    return {"mean": float(fill.mean()), "later_half": float(fill[len(fill) // 2 :].mean())}


def load(evidence: Evidence) -> dict[str, Any]:
    """The report's section `load`."""
    waiting = evidence.waiting
    table: dict[str, Any] = {
        "uplink": _in_line(evidence, _link(evidence, evidence.sent_bytes, evidence.up_bit_s), evidence.load_watch.uplink),
        "downlink": _link(evidence, evidence.received_bytes, evidence.down_bit_s),
        "cpu": _in_line(evidence, cpu(evidence), evidence.load_watch.cpu),
        "block_space": block_space(evidence),
        "mempool": None if waiting is None else waiting.table(),
    }
    full = [name for name in ("uplink", "downlink", "cpu") if table[name] and table[name]["busiest"] >= SATURATED]
    full += ["block_space"] if table["block_space"] and table["block_space"]["later_half"] >= SATURATED else []
    full += ["mempool"] if waiting is not None and waiting.most >= SATURATED * waiting.capacity else []
    return {**table, "saturated": full}
