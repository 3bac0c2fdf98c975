"""Whether what was decided and stored could be had: the report's section `availability` for every scheme.

Terms of the field: durability is that an object can still be rebuilt from what lies anywhere, availability that it can be rebuilt
from seats that are up, storage overhead what all seats keep for each byte stored (the expansion factor), repair traffic the bytes
that repairs fetched. All of it is the world's truth (`evidence.kept`), none of it a node's opinion. With a `deadline` in the
scheme, a share counts what came true within it, otherwise by the end of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.trace import Row
from sim.node.behind import Shared
from sim.node.storage import Kept
from sim.study.distribution import distribution
from sim.study.evidence import Evidence
from sim.study.metrics_rows import SECOND_NS, read
from sim.study.metrics_sampling import final_unavailable, sampling
from sim.study.metrics_sampling import time_to_rebuildable_s as data_behind_s
from sim.study.metrics_spread import availability as of_whole_blocks
from sim.study.metrics_spread import time_to_available_s

Floats = NDArray[np.float64]


def share_in_time(evidence: Evidence, times_s: Floats) -> float | None:
    """Share of times that are within the deadline, or finite where there is none; None where there are no times."""
    if not times_s.size:
        return None
    limit_s = evidence.deadline_ns / SECOND_NS if evidence.deadline_ns else np.finfo(np.float64).max
    return float((times_s <= limit_s).sum() / times_s.size)


def time_to_rebuildable_s(kept: Sequence[Kept]) -> Floats:
    """Seconds from storing each object until seats that were up first held enough fragments; infinity for never."""
    return np.array([np.inf if k.rebuildable_ns < 0 else (k.rebuildable_ns - k.put_ns) / SECOND_NS for k in kept], np.float64)


def storage_overhead(evidence: Evidence) -> float | None:
    """Bytes that all seats keep at the end for each byte of the objects stored, and of the data behind blocks."""
    kept, shared = evidence.kept, evidence.shared
    stored = sum(one.size_bytes for one in kept) + sum(one.size_bytes for one in shared)
    held = sum(one.stored_bytes for one in kept) + sum(one.held_bytes for one in shared)
    return held / stored if stored else None


def judged(evidence: Evidence) -> list[Shared]:
    """The data of the blocks that were decided; of all blocks where nothing was."""
    decided = dict.fromkeys(read(evidence).decisions.digests)
    return [one for one in evidence.shared if one.digest in decided] if decided else list(evidence.shared)


def objects(evidence: Evidence) -> dict[str, Any] | None:
    """Off-chain objects: how many, share that seats up at the end can rebuild, how many nobody ever can again.

    `life_s` is the time from storing to loss of those lost, `unavailable_s` how long each could not be had although it had been.
    """
    kept = evidence.kept
    if evidence.storage is None:
        return None
    lost = [one for one in kept if one.lost_ns >= 0]
    return {
        "stored": len(kept),
        "rebuildable_share": sum(one.reachable >= one.enough for one in kept) / len(kept) if kept else None,
        "lost": len(lost),
        "life_s": distribution([(one.lost_ns - one.put_ns) / SECOND_NS for one in lost]),
        "unavailable_s": distribution([one.unavailable_ns / SECOND_NS for one in kept]),
    }


def repair(evidence: Evidence) -> dict[str, Any] | None:
    """What repairs did: fragments, bytes fetched for them, these for each byte lost, seconds from loss to mended, CPU, audits."""
    books = evidence.storage
    if books is None:
        return None
    return {
        "repaired": books.repaired,
        "failed": books.repair_failed,
        "bytes": books.repair_bytes,
        "bytes_per_lost_byte": books.repair_bytes / books.lost_bytes if books.lost_bytes else None,
        "time_s": distribution([span_ns / SECOND_NS for span_ns in books.repair_ns]),
        "coding_cpu_s": books.cpu_ns / SECOND_NS,
        "audits": books.audits,
        "audits_failed": books.audits_failed,
        "spoilt_found": books.spoilt_found,
        "fetched_per_useful_byte": books.fetched_bytes / books.useful_bytes if books.useful_bytes else None,
    }


def served_shares(rows: Sequence[Row], labels: Sequence[str]) -> dict[str, float]:
    """Share of reads that were served, stale or not, by label, labels in alphabetical order."""
    counts: dict[str, list[int]] = {}
    for row, label in zip(rows, labels, strict=True):
        pair = counts.setdefault(label, [0, 0])
        pair[0] += row[5] in ("served", "stale")
        pair[1] += 1
    return {label: counts[label][0] / counts[label][1] for label in sorted(counts)}


def availability(evidence: Evidence) -> dict[str, Any]:
    """The report's section `availability`.

    `available_share` is the share of decided blocks that every honest live seat held in time. Where data lies behind blocks it is
    that of the decided ones (of all, where nothing is decided) whose data honest seats other than the publisher could rebuild
    together; where nothing was decided or published, that of the stored objects that could be rebuilt.
    """
    section = of_whole_blocks(evidence)
    decided = time_to_available_s(evidence)
    if evidence.shared:
        decided = data_behind_s(judged(evidence))
    times = decided if decided.size else time_to_rebuildable_s(evidence.kept)
    rows = read(evidence).honest_rows("read")
    return section | {
        "kind": evidence.availability_kind,
        "available_share": share_in_time(evidence, times),
        "time_to_available_s": distribution(times),
        "sampling": sampling(evidence),
        "final_unavailable": final_unavailable(evidence),
        "repair": repair(evidence),
        "reads": section["reads"]
        | {
            "by_region": served_shares(rows, [evidence.regions[row[2]] for row in rows]),
            "by_class": served_shares(rows, [row[4] for row in rows]),
        },
        "storage_overhead": storage_overhead(evidence),
        "objects": objects(evidence),
    }
