"""SWIM: detection, dissemination, suspicion and refutation, its cost, and what each key changes. V32 is a row of `validate`."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import sim
from sim.kernel.errors import ScenarioError
from sim.net.swim import permuted
from sim.study.read import from_dict
from sim.study.report import Report
from sim.testing import fingerprint

SECOND = 1_000_000_000
CRASH = {"kind": "crash", "seats": ["seat-07"], "at": "10500 ms", "lasts": "30 s"}


def watched(swim: dict[str, Any] | None = None, seed: int = 1, **tables: Any) -> Report:
    """Fifty seats, one of which is away for half a minute."""
    scene = {
        "duration": "60 s",
        "topology": {"kind": "complete", "seats": 50},
        "link": {"latency": {"kind": "lognormal", "median": "40 ms", "sigma": 0.4}},
        "membership": {"kind": "swim", **(swim or {})},
        "fault": [CRASH],
    }
    return sim.run(from_dict({**scene, **tables}), seed)


def reports(report: Report, what: str) -> list[tuple[Any, ...]]:
    """(time in s, seat, about, was up) of each report of a kind."""
    return [(row[0] / SECOND, row[2], row[4], row[5]) for row in report.evidence.trace if row[1] == "member" and row[3] == what]


def test_a_crash_is_suspected_confirmed_and_known_to_all() -> None:
    """A suspicion lasts 5 log10(51) = 8.5 periods; news of the death reach the other 48 in a few more."""
    report = watched()
    table = report.to_dict()["membership"]
    assert table["crashes"] == 1 and table["detected_share"] == 1.0
    assert table["false_suspicions"] == table["false_deaths"] == 0
    first, given_up, known = (table[key]["max"] for key in ("first_detection_s", "confirmed_s", "known_to_all_s"))
    assert 0 < first < 6 and given_up == pytest.approx(first + 8.54, abs=1e-2) and given_up < known < given_up + 8
    knew = {row[1] for what in ("confirm", "learn") for row in reports(report, what) if row[2] == 7}
    assert knew == set(range(50)) - {7}
    assert "membership: swim" in report.text()


def test_it_costs_a_ping_and_an_ack_a_seat_and_period() -> None:
    """Without trouble exactly two packets, as large as said: 50 seats, 59 or 60 periods each, no news."""
    report = watched(fault=[])
    sent, sent_bytes = report.evidence.by_packet["membership"]
    assert sent == 2 * 50 * 60 - 2 * 50 + (sent - 5900) and 5900 <= sent <= 6000
    assert sent_bytes == 60 * sent
    assert report.to_dict()["membership"]["messages_per_seat_and_period"] == pytest.approx(2, abs=0.04)
    assert report.to_dict()["gossip"]["messages"] == 0, "membership is not gossip"
    more = watched({"clock": "common", "news_size": "100 B"}).evidence.by_packet["membership"]
    assert more[1] > 60 * more[0], "news weigh something"


def test_whoever_comes_back_is_pinged_again_and_found_again() -> None:
    """Two absences of one seat are two detections: its return has been believed."""
    again = {**CRASH, "at": "80 s"}
    table = watched(duration="120 s", fault=[CRASH, again]).to_dict()["membership"]
    assert table["crashes"] == 2 and table["detected_share"] == 1.0 and table["known_to_all_s"]["n"] == 2


def lossy(loss: str) -> dict[str, Any]:
    return {
        "fault": [],
        "duration": "200 s",
        "link": {"latency": {"kind": "lognormal", "median": "40 ms", "sigma": 0.4}, "loss": loss},
    }


def test_others_vouch_for_whom_a_lost_packet_made_suspect() -> None:
    """A tenth of all packets lost: without asking others a probe fails with 19 %, with them hardly ever."""
    usual, alone = (watched(keys, **lossy("10 %")).to_dict()["membership"] for keys in ({}, {"indirect": 0}))
    assert usual["false_suspicions"] < alone["false_suspicions"] / 5
    assert 0.5 < alone["false_suspicions"] / (50 * 199 * (1 - 0.9**2)) < 1.2


def test_a_suspicion_is_refuted_in_time_if_news_have_room() -> None:
    """Where a failed probe is death at once every false suspicion kills; a grace period saves all, unless the news are crowded out."""
    hasty, usual, crowded = (
        watched({"indirect": 0, **keys}, **lossy("2 %")).to_dict()["membership"]
        for keys in ({"suspicion": 0.0}, {}, {"most_news": 2})
    )
    assert hasty["false_deaths"] == hasty["false_suspicions"] > 200
    assert usual["false_suspicions"] > 200 and usual["false_deaths"] < hasty["false_deaths"] / 20
    assert crowded["false_deaths"] > hasty["false_deaths"] / 4


def test_round_robin_bounds_the_time_to_first_detection() -> None:
    """Within 2n - 1 periods by each single member, so within them by all; with random targets by one member there is no bound."""
    silent = [{"kind": "silent", "seats": [f"seat-{seat:02d}" for seat in range(1, 12)]}]  # one prober is left, and one prey
    probed = {"topology": {"kind": "complete", "seats": 13}, "adversary": silent, "duration": "200 s"}
    crash = [{**CRASH, "seats": ["seat-12"], "lasts": "180 s"}]
    slowest = {}
    for targets in ("round-robin", "random"):
        found = [
            watched({"targets": targets, "suspicion": 1000.0}, seed, fault=crash, **probed).to_dict()["membership"]
            for seed in range(1, 31)
        ]
        slowest[targets] = max(one["first_detection_s"]["max"] for one in found)
    assert slowest["round-robin"] <= 2 * 13 - 1 + 1, "and one period until the probe has failed"
    assert slowest["random"] > slowest["round-robin"]


@pytest.mark.parametrize("size", [1, 2, 3, 10, 64, 100])
def test_the_order_of_a_round_is_a_permutation(size: int) -> None:
    with np.errstate(over="ignore"):
        orders = [[int(permuted(key, place, size)) for place in range(size)] for key in range(5)]
    assert all(sorted(order) == list(range(size)) for order in orders)
    assert size < 10 or len(set(map(tuple, orders))) == 5


def test_a_silent_seat_is_taken_for_dead() -> None:
    table = watched(fault=[], adversary=[{"kind": "silent", "seats": ["seat-07"], "at": "10 s"}]).to_dict()["membership"]
    assert table["false_deaths"] > 0, "it is up: the detector cannot know"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("period", "2 s"),
        ("timeout", "30 ms"),
        ("indirect", 1),
        ("suspicion", 3.0),
        ("retransmit", 1),
        ("targets", "random"),
        ("clock", "common"),
        ("most_news", 1),
        ("contacts", 3),
        ("head_size", "90 B"),
        ("news_size", "80 B"),
    ],
)
def test_every_key_changes_something(key: str, value: Any) -> None:
    scene: dict[str, Any] = {"fault": [{**CRASH, "seats": 8}], "seat": {"up": "1 Mbit/s"}}
    plain, again, other = (watched(more, **scene) for more in ({}, {}, {key: value}))
    assert told(plain) == told(again)
    assert told(plain) != told(other)


def told(report: Report) -> tuple[Any, ...]:
    return fingerprint(report), report.evidence.by_packet["membership"]


@pytest.mark.parametrize(
    ("keys", "words"), [({"timeout": "2 s"}, "timeout"), ({"retransmit": 0}, "retransmit"), ({"indirect": 99}, "indirect")]
)
def test_what_cannot_be_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        watched(keys)


def test_too_many_members_are_refused() -> None:
    with pytest.raises(ScenarioError, match="do not fit in memory"):
        watched(topology={"kind": "ring", "seats": 20_000}, fault=[])


def test_compiled_and_interpreted_agree() -> None:
    """The same run in a process in which nothing is compiled."""
    lines = "import sys; sys.path.insert(0, 'tests'); import test_swim as t; print(t.told(t.small()))"
    environment = {"NUMBA_DISABLE_JIT": "1", "PATH": ""}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", lines], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == str(told(small())), done.stderr


def small() -> Report:
    tables = {**lossy("5 %"), "duration": "30 s", "fault": [{**CRASH, "lasts": "10 s"}]}
    return watched(topology={"kind": "complete", "seats": 12}, **tables)
