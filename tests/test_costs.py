"""Each cost of the network in a scenario, against what it must come to by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.kernel.part import fields_of
from sim.study.change import override
from sim.study.link import Link
from sim.study.read import from_dict, loads
from sim.study.report import Report
from sim.study.seat import Seat

MS = 1_000_000
STAR = {"kind": "star", "seats": 3}
LINE = {"kind": "line", "seats": 2}


def play(link: dict[str, Any], seat: dict[str, Any], *rumours: dict[str, Any], topology: Any = LINE, **more: Any) -> Report:
    """A flood from seat 0 over links of 100 ms."""
    tables: dict[str, Any] = {
        "duration": "60 s",
        "topology": topology,
        "link": {"latency": {"kind": "constant", "value": "100 ms"}, **link},
        "seat": seat,
        "gossip": {"kind": "flood"},
        "workload": [{"kind": "rumour", "size": "1 MB", "origin": "seat-0", **rumour} for rumour in rumours or ({},)],
        **more,
    }
    report = sim.run(from_dict(tables))
    assert report.ok(), report.text()
    return report


def delays_ms(report: Report) -> list[list[float]]:
    """From publication to each other seat, for each rumour."""
    return [((spread.arrival_ns[1:] - spread.published_ns) / MS).tolist() for spread in report.evidence.spreads]


def counters(report: Report) -> dict[str, int]:
    """Copies by what became of them."""
    return dict(report.evidence.counters)


def test_fair_uplink_serves_all_at_once() -> None:
    """Two copies of 80 ms each: both leave after 160 ms; in a queue the first one leaves after 80."""
    assert delays_ms(play({}, {"up": "100 Mbit/s", "sharing": "fair"}, topology=STAR)) == [[260, 260]]
    assert delays_ms(play({}, {"up": "100 Mbit/s"}, topology=STAR)) == [[180, 260]]


def test_fair_uplink_gives_equal_parts_to_what_comes_later() -> None:
    """80 ms of work at 0 and 8 ms at 40 ms: the small one takes 16 ms, and the large one is done at 88 ms."""
    found = play({}, {"up": "100 Mbit/s", "sharing": "fair"}, {}, {"size": "100 kB", "first": "40 ms"})
    assert delays_ms(found) == [[188], [116]]


def test_lane_lets_small_messages_pass() -> None:
    """1 kB is through in 80 us and the body is late by as much; without a lane it waits for the body."""
    small = {"size": "1 kB", "first": "40 ms"}
    assert delays_ms(play({}, {"up": "100 Mbit/s", "lane": "1 kB"}, {}, small)) == [[180.08], [100.08]]
    assert delays_ms(play({}, {"up": "100 Mbit/s"}, {}, small)) == [[180], [140.08]]
    assert delays_ms(play({}, {"up": "100 Mbit/s", "lane": "999 B"}, {}, small)) == [[180], [140.08]]


def test_lane_on_the_way_down() -> None:
    """A body of 1 s on the downlink, and 1 kB that has come while it is taken in."""
    rates = {"up": "100 Mbit/s", "down": "8 Mbit/s"}
    small = {"size": "1 kB", "first": "100 ms"}
    assert delays_ms(play({}, {**rates, "lane": "1 kB"}, {}, small))[1] == [101]
    assert delays_ms(play({}, rates, {}, small))[1] == [1001]


def test_rate_of_each_link() -> None:
    """1 MB takes 1 s on a link of 8 Mbit/s; the second link starts when the uplink comes to it, 80 ms later."""
    assert delays_ms(play({"rate": "8 Mbit/s"}, {"up": "100 Mbit/s"}, topology=STAR)) == [[1100, 1180]]
    twice = play({"rate": "8 Mbit/s"}, {"up": "100 Mbit/s"}, {}, {})
    assert delays_ms(twice) == [[1100], [2100]]


def test_rates_in_a_graph_file(tmp_path: Path) -> None:
    """One slow link and one without a rate of its own, which takes that of the table."""
    file = tmp_path / "ward.graphml"
    file.write_text(
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><key id="r" for="edge" attr.name="rate" attr.type="string"/>'
        '<graph edgedefault="undirected"><node id="seat-0"/><node id="a"/><node id="b"/>'
        '<edge source="a" target="seat-0"><data key="r">1 Mbit/s</data></edge><edge source="seat-0" target="b"/></graph></graphml>'
    )
    topology = {"kind": "file", "path": str(file)}
    assert delays_ms(play({}, {}, topology=topology)) == [[8100, 100]]
    assert delays_ms(play({"rate": "8 Mbit/s"}, {}, topology=topology)) == [[8100, 1100]]
    file.write_text(file.read_text().replace("1 Mbit/s", "1 Mbit"))
    with pytest.raises(ScenarioError, match="rate of the link between 'seat-0' and 'a'"):
        play({}, {}, topology=topology)


def test_duplicates() -> None:
    """The network makes a second copy of each: what was sent is half of what arrives."""
    found = play({"duplicate": "100 %"}, {"up": "100 Mbit/s"}, topology=STAR)
    assert delays_ms(found) == [[180, 260]]
    assert (counters(found)["sent"], counters(found)["delivered"], counters(found)["duplicated"]) == (2, 4, 2)
    half = play({"duplicate": "50 %"}, {}, {"count": 2000, "every": "1 ms"})
    assert abs(counters(half)["duplicated"] - 1000) < 4 * np.sqrt(500)


def test_copies_that_fall_behind() -> None:
    """All of them, then a share, which are overtaken by what was sent later."""
    assert delays_ms(play({"reorder": "100 %", "reorder_by": "50 ms"}, {})) == [[150]]
    some = play({"reorder": "10 %", "reorder_by": "50 ms"}, {}, {"count": 2000, "every": "1 ms"})
    late = np.array(delays_ms(some)).ravel() == 150
    assert abs(late.sum() - 200) < 4 * np.sqrt(180)


def test_lost_copies_are_sent_again() -> None:
    """Each loss costs 200 ms, a geometric number of times, and the uplink once more."""
    found = play({"loss": "50 %", "retransmit": "200 ms"}, {"up": "8 Gbit/s"}, {"size": "1 kB", "count": 2000, "every": "10 ms"})
    losses = (np.array(delays_ms(found)).ravel() - 100) // 200
    assert abs(losses.mean() - 1) < 4 * np.sqrt(2 / 2000)
    assert counters(found)["lost"] == counters(found)["resent"] == losses.sum()
    assert counters(found)["sent"] == 2000 + losses.sum()
    assert found.evidence.sent_bytes[0] == 1000 * counters(found)["sent"]
    lossy = play({"loss": "50 %"}, {}, {"size": "1 kB", "count": 2000, "every": "10 ms"})
    assert counters(lossy)["resent"] == 0
    assert abs(counters(lossy)["lost"] - 1000) < 4 * np.sqrt(500)


def test_slow_start() -> None:
    """1 MB, 100 Mbit/s, 200 ms there and back: six windows of 14 600 B, 29 200 B ... are filled and waited for, the seventh is not."""
    waited_ms = 6 * 200 - 14_600 * 63 * 8 / 100_000
    assert delays_ms(play({"transport": "tcp"}, {"up": "100 Mbit/s"}))[0] == pytest.approx([180 + waited_ms], abs=1e-5)
    wide = play({"transport": "tcp", "window": "1 MB"}, {"up": "100 Mbit/s"})
    assert delays_ms(wide) == [[180]]


def test_slow_start_on_a_short_way_soon_waits_no_more() -> None:
    """2 ms there and back at 100 Mbit/s are 25 000 B: one window is waited for, then the line is full."""
    link = {"transport": "tcp", "latency": {"kind": "constant", "value": "1 ms"}}
    assert delays_ms(play(link, {"up": "100 Mbit/s"}))[0] == pytest.approx([81 + 2 - 14_600 * 8 / 100_000], abs=1e-5)


def test_a_connection_keeps_its_window_until_it_has_been_idle() -> None:
    """The second body finds the first one's window of 934 400 B and waits once; after a second of idleness it starts anew."""
    first = 180 + 6 * 200 - 14_600 * 63 * 8 / 100_000
    again = 180 + 200 - 934_400 * 8 / 100_000
    link = {"transport": "tcp"}
    soon = play(link, {"up": "100 Mbit/s"}, {}, {"first": "1500 ms"})
    late = play(link, {"up": "100 Mbit/s"}, {}, {"first": "2500 ms"})
    kept = play({**link, "idle_reset": "10 s"}, {"up": "100 Mbit/s"}, {}, {"first": "2500 ms"})
    for found, second in ((soon, again), (late, first), (kept, again)):
        assert [one[0] for one in delays_ms(found)] == pytest.approx([first, second], abs=1e-5)


