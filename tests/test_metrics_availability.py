"""Every number of the report's section `availability`, on runs made by hand whose figures anyone can work out on paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from handmade import GOOD_ROWS, S, good, with_rows

from sim.availability.durability import Absences, Lives, binomial_below
from sim.kernel.errors import ScenarioError
from sim.node.behind import Rebuilt, Shared
from sim.node.storage import Kept, StorageBooks
from sim.study import metrics_availability as metrics
from sim.study import metrics_sampling as sampling
from sim.study.definitions import SECTIONS, explain_report

NEVER = -1


def ns(*seconds: float) -> Any:
    """Times in s as ns; below 0 for never."""
    return np.array([NEVER if one < 0 else round(one * S) for one in seconds], np.int64)


def shared(digest: str = "A", published_s: float = 1.0, there_s: float = 2.0, **more: Any) -> Shared:
    """Data of 1 kB behind a block of seat 0, judged by seats 1 and 2; seat 3 is a liar's."""
    values: dict[str, Any] = {
        "heard_ns": ns(published_s, published_s + 0.1, published_s + 0.2, -1),
        "accepted_ns": ns(-1, published_s + 0.5, published_s + 3, -1),
        "refuted_ns": ns(-1, -1, -1, -1),
        "first_ns": ns(there_s, there_s)[None, :],
        "judged": np.array([False, True, True, False]),
        "weight": np.array([1, 1, 1, 1]),
        "held_bytes": 4000,
        "sound": True,
        **more,
    }
    return Shared(
        digest=digest, publisher=0, published_ns=round(published_s * S), size_bytes=1000, rebuildable_ns=int(ns(there_s)[0]), **values
    )  # fmt: skip


def kept(put_s: float = 1.0, there_s: float = 1.5, **more: Any) -> Kept:
    """An object of 300 bytes as 3 of 6 fragments of 100."""
    values = {"lost_ns": -1, "reachable": 6, "unavailable_ns": 0, "stored_bytes": 600, **more}
    return Kept("o", 0, 300, pieces=6, enough=3, put_ns=int(ns(put_s)[0]), rebuildable_ns=int(ns(there_s)[0]), **values)  # fmt: skip


# available at the deadline, and when -----------------------------------------------------------------------------------------


def test_data_counts_by_the_deadline_and_only_of_what_was_decided() -> None:
    """A's data is there after 1 s, B's after 5 s, that of C, which nobody decided, never."""
    data = (shared("A", 1.0, 2.0), shared("B", 2.0, 7.0), shared("C", 2.1, -1))
    found = metrics.availability(good(shared=data, deadline_ns=4 * S))
    assert found["available_share"] == 0.5 and found["time_to_available_s"]["max"] == pytest.approx(5.0)
    assert metrics.availability(good(shared=data))["available_share"] == 1.0, "to the end of the run"
    undecided = metrics.availability(with_rows([], shared=data, deadline_ns=4 * S))
    assert undecided["available_share"] == pytest.approx(1 / 3) and undecided["time_to_available_s"]["p99"] is None


def test_objects_are_in_time_or_not() -> None:
    found = metrics.objects(good(kept=(kept(), kept(1.0, 9.0), kept(1.0, -1)), storage=StorageBooks(), deadline_ns=4 * S))
    assert found is not None and found["in_time_share"] == pytest.approx(1 / 3)
    assert found["time_to_available_s"]["p50"] == 8.0 and found["time_to_available_s"]["p99"] is None
    assert metrics.objects(good()) is None, "nothing is stored"


# sampling --------------------------------------------------------------------------------------------------------------------


def test_confidence_runs_from_publication_and_sampling_from_hearing() -> None:
    assert sampling.confidence_s([shared()]).tolist() == [0.5, 3.0]
    assert sampling.time_to_sample_s([shared()]) == pytest.approx([0.4, 2.8])
    early = shared(accepted_ns=ns(-1, 1.05, -1, -1))
    assert sampling.time_to_sample_s([early]).tolist() == [0.0, np.inf], "its shares came before the block"
    deaf = shared(heard_ns=ns(1, 1.1, -1, -1), accepted_ns=ns(-1, 1.2, -1, -1))
    assert sampling.time_to_sample_s([deaf]) == pytest.approx([0.1]), "who never heard of it samples nothing"


def test_confidence_against_time() -> None:
    curve = sampling.satisfied_share(good(shared=(shared(),), deadline_ns=5 * S))
    assert curve == {f"{10 * tenth} %": 0.5 if tenth < 6 else 1.0 for tenth in range(1, 11)}
    assert sampling.satisfied_share(good()) is None


