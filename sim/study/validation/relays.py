"""Group B, relays that announce first, what they cost, and the tree and membership protocols beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from sim.study.validation.case import Case, Measured, Within, common
from sim.study.validation.worlds import MS, Table, constant, delays_ns, evidence, first_seat, spreading

_CHAIN = "CF: h (3 L + S/B) with announcements, h (L + S/B) without"
_SMALL_BYTES = 48  # an announcement or a request; its body, too, takes its time on the uplink
_SMALL_MS = _SMALL_BYTES * 8 / 100e6 * 1e3


_COMPACT_BYTES = 88 + 6 * (1_000_000 // 400 - 1) + 400  # BIP 152: header, short ids, the first transaction


def _chain(gossip: Table) -> Callable[[int], Measured]:
    """When the last of five hops of 50 ms and 100 Mbit/s has 1 MB."""
    rumour = {"size": "1 MB", "origin": first_seat(6)}
    line = {"kind": "line", "seats": 6}
    tables = spreading(line, constant("50 ms"), rumour, gossip=gossip, up="100 Mbit/s")
    return lambda runs: common(delays_ns(evidence(tables)).max(axis=1) / MS)


_BLOCKS, _INTERVAL_S, _NODES = 20, 600, 1000


def _traffic_kbit_s(runs: int) -> Measured:
    """Mean traffic of a seat, in and out, in kbit/s: blocks of 1 MB every ten minutes by announcement."""
    rumour = {"size": "1 MB", "count": _BLOCKS, "every": f"{_INTERVAL_S} s"}
    overlay = {"kind": "random-regular", "seats": _NODES, "degree": 8}
    duration_s = _BLOCKS * _INTERVAL_S
    tables = spreading(overlay, constant("50 ms"), rumour, gossip={"kind": "announce"}, duration=f"{duration_s} s")
    found = evidence(tables)
    if (delays_ns(found) < 0).any():
        return Measured(math.nan)
    moved = float(found.sent_bytes.sum() + found.received_bytes.sum())
    return Measured(moved * 8 / _NODES / duration_s / 1e3)


def _vain_at_best(runs: int) -> Measured:
    """Copies in vain a seat where every seat knows at once which neighbours have the body, and copies take random times."""
    overlay = {"kind": "random-regular", "seats": _NODES, "degree": 8}
    tables = spreading(overlay, {"kind": "exponential", "mean": "10 ms"}, {"size": "1 kB"}, gossip={"kind": "flood-once"})
    counters = evidence(tables).counters
    if counters["sent"] != counters["body_copies"]:  # some were still under way
        return Measured(math.nan)
    return Measured((counters["body_copies"] - counters["first_copies"]) / _NODES)


def _planted(items: int) -> Mapping[str, tuple[int, int]]:
    """Packets sent while so many rumours of one seat spread, one after the other, over the links of 1000 seats."""
    rumour = {"size": "2 kB", "count": items, "every": "1 s", "origin": first_seat(_NODES)}
    overlay = {"kind": "random-regular", "seats": _NODES, "degree": 8}
    gossip = {"kind": "plumtree", "membership": "links"}
    return evidence(spreading(overlay, constant("30 ms"), rumour, gossip=gossip)).by_packet


def _tree(packet: str) -> Callable[[int], Measured]:
    """Packets of a kind for each of two items after the fourth: the tree is stable by then."""
    return lambda runs: Measured((_planted(6)[packet][0] - _planted(4)[packet][0]) / 2)


def _first_flood(runs: int) -> Measured:
    """Bodies sent for the first item, for each that was needed, less one."""
    return Measured(_planted(1)["body"][0] / (_NODES - 1) - 1)


CASES = (
    Case(
        id="V22",
        what="mesh of degree 8, perfect suppression: duplicates a node",
        source="CF: D/2 - 1 + 1/n",
        expected=8 / 2 - 1 + 1 / 1000,
        measure=_vain_at_best,
    ),
    Case(
        id="V31",
        what="Plumtree, 1000 seats, degree 8: payload messages in steady state",
        source="CF: n - 1",
        expected=999,
        measure=_tree("body"),
    ),
    Case(
        id="V31",
        what="Plumtree: announcements in steady state",
        source="CF: 2 (E - (n - 1))",
        expected=6002,
        measure=_tree("control"),
    ),
    Case(
        id="V31",
        what="Plumtree: relative redundancy during the first flood",
        source="CF: (n (r - 1) + 1) / (n - 1) - 1",
        expected=7001 / 999 - 1,
        measure=_first_flood,
    ),
    Case(
        id="V33",
        what=f"five hops, INV/GETDATA/BLOCK (their {_SMALL_BYTES} B counted)",
        unit="ms",
        source=_CHAIN,
        expected=5 * (3 * 50 + 80) + 2 * 5 * _SMALL_MS,
        measure=_chain({"kind": "announce"}),
    ),
    Case(
        id="V33",
        what="five hops, unsolicited push",
        unit="ms",
        source=_CHAIN,
        expected=5 * (50 + 80),
        measure=_chain({"kind": "flood"}),
    ),
    Case(
        id="V33",
        what=f"five hops, compact blocks of {_COMPACT_BYTES} B that succeed",
        unit="ms",
        source="CF: h (3 L + S_c/B)",
        expected=5 * (3 * 50 + _COMPACT_BYTES * 8 / 100e6 * 1e3) + 2 * 5 * _SMALL_MS,
        measure=_chain({"kind": "compact-blocks", "high": 0, "failure": "0 %"}),
    ),
    Case(
        id="V36",
        what="traffic of a node at 1 MB / 10 min, in and out",
        unit="kbit/s",
        source="CF: 2 S 8 / T; Gervais et al. CCS 2016 print 26.65",
        expected=2 * 1e6 * 8 / _INTERVAL_S / 1e3,
        rule=Within(0.02),
        measure=_traffic_kbit_s,
    ),
)