def test_tcp_sends_again_and_keeps_order() -> None:
    """Over TCP nothing is lost for good, and nothing overtakes."""
    found = play({"transport": "tcp", "loss": "20 %"}, {}, {"size": "1 kB", "count": 300, "every": "10 ms"})
    assert min(min(row) for row in delays_ms(found)) == 100
    assert counters(found)["resent"] == counters(found)["lost"] > 30
    behind = {"transport": "tcp", "reorder": "20 %", "reorder_by": "500 ms"}
    arrivals = [spread.arrival_ns[1] for spread in play(behind, {}, {"count": 300, "every": "10 ms"}).evidence.spreads]
    assert arrivals == sorted(arrivals)


def test_coding_takes_the_publishers_cpu() -> None:
    """Turbine codes 1 MB at 1 ms a KiB before the first shred leaves."""
    seat = {"cores": 1, "sign": "0 s", "verify": "0 s", "hash_per_kib": "0 s"}
    four = {"kind": "complete", "seats": 4}
    plain, coded = (
        np.array(delays_ms(play({}, {**seat, "encode_per_kib": cost}, topology=four, gossip={"kind": "turbine"}))).min()
        for cost in ("0 s", "1 ms")
    )
    assert coded - plain == pytest.approx(1e6 / 1024, abs=0.01)