def test_nine_tenths_of_the_validators() -> None:
    """Two seats: both must be satisfied; with nine validators at the quick one it alone is enough; at eight it is not."""
    for weights, expected in (([1, 1, 1, 1], 3.0), ([1, 9, 1, 1], 0.5), ([1, 8, 1, 1], 3.0)):
        assert sampling.ninety_percent_s([shared(weight=np.array(weights))]).tolist() == [expected]
    assert sampling.ninety_percent_s([shared(accepted_ns=ns(-1, 1.5, -1, -1))]).tolist() == [np.inf]


def test_false_accepts_and_rejects() -> None:
    """Of data that never was there one of two seats is satisfied in time; of data that is, one of two is not."""
    lost, there = shared("A", 1.0, -1), shared("B", 2.0, 3.0)
    found = sampling.sampling(good(shared=(lost, there), deadline_ns=2 * S))
    assert found is not None and (found["false_accept"], found["false_reject"], found["unavailable_blocks"]) == (0.5, 0.5, 1)
    refuted = shared("A", 1.0, -1, sound=False, refuted_ns=ns(-1, 1.8, -1, -1))
    found = sampling.sampling(good(shared=(refuted,), deadline_ns=2 * S))
    assert found is not None and found["false_accept"] == 0.0 and found["fraud_known_s"]["mean"] == pytest.approx(0.8)
    cut = sampling.sampling(good(shared=(shared("A", 18.5, -1),), deadline_ns=2 * S))
    assert cut is not None and (cut["false_accept"], cut["unavailable_blocks"]) == (None, 0), (
        "the run ended before anybody could tell"
    )
    late = sampling.sampling(good(shared=(shared("A", 1.0, 9.0),), deadline_ns=2 * S))
    assert late is not None and late["false_accept"] is late["false_reject"] is None, "there, but too late to be judged"
    assert sampling.sampling(good()) is None


# repair, reads, storage ------------------------------------------------------------------------------------------------------


