"""Whether what was decided and stored could be had: the report's section `availability` for every scheme.

Terms of the field: durability is that an object can still be rebuilt from what lies anywhere, availability that it can be rebuilt
from seats that are up, storage overhead what all seats keep for each byte stored (the expansion factor), repair traffic the bytes
that repairs fetched, of data behind blocks the bytes of rebuilt shares sent on (cross-seeding). All of it is the world's truth
(`evidence.kept`, `evidence.shared`), none of it a node's opinion. With a `deadline` in the scheme, a share counts what came true
within it, otherwise by the end of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.availability.durability import Lives
from sim.kernel.trace import Row
from sim.node.behind import Shared
from sim.node.storage import Kept
from sim.study.distribution import distribution
from sim.study.evidence import Evidence
from sim.study.metrics_rows import NEVER, SECOND_NS, read
from sim.study.metrics_sampling import final_unavailable, sampling
from sim.study.metrics_sampling import time_to_rebuildable_s as data_behind_s
from sim.study.metrics_spread import availability as of_whole_blocks
from sim.study.metrics_spread import time_to_available_s

Floats = NDArray[np.float64]
REPAIR_KEYS = (
    "repaired", "failed", "bytes", "bytes_per_lost_byte", "time_s", "cpu_s", "coding_cpu_s", "audits", "audits_failed", "spoilt_found",
    "fetched_per_useful_byte", "rebuilds",
)  # fmt: skip


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


def reckoned(evidence: Evidence) -> dict[str, float | None] | None:
    """The same by the closed form that this scenario obeys (`sim.availability.durability`); None where it obeys none."""
    law, kept = evidence.reckoning, [one for one in evidence.kept if one.rebuildable_ns != NEVER]
    if law is None or not kept:
        return None
    end_s = evidence.duration_ns / SECOND_NS
    since_s = [one.rebuildable_ns / SECOND_NS for one in kept]
    if isinstance(law, Lives):
        lost = float(law.lost_by([end_s - one for one in since_s]).mean())
        return {"mean_life_s": law.mean_s(), "lost_share": lost, "unreadable_share": None}
    return {"mean_life_s": None, "lost_share": 0.0, "unreadable_share": law.unreadable(min(since_s), end_s)}


def unreadable_share(evidence: Evidence) -> float | None:
    """Share of the time since they could first be rebuilt for which objects could not, all objects together."""
    known = [one for one in evidence.kept if one.rebuildable_ns != NEVER]
    span_ns = sum(evidence.duration_ns - one.rebuildable_ns for one in known)
    return sum(one.unavailable_ns for one in known) / span_ns if span_ns else None


def objects(evidence: Evidence) -> dict[str, Any] | None:
    """Off-chain objects: how many were `stored`, the `rebuildable_share` that seats up at the end can rebuild, how many are `lost`,
    so that nobody ever can again, and their `lost_share`.

    `in_time_share` is the share that could be rebuilt within the deadline of being stored, `time_to_available_s` how long that took.
    `life_s` is the time from storing to loss of those lost, `unavailable_s` how long each could not be had although it had been,
    `unreadable_share` that time over all of the time; `reckoned` what a closed form says where one holds.
    """
    kept = evidence.kept
    if evidence.storage is None:
        return None
    lost = [one for one in kept if one.lost_ns >= 0]
    return {
        "stored": len(kept),
        "in_time_share": share_in_time(evidence, time_to_rebuildable_s(kept)),
        "time_to_available_s": distribution(time_to_rebuildable_s(kept)),
        "rebuildable_share": sum(one.reachable >= one.enough for one in kept) / len(kept) if kept else None,
        "lost": len(lost),
        "lost_share": len(lost) / len(kept) if kept else None,
        "life_s": distribution([(one.lost_ns - one.put_ns) / SECOND_NS for one in lost]),
        "unavailable_s": distribution([one.unavailable_ns / SECOND_NS for one in kept]),
        "unreadable_share": unreadable_share(evidence),
        "reckoned": reckoned(evidence),
    }


def repair(evidence: Evidence) -> dict[str, Any] | None:
    """What repairs did: fragments made anew, bytes fetched for them, these for each byte lost, seconds from loss to mended, CPU, audits.

    Where data lies behind blocks in shares there is no loss to mend and no audit: `repaired` counts shares that seats rebuilt because
    they had not come, each seat by itself, `bytes` the copies of these that they sent on, `cpu_s` the time of decoding, `rebuilds`
    how many lines (in one dimension, blocks) were decoded. `cpu_s` is that of repairs, `coding_cpu_s` of writers and readers too.
    """
    books, rebuilt = evidence.storage, evidence.rebuilt
    if books is None and rebuilt is not None:
        made = {"repaired": rebuilt.shares, "bytes": rebuilt.sent_bytes, "cpu_s": rebuilt.cpu_ns / SECOND_NS}
        return {**dict.fromkeys(REPAIR_KEYS), **made, "rebuilds": rebuilt.lines}
    if books is None:
        return None
    return {
        "repaired": books.repaired,
        "failed": books.repair_failed,
        "bytes": books.repair_bytes,
        "bytes_per_lost_byte": books.repair_bytes / books.lost_bytes if books.lost_bytes else None,
        "time_s": distribution([span_ns / SECOND_NS for span_ns in books.repair_ns]),
        "cpu_s": books.repair_cpu_ns / SECOND_NS,
        "coding_cpu_s": books.cpu_ns / SECOND_NS,
        "audits": books.audits,
        "audits_failed": books.audits_failed,
        "spoilt_found": books.spoilt_found,
        "fetched_per_useful_byte": books.fetched_bytes / books.useful_bytes if books.useful_bytes else None,
        "rebuilds": None,
    }


def reads_by(rows: Sequence[Row], labels: Sequence[str]) -> tuple[dict[str, float], dict[str, Any]]:
    """By label, in alphabetical order: share of reads that were served, stale or not, and how many seconds those took.

    In the report `by_region` and `latency_s_by_region`, where the region is the reader's, `by_class` and `latency_s_by_class`.
    """
    waited: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    for row, label in zip(rows, labels, strict=True):
        counts[label] = counts.get(label, 0) + 1
        spans = waited.setdefault(label, [])
        if row[5] in ("served", "stale"):
            spans.append(row[6] / SECOND_NS)
    names = sorted(counts)
    return {name: len(waited[name]) / counts[name] for name in names}, {name: distribution(waited[name]) for name in names}


def availability(evidence: Evidence) -> dict[str, Any]:
    """The report's section `availability`.

    `available_share` is the share of decided blocks that every honest live seat held in time. Where data lies behind blocks it is
    that of the decided ones (of all, where nothing is decided) whose data honest seats other than the publisher could rebuild
    together; where nothing was decided or published, that of the stored objects that could be rebuilt. `reads` are those of
    `report.gossip`'s file, by region and class too.
    """
    section = of_whole_blocks(evidence)
    decided = time_to_available_s(evidence)
    if evidence.shared:
        decided = data_behind_s(judged(evidence))
    times = decided if decided.size else time_to_rebuildable_s(evidence.kept)
    rows = read(evidence).honest_rows("read")
    by_region, waited_by_region = reads_by(rows, [evidence.regions[row[2]] for row in rows])
    by_class, waited_by_class = reads_by(rows, [row[4] for row in rows])
    return section | {
        "kind": evidence.availability_kind,
        "available_share": share_in_time(evidence, times),
        "time_to_available_s": distribution(times),
        "sampling": sampling(evidence),
        "final_unavailable": final_unavailable(evidence),
        "repair": repair(evidence),
        "reads": section["reads"]
        | {
            "by_region": by_region,
            "by_class": by_class,
            "latency_s_by_region": waited_by_region,
            "latency_s_by_class": waited_by_class,
        },
        "storage_overhead": storage_overhead(evidence),
        "objects": objects(evidence),
    }