ALL_ON: dict[str, Any] = {
    "duration": "20 s",
    "trace": "wire",
    "topology": {"kind": "regions", "seats": {"EUROPE": 6, "JAPAN": 6}, "degree": 4, "matrix": "simblock-2019"},
    "link": {
        **{"jitter": {"kind": "lognormal", "sigma": 0.3}, "loss": "20 %", "retransmit": "100 ms", "duplicate": "10 %"},
        **{"reorder": "10 %", "reorder_by": "300 ms", "rate": "5 Mbit/s"},
    },
    "seat": {
        **{"up": "20 Mbit/s", "down": "20 Mbit/s", "sharing": "fair", "lane": "1 kB", "cores": 1, "cpu": "ecdsa-p256"},
        **{"sign": "1 ms", "verify": "1 ms", "hash_per_kib": "20 us", "encode_per_kib": "20 us"},
    },
    "gossip": {"kind": "turbine"},
    "workload": [{"kind": "rumour", "size": "50 kB", "count": 4, "every": "100 ms"}],
}
OVER_TCP = {
    "transport": "tcp",
    "window": "3 kB",
    "idle_reset": "300 ms",
    "loss": "20 %",
    "latency": {"kind": "constant", "value": "99 ms"},
}
OTHER: dict[str, Any] = {
    **{"link.jitter.sigma": 0.31, "link.loss": "19 %", "link.retransmit": "101 ms", "link.duplicate": "11 %"},
    **{"link.reorder": "11 %", "link.reorder_by": "301 ms", "link.rate": "6 Mbit/s"},
    **{"seat.up": "21 Mbit/s", "seat.down": "21 Mbit/s", "seat.sharing": "fifo", "seat.lane": "2 MB", "seat.cores": 2},
    **{"seat.sign": "2 ms", "seat.verify": "2 ms", "seat.hash_per_kib": "21 us", "seat.encode_per_kib": "21 us"},
}
OTHER_OVER_TCP = {"link.window": "4 kB", "link.idle_reset": "50 ms", "link.transport": "datagram", "link.latency.value": "98 ms"}