def test_what_repairs_cost() -> None:
    books = StorageBooks(
        repaired=2, repair_bytes=600, repair_cpu_ns=S, cpu_ns=3 * S, lost_bytes=200, repair_ns=[S, 3 * S], fetched_bytes=900,
        useful_bytes=300, audits=7, audits_failed=1, spoilt_found=1, repair_failed=4,
    )  # fmt: skip
    found = metrics.repair(good(storage=books))
    assert found is not None and list(found) == list(metrics.REPAIR_KEYS)
    assert (found["repaired"], found["bytes"], found["bytes_per_lost_byte"], found["cpu_s"], found["coding_cpu_s"]) == (
        2,
        600,
        3,
        1,
        3,
    )
    assert (found["time_s"]["mean"], found["fetched_per_useful_byte"], found["rebuilds"]) == (2.0, 3.0, None)
    idle = metrics.repair(good(storage=StorageBooks()))
    assert idle is not None and idle["bytes"] == idle["cpu_s"] == 0 and idle["bytes_per_lost_byte"] is None
    mesh = metrics.repair(good(shared=(shared(),), rebuilt=Rebuilt(2, 30, 60, 6000, S // 2)))
    assert mesh is not None and list(mesh) == list(metrics.REPAIR_KEYS) and mesh["audits"] is None
    assert (mesh["repaired"], mesh["bytes"], mesh["cpu_s"], mesh["rebuilds"]) == (30, 6000, 0.5, 2)
    assert metrics.repair(good()) is None


def test_reads_by_region_and_class() -> None:
    reads = [(4.0, "read", 0, "r", "c1", "served", S), (5.0, "read", 1, "r", "c2", "stale", 3 * S)]
    reads += [(5.0, "read", 2, "r", "c2", "unavailable", 9 * S), (5.0, "read", 3, "r", "c2", "served", 9 * S)]
    table = metrics.availability(with_rows([*GOOD_ROWS, *reads]))["reads"]
    assert table["by_region"] == {"north": 1.0, "south": 0.0} and table["by_class"] == {"c1": 1.0, "c2": 0.5}
    assert table["latency_s_by_region"]["north"]["mean"] == 2.0 and table["latency_s_by_region"]["south"]["n"] == 0
    assert table["latency_s_by_class"]["c2"]["max"] == 3.0 and table["latency_s"]["n"] == 2
    assert metrics.availability(good())["reads"]["by_region"] == {}


def test_storage_overhead_is_bytes_kept_for_each_byte_stored() -> None:
    assert metrics.storage_overhead(good(kept=(kept(), kept(stored_bytes=300)))) == 1.5
    assert metrics.storage_overhead(good(shared=(shared(),))) == 4.0
    assert metrics.storage_overhead(good()) is None


def test_final_but_not_there_and_for_how_long() -> None:
    """A is decided at 1.2 and there from 2.0 on; B at 2.4, never there: to the end at 20 s."""
    found = sampling.final_unavailable(good(shared=(shared("A", 1.0, 2.0), shared("B", 2.0, -1))))
    assert found is not None and (found["blocks"], found["share"]) == (2, 1.0)
    assert sorted([found["for_s"]["min"], found["for_s"]["max"]]) == pytest.approx([0.8, 17.6])
    in_time = sampling.final_unavailable(good(shared=(shared("A", 1.0, 1.1), shared("B", 2.0, 2.4))))
    assert in_time is not None and (in_time["blocks"], in_time["share"], in_time["for_s"]["n"]) == (0, 0.0, 0)
    assert sampling.final_unavailable(good()) is None


def test_blocks_that_were_passed_over_for_want_of_data() -> None:
    """C is nobody's decision and its data never came; X was not decided either, but could have been."""
    data = (shared("A", 1.0, 1.1), shared("C", 2.1, -1), shared("X", 3.0, 3.1))
    found = sampling.final_unavailable(good(shared=data))
    assert found is not None and (found["blocks"], found["passed_over"]) == (0, 1)


# durability ------------------------------------------------------------------------------------------------------------------


def test_how_long_objects_could_not_be_had() -> None:
    """Two objects, readable from 1.5 s and 9 s on in 20 s, away for 3 s and 0 s; the third was never there."""
    run = good(kept=(kept(unavailable_ns=3 * S), kept(1.0, 9.0), kept(1.0, -1)), storage=StorageBooks())
    found = metrics.objects(run)
    assert found is not None and found["unreadable_share"] == pytest.approx(3 / 29.5)
    assert found["lost_share"] == 0.0 and found["reckoned"] is None
    lost = metrics.objects(good(kept=(kept(lost_ns=6 * S), kept()), storage=StorageBooks()))
    assert lost is not None and (lost["lost"], lost["lost_share"], lost["life_s"]["mean"]) == (1, 0.5, 5.0)


def test_the_chain_agrees_with_what_is_known_of_it() -> None:
    """V84's means; without repair the order statistics of exponential lives; and a mean is the integral of what is left."""
    assert [Lives(n, k, 1.0, 10.0).mean_s() for n, k in ((2, 1), (3, 1), (6, 3))] == pytest.approx(
        [6.5, 46.8333, 33.1167], abs=1e-4
    )
    for age in (0.01, 0.3, 2.0):
        left = float(np.exp(-age))
        assert Lives(5, 2, 1.0, 0.0).lost_by([age])[0] == pytest.approx(binomial_below(5, left, 2), rel=1e-9)
    chain = Lives(4, 2, 0.5, 3.0)
    ages = np.linspace(0, 30 * chain.mean_s(), 2_001)
    step = chain._steps(float(ages[1]))
    state, integral = np.eye(4)[0], 0.0
    for _ in ages:
        integral += float(1 - state[-1]) * float(ages[1])
        state = state @ step
    assert integral == pytest.approx(chain.mean_s(), rel=0.01)
    many = chain.lost_by([1.0, 2.5, 4.0])
    assert many == pytest.approx([chain.lost_by([age])[0] for age in (1.0, 2.5, 4.0)], rel=1e-6)
    assert Lives(60, 10, 1e-9, 1e-4).lost_by([1e9])[0] < 1e-200, "nothing is subtracted, so nothing is lost to rounding"


def test_absences_settle_to_the_binomial() -> None:
    law = Absences(6, 4, 60.0, 20.0, 100.0)
    assert law.unreadable(0.0, 99.0) == 0.0
    assert law.unreadable(100_000, 100_100) == pytest.approx(binomial_below(6, 0.75, 4))
    assert 0 < law.unreadable(100, 110) < law.unreadable(100_000, 100_010)


def test_reckoned_figures_stand_beside_the_runs() -> None:
    run = good(kept=(kept(there_s=1.0), kept(there_s=1.0)), storage=StorageBooks(), reckoning=Lives(6, 3, 0.1, 0.0))
    found = metrics.reckoned(run)
    assert found is not None and found["lost_share"] == pytest.approx(binomial_below(6, float(np.exp(-1.9)), 3))
    assert found["mean_life_s"] == pytest.approx(10 * (1 / 6 + 1 / 5 + 1 / 4 + 1 / 3)) and found["unreadable_share"] is None


# the manual ------------------------------------------------------------------------------------------------------------------


def test_the_manual_tells_every_key_of_the_section() -> None:
    told = explain_report("availability")
    run = good(shared=(shared(),), kept=(kept(),), storage=StorageBooks())
    found = metrics.availability(run)
    names = [*found, *found["sampling"], *found["objects"], *found["reads"], "false_accept", "cpu_s"]
    missing = [name for name in names if name not in told and name not in ("kind", "repair", "reads")]
    assert not [name for name in missing if name not in FROM_ELSEWHERE], missing
    assert all(explain_report(section) for section in SECTIONS) and "availability" in explain_report()
    with pytest.raises(ScenarioError, match="did you mean 'availability'"):
        explain_report("avaliability")


FROM_ELSEWHERE = ("served_share", "latency_s", "stale_share")
"""Of reads: defined with the gossip's, told by `explain report.gossip`."""
