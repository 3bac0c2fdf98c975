"""The `[mempool]` table: every key changes what happens, what finds no room is counted, and who may wait waits."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.ledger.block import GENESIS, Transaction
from sim.ledger.mempool import Mempool
from sim.ledger.tree import BlockTree
from sim.study.read import from_dict


def entry(number: int, priority: str) -> Transaction:
    return Transaction("load", 0, 100, (("number", number),), "", number, priority)


def everything(items: Any) -> Any:
    return items >= 0


def test_a_full_pool_that_displaces_drops_the_youngest_of_the_least_urgent_and_only_for_a_more_urgent_one() -> None:
    pool = Mempool(BlockTree(), capacity=3, displaces=True)
    gone: list[Transaction] = []
    pool.on_displace.append(gone.append)
    old, young, middle = entry(1, "C3"), entry(2, "C3"), entry(3, "C2")
    assert all(pool.add(one, place) for place, one in enumerate((old, young, middle)))
    assert not pool.add(entry(4, "C3"), 3) and pool.refused["C3"] == 1 and not gone
    urgent = entry(5, "C0")
    assert pool.add(urgent, 4) and gone == [young] and pool.displaced["C3"] == 1
    assert len(pool) == pool.most_waiting == 3
    assert pool.take(0, everything, GENESIS, 10_000, 10) == (urgent, middle, old)
    assert not pool.add(young, 1)  # still no room: everything that waits is as urgent
    assert young.id not in pool


def test_a_pool_by_arrival_puts_the_oldest_first() -> None:
    late, early = entry(2, "C0"), entry(1, "C4")
    for by_class, first in ((True, late), (False, early)):
        pool = Mempool(BlockTree(), by_class=by_class)
        assert pool.add(early, 0) and pool.add(late, 1)
        assert pool.take(0, everything, GENESIS, 100, 10) == (first,)


def played(workload: list[dict[str, Any]], seconds: int = 30, **mempool: Any) -> Any:
    tables: dict[str, Any] = {
        "duration": f"{seconds} s",
        "topology": {"kind": "complete", "seats": 4},
        "link": {"latency": {"kind": "constant", "value": "20 ms"}},
        "consensus": {"kind": "qbft", "block_interval": "1 s", "max_block": "5 kB"},
        "workload": workload,
    }
    return sim.run(from_dict({**tables, "mempool": mempool} if mempool else tables)).to_dict()


def loads(*rates: tuple[str, float]) -> list[dict[str, Any]]:
    return [{"kind": "synthetic", "name": name, "rate": rate, "size": "250 B", "priority": name} for name, rate in rates]


def test_what_finds_no_room_is_dropped_and_counted() -> None:
    [roomy] = played(loads(("C3", 50.0)))["workload"]
    [tight] = played(loads(("C3", 50.0)), capacity=60)["workload"]
    assert roomy["dropped"] == 0 and roomy["final"] < roomy["submitted"]
    assert tight["submitted"] == roomy["submitted"] and tight["dropped"] > 700  # 20 of 50 a second have a place in a block
    assert tight["submitted"] - tight["dropped"] - tight["final"] <= 60 + 20
    assert tight["finality_s"]["p99"] < 5 < roomy["finality_s"]["p99"]  # the price of never dropping is waiting


def test_order_and_displacing_decide_who_gets_through() -> None:
    both = loads(("C1", 15.0), ("C3", 30.0))
    for keys, urgent_waits_s, urgent_dropped in (
        ({"capacity": 200}, (0, 1.5), True),
        ({"capacity": 200, "displaces": True}, (0, 1.5), False),
        ({"capacity": 200, "order": "arrival"}, (3, 9), True),
    ):
        urgent, _ = played(both, **keys)["workload"]
        least, most = urgent_waits_s
        assert least <= urgent["finality_s"]["mean"] < most, keys
        assert (urgent["dropped"] > 0) is urgent_dropped, keys


CLAIMS = {"kind": "claims", "compression": 24, "start_hour": 20, "scale": 4.0, "duplicates": 0, "rates": {"eligibility_270_271": 0}}


def test_with_back_pressure_a_clerk_waits_and_nothing_is_lost_and_an_open_loop_drops() -> None:
    filed: dict[str, Any] = {}
    for name, clerks, keys in (
        ("open", 0, {"capacity": 40, "back_pressure": True}),
        ("clerks", 8, {"capacity": 40, "back_pressure": True}),
        ("clerks refused", 8, {"capacity": 40}),
        ("slow clerks", 8, {"capacity": 40, "back_pressure": True, "retry": "20 s"}),
    ):
        [filed[name]] = played([{**CLAIMS, "clerks": clerks}], 40, **keys)["workload"]
    assert filed["open"]["dropped"] > 100 and filed["open"]["outcomes"]["told_to_wait"] == 0
    assert filed["clerks"]["dropped"] == 0 and filed["clerks"]["outcomes"]["told_to_wait"] > 20
    assert filed["clerks refused"]["dropped"] > 100 and filed["clerks refused"]["outcomes"]["told_to_wait"] == 0
    assert filed["clerks refused"]["final"] > 50  # a clerk whose filing is dropped takes up the next
    waits = [filed[name]["finality_s"]["p90"] for name in ("clerks", "slow clerks")]
    assert waits[1] > waits[0] + 5


@pytest.mark.parametrize(
    ("mempool", "words"),
    [
        ({"capacity": 0}, "mempool.capacity: nothing can ever be decided"),
        ({"retry": "2 s"}, "mempool.retry: has no effect without back_pressure"),
        ({"displaces": True, "order": "arrival"}, "mempool.displaces: has no effect with order"),
        ({"back_pressure": True, "retry": "1 us"}, "mempool.retry: at least 1 ms"),
        ({"capacty": 3}, "did you mean 'capacity'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(mempool: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        played(loads(("C3", 1.0)), **mempool)
    assert words in str(caught.value)


def test_a_pool_has_no_effect_where_nothing_is_agreed_on() -> None:
    with pytest.raises(ScenarioError, match="has no effect without consensus"):
        from_dict({"duration": "1 s", "topology": {"kind": "complete", "seats": 4}, "mempool": {"capacity": 5}})