def wire_digest(tables: dict[str, Any], changes: dict[str, Any]) -> str:
    """The trace of a run with every copy in it, with some keys changed."""
    for key in changes:
        if key == "link.transport":
            tables = {**tables, "link": {"latency": tables["link"]["latency"], "loss": "20 %", "retransmit": "1 s"}}
    texts = [f"{key}={json.dumps(value)}" for key, value in changes.items() if key != "link.transport"]
    copied = json.loads(json.dumps(tables))
    override(copied, texts)
    digest: str = sim.run(from_dict(copied)).to_dict()["medgossip"]["trace_digest"]
    return digest


@pytest.mark.parametrize("key", OTHER)
def test_every_key_of_link_and_seat_matters(key: str) -> None:
    """Another value of one key is another run, where all costs are on."""
    assert wire_digest(ALL_ON, {key: OTHER[key]}) != wire_digest(ALL_ON, {})


@pytest.mark.parametrize("key", OTHER_OVER_TCP)
def test_every_key_of_tcp_matters(key: str) -> None:
    """The same for what goes with TCP only."""
    topology = {"kind": "random-regular", "seats": 12, "degree": 4}
    tables = {**ALL_ON, "topology": topology, "link": OVER_TCP, "gossip": {"kind": "flood"}, "seat": {"up": "20 Mbit/s"}}
    assert wire_digest(tables, {key: OTHER_OVER_TCP[key]}) != wire_digest(tables, {})


EXECUTING: dict[str, Any] = {
    "duration": "20 s",
    "topology": {"kind": "complete", "seats": 4},
    "link": {"latency": {"kind": "constant", "value": "100 ms"}},
    "workload": [{"kind": "synthetic", "rate": 100.0, "size": "200 B"}],
}
NO_TIME = {"cores": 1, "sign": "0 s", "verify": "0 s", "hash_per_kib": "0 s"}


@pytest.mark.parametrize("bodies", ["gossip", "attached"])
@pytest.mark.parametrize("gossip", ["flood", "announce"])
def test_executing_is_done_by_the_proposer_and_then_by_everybody(bodies: str, gossip: str) -> None:
    """A block of k transactions of 1 ms is executed before it goes out and again before anybody votes on it: 2 k ms a decision."""
    consensus = {"kind": "pbft", "block_interval": "2 s", "max_block": "10 kB", "bodies": bodies}
    found = {}
    for execute in ("0 s", "1 ms"):
        report = sim.run(from_dict({**EXECUTING, "gossip": {"kind": gossip}, "consensus": consensus, "seat": {**NO_TIME, "execute": execute}}))  # fmt: skip
        assert report.ok(), report.text()
        assert ("executing transactions" in report.to_dict()["not_modelled"]) == (execute == "0 s")
        published = {row[3]: row[0] for row in report.evidence.trace if row[1] == "publish"}
        for row in report.evidence.trace:
            if row[1] == "decide":
                count = len(report.evidence.blocks[row[4]].transactions)
                found.setdefault(execute, []).append((count, (row[0] - published[row[4]]) / MS))
    (free_ms,) = {took_ms for _, took_ms in found["0 s"]}
    assert {count for count, _ in found["1 ms"]} >= {50}
    assert all(took_ms == free_ms + 2 * count for count, took_ms in found["1 ms"])


