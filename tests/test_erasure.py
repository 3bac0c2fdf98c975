"""Objects in coded fragments: what is lost, what is repaired, who is found out, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.study.read import from_dict
from sim.study.validation.durability import binomial_below, life_in_repair, lost_on_the_way, mean_life
from sim.testing import fingerprint

S = 1_000_000_000


def world(**more: Any) -> sim.Scenario:
    """Three regions of five store twenty objects as 4 of 6 and read each of them three times."""
    tables: dict[str, Any] = {
        "duration": "60 s",
        "topology": {"kind": "regions", "seats": {"north": 5, "south": 5, "west": 5}, "degree": 4},
        "link": {"latency": {"kind": "exponential", "mean": "20 ms"}},
        "availability": {"kind": "erasure", "pieces": 6, "enough": 4},
        "workload": [{"kind": "archive", "objects": 20, "size": "100 kB", "every": "200 ms", "reads": 3, "deadline": "5 s"}],
    }
    for key, value in more.items():
        tables[key] = {**tables[key], **value} if isinstance(value, dict) and key in tables else value
    return from_dict(tables)


def section(scenario: sim.Scenario, seed: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = sim.run(scenario, seed).to_dict()["availability"]
    return found


REPAIR = {"kind": "constant", "value": "1 s"}
SOUTH_IS_LOST = [{"kind": "crash", "seats": "south", "at": "10 s"}]


def test_in_peace_everything_is_read_at_the_price_of_n_over_k() -> None:
    found = section(world())
    assert found["kind"] == "erasure" and found["available_share"] == 1.0
    assert found["reads"]["served_share"] == 1.0 and set(found["reads"]["by_region"]) <= {"north", "south", "west"}
    assert found["storage_overhead"] == pytest.approx(6 / 4, rel=0.01)  # and 96 bytes of proof a fragment
    assert found["repair"]["fetched_per_useful_byte"] <= 1.01, "k fragments of B / k bytes, less where the reader keeps one"
    assert found["objects"] == {**found["objects"], "stored": 20, "lost": 0, "rebuildable_share": 1.0}


def test_a_region_is_lost() -> None:
    """Spread over three regions each of them keeps two of six, so four are left; placed at one region all are gone."""
    spread = section(world(fault=SOUTH_IS_LOST))
    assert spread["objects"]["rebuildable_share"] == 1.0 and spread["reads"]["served_share"] == 1.0
    gone = section(world(fault=SOUTH_IS_LOST, availability={"seats": "south", "pieces": 5}))
    assert gone["objects"]["rebuildable_share"] == 0.0 and gone["reads"]["served_share"] < 0.7
    assert gone["objects"]["lost"] == 0, "the fragments still lie there"
    assert gone["objects"]["unavailable_s"]["max"] == pytest.approx(50, abs=1)
    twenty = [{"kind": "crash", "seats": "south", "at": "10 s", "lasts": "20 s"}]
    back = section(world(fault=twenty, availability={"seats": "south", "pieces": 5}))
    assert back["objects"]["rebuildable_share"] == 1.0 and back["objects"]["unavailable_s"]["max"] == pytest.approx(20, abs=1)


def test_repair_makes_it_whole_again_at_k_fragments_each() -> None:
    without = sim.run(world(fault=SOUTH_IS_LOST))
    report = sim.run(world(fault=SOUTH_IS_LOST, availability={"repair": REPAIR, "notice": "2 s"}))
    found = report.to_dict()["availability"]["repair"]
    assert {one.reachable for one in without.evidence.kept} == {4}
    assert {one.reachable for one in report.evidence.kept} == {6}
    assert found["repaired"] == 40 and found["failed"] == 0
    assert found["bytes_per_lost_byte"] == 4, "a Reed-Solomon repair reads k fragments for each that is lost"
    assert found["time_s"]["min"] > 1 and found["time_s"]["max"] < 2


def test_what_lies_at_seats_that_are_down_still_lies_there() -> None:
    """All five holders of everything go dark for 20 s: nothing can be mended meanwhile, nothing is lost, and they bring it all back."""
    dark = [{"kind": "crash", "seats": "south", "at": "10 s", "lasts": "20 s"}]
    scheme = {"seats": "south", "pieces": 5, "repair": REPAIR}
    back = section(world(fault=dark, availability=scheme))
    assert back["objects"]["lost"] == 0 and back["objects"]["rebuildable_share"] == 1.0 and back["repair"]["bytes"] == 0
    assert back["objects"]["unavailable_s"]["max"] == pytest.approx(20, abs=1)
    wiped = [*dark, {"kind": "disk-loss", "seats": ["south-0", "south-1"], "life": "1 s", "at": "15 s"}]
    assert section(world(fault=wiped, availability=scheme))["objects"]["lost"] == 20, "unless the disks fail meanwhile"


def test_who_comes_back_before_the_repair_is_counted_in_again() -> None:
    """Repairs would begin 20 s after the loss; the seats are away for 5 s. Nothing travels; who stays away is replaced."""
    slow = {"repair": {"kind": "constant", "value": "20 s"}}
    short, long = (
        section(world(fault=[{"kind": "crash", "seats": "south", "at": "10 s", "lasts": lasts}], availability=slow))["repair"]
        for lasts in ("5 s", "40 s")
    )
    assert (short["repaired"], short["bytes"], short["failed"]) == (0, 0, 0) and long["repaired"] == 40 and long["bytes"] > 0


def test_whoever_keeps_one_image_is_struck() -> None:
    """All six holders of the first object: it cannot be had. With four of them spared it can, and repair makes it whole again."""

    def struck(spare: int, **scheme: Any) -> sim.Report:
        strike = {"kind": "crash", "custodians": 1, "spare": spare, "at": "10 s"}
        return sim.run(world(fault=[strike], availability=scheme))

    assert struck(0).evidence.kept[0].reachable == 0 and struck(3).evidence.kept[0].reachable == 3
    spared = struck(4)
    assert spared.evidence.kept[0].reachable == 4 and spared.to_dict()["availability"]["objects"]["rebuildable_share"] == 1.0
    assert struck(4, repair=REPAIR).evidence.kept[0].reachable == 6
    for keys, said in (({"custodians": 1, "seats": 2}, "drop one"), ({"spare": 1}, "custodians")):
        with pytest.raises(ScenarioError, match=said):
            world(fault=[{"kind": "crash", **keys}])
    with pytest.raises(ScenarioError, match="nobody keeps parts"):
        sim.run(world(fault=[{"kind": "crash", "custodians": 1}]).but(availability=None))


def test_lazy_repair_waits_until_few_are_left() -> None:
    """One fragment of each object is lost with one seat of each region: no repair yet at four of six, all at five."""
    crash = [{"kind": "crash", "seats": "south", "at": "10 s"}]
    lazy = {"repair": REPAIR, "repair_at": 4, "place": "spread"}
    assert section(world(fault=crash, availability=lazy))["repair"]["repaired"] == 40
    one = [{"kind": "crash", "seats": ["south-0"], "at": "10 s"}]
    assert section(world(fault=one, availability=lazy))["repair"]["repaired"] == 0
    assert section(world(fault=one, availability={**lazy, "repair_at": 5}))["repair"]["repaired"] > 0


def test_two_of_six_holders_lie_and_it_is_read_all_the_same_but_later() -> None:
    honest = section(world(availability={"seats": "south", "pieces": 5, "enough": 3}))
    lying = {"adversary": [{"kind": "custody-liar", "seats": ["south-0", "south-1"]}]}
    two = section(world(availability={"seats": "south", "pieces": 5, "enough": 3}, **lying))
    assert two["reads"]["served_share"] == 1.0
    assert two["reads"]["latency_s"]["p99"] > honest["reads"]["latency_s"]["p99"] + 0.3, "the patience of 0.5 s"
    three = section(world(availability={"seats": "south", "pieces": 5, "enough": 4}, **lying))
    assert three["reads"]["served_share"] < 0.2, "only who keeps some itself could still gather four"


def test_an_audit_finds_liars_and_repair_replaces_them() -> None:
    lying = [{"kind": "custody-liar", "seats": ["south-0", "south-1"], "at": "1 s"}]
    quiet = section(world(adversary=lying, availability={"repair": REPAIR}))
    assert quiet["repair"]["repaired"] == 0 and quiet["repair"]["audits"] == 0
    report = sim.run(world(adversary=lying, availability={"repair": REPAIR, "audit": "10 s"}))
    found = report.to_dict()["availability"]["repair"]
    assert found["audits_failed"] == found["repaired"] > 0


@pytest.mark.parametrize("contents", ["modelled", "real"])
def test_altered_and_rotten_fragments_are_found_out(contents: str) -> None:
    """Bytes that were really turned over do to the run just what the model says."""
    rot = [{"kind": "bit-rot", "seats": ["west-0", "west-1", "west-2"], "life": "5 s", "at": "5 s"}]
    scheme = {"contents": contents, "repair": REPAIR}
    found = section(world(fault=rot, availability=scheme, adversary=[{"kind": "tamper", "seats": ["north-0"]}]))
    assert found["repair"]["spoilt_found"] > 3 and found["reads"]["served_share"] == 1.0
    assert found["repair"]["repaired"] > 3


def test_real_and_modelled_contents_are_one_run() -> None:
    rot = [{"kind": "bit-rot", "seats": "west", "life": "10 s", "at": "5 s"}]
    one, other = (section(world(fault=rot, availability={"contents": how, "repair": REPAIR})) for how in ("real", "modelled"))
    assert one == other


def test_rot_that_nobody_looks_for_loses_the_object_and_audits_save_it() -> None:
    rot = [{"kind": "bit-rot", "life": "5 min"}]
    blind = section(world(fault=rot, duration="10 min", availability={"repair": REPAIR}))
    audited = section(world(fault=rot, duration="10 min", availability={"repair": REPAIR, "audit": "2 s"}))
    assert blind["objects"]["lost"] >= 15 and audited["objects"]["lost"] == 0


def test_coding_takes_the_time_of_a_core() -> None:
    cores = {"seat": {"cores": 1}, "workload": [{"kind": "archive", "objects": 3, "size": "10 MB", "every": "10 s", "reads": 1}]}
    slow, fast = (section(world(availability={"coding": coding}, **cores)) for coding in ("50 ms", "1 us"))
    encoding_s = 0.05 * 2 * 10_000_000 / 2**20
    assert slow["time_to_available_s"]["mean"] - fast["time_to_available_s"]["mean"] == pytest.approx(encoding_s, rel=0.05)
    assert slow["repair"]["coding_cpu_s"] >= 3 * encoding_s


def test_every_key_has_an_effect() -> None:
    crash = [{"kind": "crash", "seats": ["south-0", "north-1", "west-2"], "at": "10 s"}]
    trouble = {"fault": crash, "link": {"loss": "5 %"}, "seat": {"cores": 2}}
    settled = {"repair": REPAIR, "audit": "20 s", "notice": "1 s"}
    before = section(world(availability=settled, **trouble))
    for key, value in {
        "pieces": 7, "enough": 3, "seats": ["north", "south"], "place": "near", "patience": "900 ms", "hedge": 2, "resend": 0,
        "repair": {"kind": "constant", "value": "3 s"}, "repair_at": 4, "notice": "4 s", "audit": "7 s", "coding": "20 ms",
        "deadline": "18 ms",
    }.items():  # fmt: skip
        assert section(world(availability={**settled, key: value}, **trouble)) != before, key


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("enough", 7, "1 to 6"), ("pieces", 300, "256"), ("pieces", 16, "only 15"), ("notice", "1 s", "no effect"),
     ("repair_at", 5, "no effect"), ("patience", "1 ns", "1 ms"), ("seats", "nowhere", "nowhere"), ("hegde", 1, "hedge")],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_sentence(key: str, value: Any, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        sim.run(world(availability={key: value}))


def test_decay_without_a_storage_is_refused() -> None:
    with pytest.raises(ScenarioError, match="erasure"):
        sim.run(world(fault=[{"kind": "disk-loss"}]).but(availability=None))


def test_the_same_bytes_twice() -> None:
    busy = world(
        fault=[{"kind": "disk-loss", "life": "30 s"}], availability={"repair": REPAIR, "audit": "9 s"}, link={"loss": "3 %"}
    )
    assert fingerprint(sim.run(busy)) == fingerprint(sim.run(busy))


def test_a_writer_goes_on_trying_through_a_partition() -> None:
    """Written while the north is cut off: the fragments for it arrive after the healing, unless the writer gives up before."""
    cut = [{"kind": "partition", "at": "0 s", "lasts": "20 s", "groups": [["north"], ["south", "west"]]}]
    patient = section(world(fault=cut))
    assert patient["objects"]["rebuildable_share"] == 1.0 and patient["objects"]["lost"] == 0
    hasty = sim.run(world(fault=cut, availability={"resend": 1}))
    assert all(one.reachable < 6 for one in hasty.evidence.kept)


def test_health_records_lie_in_fragments_too() -> None:
    """The scheme stores what the workload of health records writes; altered fragments are found, and nobody is served one."""
    tables = {
        "duration": "60 s",
        "topology": {"kind": "regions", "seats": {"north": 6, "south": 6}, "degree": 6},
        "link": {"latency": {"kind": "exponential", "mean": "20 ms"}},
        "consensus": {"kind": "qbft", "block_interval": "1 s"},
        "availability": {"kind": "erasure", "pieces": 9, "enough": 6, "contents": "real"},
        "workload": [{"kind": "ehr", "scale": 30.0}],
        "adversary": [{"kind": "tamper", "seats": ["north-0", "south-0"]}],
    }
    report = sim.run(from_dict(tables)).to_dict()
    found, outcomes = report["availability"], report["workload"][0]["outcomes"]
    assert found["objects"]["stored"] == outcomes["encounters"] + outcomes["amendments"] > 100
    assert found["repair"]["spoilt_found"] > 10 and outcomes["tampered_undetected"] == 0
    assert found["reads"]["served_share"] > 0.95 and outcomes["served"] > 50
    assert not [check for check in report["checks"] if check["verdict"] == "fail"]


def test_what_travels_whole_is_altered_as_ever_where_objects_lie_in_fragments() -> None:
    """Summaries read after breaking the glass lie whole at their homes, beside a scheme for other things: liars alter them, readers see it."""
    tables: dict[str, Any] = {
        "duration": "20 s",
        "topology": {"kind": "hospitals"},
        "consensus": {"kind": "qbft", "block_interval": "1 s"},
        "workload": [{"kind": "consent", "compression": 240, "copies": 2, "rates": {"break_glass_access": 50}}],
        "adversary": [{"kind": "tamper", "seats": ["hospital-00", "hospital-01", "hospital-02", "hospital-03"]}],
    }
    found = {}
    for scheme in ({"kind": "replication"}, {"kind": "erasure", "pieces": 9, "enough": 6}):
        report = sim.run(from_dict({**tables, "availability": scheme}))
        trace = report.evidence.trace
        found[scheme["kind"]] = (len(trace.of("tamper")), len(trace.of("reject")))
    assert found["erasure"] == found["replication"] and min(found["erasure"]) > 10


def test_full_replication_has_a_deadline() -> None:
    """Blocks take three hops of 50 ms to the end of a line: in time for 200 ms, too late for 100 ms."""
    tables = {
        "duration": "10 s",
        "topology": {"kind": "line", "seats": 4},
        "link": {"latency": {"kind": "constant", "value": "50 ms"}},
        "consensus": {"kind": "pbft", "block_interval": "1 s", "patience": "5 s"},
    }
    shares = {
        deadline: sim.run(from_dict({**tables, "availability": {"kind": "replication", "deadline": deadline}})).to_dict()
        for deadline in ("200 ms", "60 ms")
    }
    assert shares["200 ms"]["availability"]["available_share"] > shares["60 ms"]["availability"]["available_share"]
    assert shares["200 ms"]["availability"]["kind"] == "replication"


@pytest.mark.parametrize(("pieces", "enough", "loss"), [(5, 2, 0.5), (9, 6, 0.25)])
def test_losses_follow_the_binomial_for_other_numbers_too(pieces: int, enough: int, loss: float) -> None:
    measured = lost_on_the_way(pieces, enough, loss)(1500)
    assert abs(measured.value - binomial_below(pieces, 1 - loss, enough)) < 4 * (measured.error or 0)


@pytest.mark.parametrize(("pieces", "enough", "rate"), [(3, 2, 4.0), (4, 2, 2.5)])
def test_lives_follow_the_chain_for_other_numbers_too(pieces: int, enough: int, rate: float) -> None:
    measured = life_in_repair(pieces, enough, rate)(300)
    assert abs(measured.value - mean_life(pieces, enough, rate)) < 4 * (measured.error or 0)
    assert abs(measured.value - mean_life(pieces, enough, 2.5 * rate)) > 4 * (measured.error or 0), "a control"
