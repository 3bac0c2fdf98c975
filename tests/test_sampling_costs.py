"""What data in shares costs its publisher, what a sampler may miss, and what a crash leaves undone."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest
from test_sampling import CUSTODY, GRID, SAMPLING, liar, section, world

import sim
from sim.availability.custody import columns_of
from sim.availability.layout import known_to
from sim.availability.proofs import commit_ns
from sim.kernel.dice import Dice
from sim.study.validation.sampled import LIGHT, kept_back, tolerated
from sim.study.validation.worlds import play

SECOND_NS = 1_000_000_000


def first_s(scheme: dict[str, Any], cores: int) -> tuple[float, float]:
    """(Seconds until the block and until any share of its data was first held by another seat, CPU seconds of the publisher.)"""
    report = sim.run(world(scheme, seat={"cores": cores, "verify": "0 s", "sign": "0 s", "hash_per_kib": "0 s"}, duration="30 s"))
    shared = report.evidence.shared[0]
    came_ns = min(time for time in shared.first_ns.ravel().tolist() if time >= 0)
    return (came_ns - shared.published_ns) / SECOND_NS, int(report.evidence.cpu_busy_ns[0]) / SECOND_NS


@pytest.mark.parametrize("scheme", [CUSTODY, GRID, SAMPLING], ids=["custody", "grid", "sampling"])
def test_a_publisher_codes_and_proves_before_it_hands_out(scheme: dict[str, Any]) -> None:
    """Two seconds of work take a second on two cores; three blocks cost three times that."""
    (before_s, idle_s), (after_s, busy_s) = (first_s({**scheme, "commit": work}, 2) for work in ("0 s", "2 s"))
    assert 0 <= before_s < 0.5 and after_s == pytest.approx(before_s + 1, abs=0.05)
    assert busy_s == pytest.approx(idle_s + 6)


def test_what_committing_costs_by_itself() -> None:
    """By the table: 320 ms a blob to commit and prove, 5.3 ms to extend what came with proofs; bytes alone cost little; less data less."""
    blob = 131_072
    assert commit_ns("kzg", 6 * blob) == 6 * 320_000_000 and commit_ns("kzg", 21 * blob, proved=True) == 111_300_000
    assert commit_ns("merkle", blob) < commit_ns("kzg", blob) / 40 and commit_ns("kzg", blob // 64) == 5_000_000
    assert (
        first_s({**GRID, "proof": "kzg"}, 1)[1]
        > first_s({**GRID, "proof": "merkle"}, 1)[1] + 3 * commit_ns("kzg", 64 * 560) / SECOND_NS
    )


def test_lossy_samples_are_those_of_the_specification() -> None:
    """The smallest samples that fool with at most 5e-6 while so many of them may be missing (consensus specifications, discussion 3782)."""
    least = [next(s for s in range(1, 129) if tolerated(128, 63, s, missing) <= 5e-6) for missing in range(9)]
    assert least == [16, 20, 23, 26, 29, 32, 34, 37, 39]
    assert tolerated(128, 63, 8, 0) == comb(63, 8) / comb(128, 8)


@pytest.mark.parametrize(("side", "samples", "missing"), [(40, 6, 2), (20, 5, 1)])
def test_lossy_samplers_are_fooled_as_often_as_reckoned(side: int, samples: int, missing: int) -> None:
    scheme = {
        "kind": "sampling",
        "dimensions": 1,
        "side": side,
        "samples": samples,
        "servers": "server",
        "turns": 0,
        "missing": missing,
    }
    found = play(kept_back(scheme, {"server": 2, "light": LIGHT}, 4)).to_dict()["availability"]["sampling"]["false_accept"]
    law = [tolerated(side, side // 2 - 1, samples, allowed) for allowed in (missing - 1, missing)]
    error = (law[1] * (1 - law[1]) / (4 * LIGHT)) ** 0.5
    assert abs(found - law[1]) < 4 * error < abs(found - law[0])


def test_what_may_be_missing_spares_the_honest() -> None:
    """Where a tenth of all copies are lost and nobody asks twice, one sample in eight that may be missing halves wrong alarms at least."""
    strict, lossy = (
        section(world({**SAMPLING, "turns": 0, "missing": missing}, link={"loss": "10 %"}))["sampling"]["false_reject"]
        for missing in (0, 2)
    )
    assert strict > 0.4 and lossy < strict / 2


RUMOUR = {"kind": "rumour", "size": "1 kB", "count": 1, "origin": "seat-00", "first": "1 s"}


def satisfied(scheme: dict[str, Any], crash: dict[str, Any], **more: Any) -> tuple[float, dict[str, Any]]:
    """(Share of seats that are satisfied in the end, how long they took.)"""
    found = section(world({"deadline": "20 s", **scheme}, workload=[RUMOUR], fault=[{"kind": "crash", **crash}], **more))[
        "sampling"
    ]
    return found["satisfied_share"]["100 %"], found["confidence_s"]


def test_a_crash_interrupts_decoding_and_does_not_end_it() -> None:
    """The only supernode is down while it decodes: once back it decodes anew, and everybody gets its columns; if it stays down nobody."""
    scheme = {**CUSTODY, "supernodes": ["seat-05"], "rebuild": "3 s", "turns": 0}
    strike = {"seats": ["seat-05"], "at": "2 s"}
    back, took_s = satisfied(scheme, {**strike, "lasts": "2500 ms"}, adversary=liar("almost-minimal"))
    assert back == 1.0 and 3.5 + 3 < took_s["max"] < 3.5 + 3 + 2
    assert satisfied(scheme, strike, adversary=liar("almost-minimal"))[0] < 0.5


@pytest.mark.parametrize("turns", [0, 2])
def test_a_crash_interrupts_asking_and_does_not_end_it(turns: int) -> None:
    """All light nodes are down when the answers to their first questions come: whoever asks again does so once it is back."""
    scheme = {**SAMPLING, "servers": ["seat-01", "seat-02"], "turns": turns, "patience": "500 ms"}
    calm = {
        "topology": {"kind": "random-regular", "seats": 40, "degree": 39},
        "link": {"latency": {"kind": "constant", "value": "100 ms"}},
    }
    light = [f"seat-{seat:02d}" for seat in range(3, 40)]
    share, _ = satisfied(scheme, {"seats": light, "at": "1150 ms", "lasts": "1 s"}, **calm)
    assert share > 0.9 if turns else share < 0.1


def test_whom_nodes_know_is_mutual_and_drawn_evenly() -> None:
    """A hundred peers of 2,000 cover 128 (1 - (31/32)^p) columns, each peer keeping four; everybody knows everybody where there are few."""
    known = known_to(2000, 100, Dice(3))
    pairs = {(seat, other) for seat, row in enumerate(known.tolist()) for other in row if other >= 0}
    assert {(other, seat) for seat, other in pairs} == pairs and all(seat != other for seat, other in pairs)
    keeps = [columns_of(f"n{seat}", 4, 128, Dice(3)) for seat in range(2000)]
    counts = (known >= 0).sum(axis=1)
    covered = [len(np.unique(np.concatenate([keeps[other] for other in row if other >= 0]))) for row in known[:300].tolist()]
    law = 128 * (1 - (31 / 32) ** counts[:300])
    assert counts.min() > 85 and abs(np.mean(covered - law)) < 4 * np.std(covered - law) / 300**0.5
    assert (known_to(5, 100, Dice(3)) >= 0).sum(axis=1).tolist() == [4] * 5


def test_with_few_peers_good_data_are_turned_down_and_nobody_kept_anything_back() -> None:
    """Whoever knows no keeper of a column of its own, nor the publisher, never gets it; most of the others get all."""
    scheme = {**CUSTODY, "turns": 3, "patience": "500 ms", "deadline": "20 s"}
    rejects = {peers: section(world({**scheme, "peers": peers}))["sampling"]["false_reject"] for peers in (0, 8, 20)}
    assert rejects[0] == 0 and rejects[8] > 0.5 and rejects[20] < rejects[8]
    report = sim.run(world({**scheme, "peers": 12}))
    known, keeps = known_to(40, 12, Dice(1)), [set(columns_of(f"seat-{seat:02d}", 4, 32, Dice(1)).tolist()) for seat in range(40)]
    reached = [set().union(*(keeps[other] for other in row if other >= 0)) for row in known.tolist()]
    cut_off = [
        seat for seat in range(1, 40) if keeps[seat] - reached[seat] and seat not in known[0]
    ]  # the publisher serves its own
    shared = report.evidence.shared[0]
    satisfied = np.flatnonzero(shared.accepted_ns >= 0).tolist()
    assert shared.rebuildable_ns >= 0 and 0 < len(cut_off) < 39
    assert not set(cut_off) & set(satisfied) and len(satisfied) > (39 - len(cut_off)) / 2