def test_a_seat_is_busy_with_a_block_that_came_in_pieces() -> None:
    """With one core it cannot vote before it has executed the block, though it has it."""
    tables = {
        **EXECUTING,
        "gossip": {"kind": "turbine"},
        "consensus": {"kind": "pbft", "block_interval": "2 s", "max_block": "10 kB"},
    }
    slow, fast = (
        sim.run(from_dict({**tables, "seat": {**NO_TIME, "execute": execute}})).to_dict()["consensus"]["consensus_time_s"]["p50"]
        for execute in ("1 ms", "0 s")
    )
    assert 0.09 < slow - fast < 0.16


def test_no_key_of_link_and_seat_is_forgotten() -> None:
    """Whoever adds a key to the two tables gives it a line above; `cpu` only fills in what is not given one by one."""
    tried = {key.split(".")[0] + "." + key.split(".")[1] for key in (*OTHER, *OTHER_OVER_TCP)}
    known = {f"{table}.{entry.name}" for table, part in (("link", Link), ("seat", Seat)) for entry in fields_of(part)}
    assert tried == known - {"seat.cpu", "seat.execute"}, "and executing needs blocks, see above"
    assert wire_digest(ALL_ON, {}) == wire_digest(ALL_ON, {})


REFUSED = (
    ('[link]\nretransmit = "1 s"', "link.retransmit", "while loss = 0"),
    ('[link]\nloss = "1 %"\nretransmit = "0 s"', "link.retransmit", "above 0"),
    ('[link]\nreorder = "1 %"', "link.reorder", "reorder_by = 0"),
    ('[link]\nreorder_by = "1 s"', "link.reorder_by", "reorder = 0"),
    ('[link]\nwindow = "10 kB"', "link.window", "datagrams"),
    ('[link]\nidle_reset = "10 s"', "link.idle_reset", "datagrams"),
    ('[link]\ntransport = "tcp"\nwindow = "0 B"', "link.window", "at least 1 B"),
    ('[link]\ntransport = "tcp"\nduplicate = "1 %"', "link.duplicate", "over tcp"),
    ('[link]\ntransport = "udp"', "link.transport", "datagram, tcp"),
    ('[seat]\nsharing = "fair"', "seat.sharing", "without rates"),
    ('[seat]\nsharing = "fair-up"\ndown = "1 Mbit/s"', "seat.sharing", "while up = 0"),
    ('[seat]\nlane = "1 kB"', "seat.lane", "without rates"),
    ('[seat]\ncpu = "secp256k1"', "seat.cpu", "while cores = 0"),
    ('[seat]\ncores = 1\ncpu = "secp256"', "seat.cpu", "did you mean 'secp256k1'"),
    ('[seat]\ncores = 1\ncpu = "nowhere.toml"', "seat.cpu", "cannot be read"),
    ('[seat]\nexecute = "1 ms"', "seat.execute", "while cores = 0"),
    ('[seat]\nencode_per_kib = "1 us"', "seat.encode_per_kib", "while cores = 0"),
)


@pytest.mark.parametrize(("table", "key", "words"), REFUSED)
def test_settings_without_effect_are_refused(table: str, key: str, words: str) -> None:
    """One sentence that names the key."""
    with pytest.raises(ScenarioError) as caught:
        loads(f'duration = "1 s"\n[topology]\nkind = "ring"\nseats = 4\n{table}\n')
    assert str(caught.value).startswith(f"{key}:")
    assert words in str(caught.value)


def test_report_says_what_is_off() -> None:
    """A cost that is on is not among what was not modelled."""
    off = play({}, {}).to_dict()["not_modelled"]
    assert {"bandwidth", "CPU time", "loss", "TCP windows", "duplicates", "copies that fall behind"} <= set(off)
    seat = {"up": "1 Gbit/s", "down": "1 Gbit/s", "sharing": "fair", "cores": 2}
    on = play({"loss": "1 %", "duplicate": "1 %", "reorder": "1 %", "reorder_by": "1 ms", "retransmit": "1 s"}, seat)
    assert on.to_dict()["not_modelled"] == ["latency jitter", "TCP windows", "clock drift", "storage latency"]
