"""What a run of the EHR workload came to: service levels and harms, from the ground truth.

The numbers follow the project's list of domain metrics: M3 emergency read unavailable, M14 payload availability, M15 cost of
retrieval, M17 exposed metadata, M19 time to final, M20 geographic fairness. A read or anchor whose deadline lies beyond the end
of the run and that is not settled is left out of its service level: nobody knows.
"""

from __future__ import annotations

from typing import Any

from sim.health.levels import Ask, Level, class_table
from sim.health.outcomes.ledger import clinical_reorg, time_to_final
from sim.health.reading import EMERGENCY, OUTCOMES, ROUTINE, Read, Reading
from sim.health.registrar import registrar_of
from sim.health.tally import distribution, quantile, share
from sim.health.world import WorkloadWorld
from sim.health.writing import Writing

PAYLOAD_TARGET = 0.999


def usable_in_time(reads: list[Read], family: str, end_ns: int) -> float | None:
    """Share of the reads of a family that gave a genuine copy by their deadline."""
    judged = [read for read in reads if read.family == family and (read.outcome or read.deadline_ns <= end_ns)]
    good = [r for r in judged if r.outcome in ("served", "stale") and r.begun_ns + r.waited_ns <= r.deadline_ns]
    return share(len(good), len(judged))


def anchors_in_time(writing: Writing, deadline_ns: int, end_ns: int) -> float | None:
    """Share of submitted anchors that were final at their source by the deadline; dropped ones count against it."""
    judged = good = 0
    for record in writing.records:
        for version in record.versions:
            late_ns = version.submitted_ns + deadline_ns
            if version.final_ns >= 0 or late_ns <= end_ns:
                judged += 1
                good += 0 <= version.final_ns <= late_ns
    return share(good, judged)


def payload_available(reads: list[Read]) -> float | None:
    """Share of reads with a pointer that also got a genuine copy (M14, sampled by the reads)."""
    pointed = [read for read in reads if read.version is not None and read.outcome]
    return share(sum(read.outcome in ("served", "stale") for read in pointed), len(pointed))


def exposed(writing: Writing) -> dict[str, int]:
    """What an observer of the chain learns although contents are sealed (M17)."""
    triples, linked = 0, 0
    for record in writing.records:
        final = sum(version.final_ns >= 0 for version in record.versions)
        triples += final
        linked += final > 1
    return {"triples": triples, "linked_pseudonyms": linked}


def fairness(world: WorkloadWorld, writing: Writing) -> float | None:
    """p95 of time to final in the slowest region over that in the fastest (M20); None for one region."""
    by_region: dict[str, list[int]] = {}
    for record in writing.records:
        for version in record.versions:
            if version.final_ns >= 0:
                by_region.setdefault(world.regions[record.source], []).append(version.final_ns - version.submitted_ns)
    slowest = [quantile(sorted(waits), 95) for waits in by_region.values()]
    return max(slowest) / min(slowest) if len(slowest) > 1 and min(slowest) > 0 else None


def reads_table(reading: Reading, family: str) -> dict[str, int]:
    """How many reads of a family ended in which way; 'open' ones had not when the run did."""
    ends = [read.outcome for read in reading.reads if read.family == family]
    return {**{outcome: ends.count(outcome) for outcome in OUTCOMES}, "open": ends.count("")}


def asks_of(writing: Writing, reading: Reading, deadlines_ns: dict[str, int]) -> list[Ask]:
    """The service levels as the ten workloads have them: reads somebody waits for (C1), anchors (C3)."""
    asks = []
    for read in reading.reads:
        level = Level("C1", f"{read.family} read", deadlines_ns[read.family] / 1e9)
        good = read.outcome in ("served", "stale")
        asks.append(Ask(level, read.begun_ns, read.begun_ns + read.waited_ns if good else -1, bool(read.outcome) and not good))
    anchor = Level("C3", "anchor final", deadlines_ns["anchor"] / 1e9)
    return asks + [Ask(anchor, filing.submitted_ns, filing.first_final_ns) for filing in writing.filings]


def outcome_of(
    world: WorkloadWorld, writing: Writing, reading: Reading, deadlines_ns: dict[str, int], skipped: list[str]
) -> dict[str, Any]:
    """The workload's table in the report. `deadlines_ns` has emergency, routine and anchor; `skipped` names what had no actor."""
    versions = [version for record in writing.records for version in record.versions]
    final = [version for version in versions if version.final_ns >= 0]
    end_ns, reads = world.now_ns, reading.reads
    totals = {outcome: sum(read.outcome == outcome for read in reads) for outcome in OUTCOMES}
    levels = (
        ("emergency read", deadlines_ns[EMERGENCY] / 1e9, usable_in_time(reads, EMERGENCY, end_ns)),
        ("routine read", deadlines_ns[ROUTINE] / 1e9, usable_in_time(reads, ROUTINE, end_ns)),
        ("anchor final", deadlines_ns["anchor"] / 1e9, anchors_in_time(writing, deadlines_ns["anchor"], end_ns)),
        ("payload availability", PAYLOAD_TARGET, payload_available(reads)),
    )
    asks = asks_of(writing, reading, deadlines_ns)
    outcomes: dict[str, Any] = {
        **totals,
        "classes": class_table(asks, end_ns, 1.0),
        "clinical_reorg": clinical_reorg(writing.filings),
        "time_to_final": time_to_final(writing.filings, registrar_of(world).everywhere_ns),
        **reading.counts,
        **writing.counts,
        "reads": {family: reads_table(reading, family) for family in (EMERGENCY, ROUTINE)},
        "unavailable_because": dict(reading.causes),
        "read_s": distribution([read.waited_ns / 1e9 for read in reads if read.outcome in ("served", "stale")]),
        "fetched_per_useful_byte": share(reading.fetched_bytes, reading.useful_bytes),
        "metadata_exposure": exposed(writing),
        "geographic_fairness": fairness(world, writing),
        "note": f"no actor for {', '.join(skipped)}" if skipped else "",
    }
    return {
        "kind": "ehr",
        "submitted": len(versions),
        "final": len(final),
        "dropped": sum(filing.dropped for filing in writing.filings),
        "finality_s": distribution([(version.final_ns - version.submitted_ns) / 1e9 for version in final]),
        "slo": [{"name": name, "target": target, "attained_share": attained} for name, target, attained in levels],
        "outcomes": outcomes,
    }
