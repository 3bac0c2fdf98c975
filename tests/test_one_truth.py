"""One truth: the compiled core, the same code interpreted, and a slow loop written anew agree bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from generated_networks import drawn_case
from played_networks import compiled_outcome, digest, slow_outcome
from reference_loop import SlowWorld
from reference_things import BLOB, BODY, CERTIFICATE, MESSAGE
from reference_trips import SlowTrips

TESTS = Path(__file__).parent
CASES, HEAVY_CASES, INTERPRETED_CASES, TRIP_CASES = 400, 40, 30, 240
BATCH = 40


def differences(seed: int, heavy: bool = False, trips: bool = False) -> dict[str, Any]:
    """What differs between core and reference in a case: by name, the first place and what each has there."""
    core, slow = compiled_outcome(drawn_case(seed, heavy, trips)), slow_outcome(drawn_case(seed, heavy, trips))
    found = {}
    for name in slow:
        if core[name] != slow[name]:
            rows = zip(core[name], slow[name], strict=False)
            place = next((place for place, (one, other) in enumerate(rows) if one != other), min(len(core[name]), len(slow[name])))
            found[name] = (place, core[name][place : place + 1], slow[name][place : place + 1])
    return found


@pytest.mark.parametrize("first", range(0, CASES, BATCH))
def test_core_and_reference_agree(first: int) -> None:
    """Arrivals, the fate of every copy, bytes, counters, mail and wake-ups, in value and order."""
    assert {seed: found for seed in range(first, first + BATCH) if (found := differences(seed))} == {}


@pytest.mark.parametrize("first", range(0, TRIP_CASES, BATCH))
def test_core_and_reference_agree_where_copies_have_trips_of_their_own(first: int) -> None:
    """Shared uplinks, the lane, rates of links, retransmission, duplicates, stragglers, TCP: alone and together."""
    assert {seed: found for seed in range(first, first + BATCH) if (found := differences(seed, trips=True))} == {}
    assert {seed: found for seed in range(first // BATCH, 4, 4) if (found := differences(seed, heavy=True, trips=True))} == {}


def test_core_and_reference_agree_under_votes_of_all_to_all() -> None:
    """Thousands of copies pending at once: buckets crowd, their width changes, arrays grow on the way."""
    assert {seed: found for seed in range(HEAVY_CASES) if (found := differences(seed, heavy=True))} == {}


def test_cases_reach_every_corner() -> None:
    """The drawn cases do exercise what they are meant to: every fate, packet, wake-up, queue and meter occurs."""
    outcomes = [slow_outcome(drawn_case(seed)) for seed in range(120)]
    fates = [sum(outcome["fates"][fate] for outcome in outcomes) for fate in range(4)]
    packets = {packet for outcome in outcomes for packet in range(6) if outcome["by_packet"][packet][0]}
    assert min(fates) > 100
    assert packets == set(range(6))
    assert sum(len(outcome["wakes"]) for outcome in outcomes) > 1000
    assert sum(len(outcome["stops"]) for outcome in outcomes) > 200
    for meter in range(5):
        assert sum(seat[meter] > 0 for outcome in outcomes for seat in outcome["seats"]) > 100


def interpreted(hash_seed: str) -> subprocess.Popen[str]:
    """A process that plays cases on the interpreted core and prints a digest of each; a warning is an error there."""
    code = (
        "from generated_networks import drawn_case\nfrom played_networks import compiled_outcome, digest\nfrom sim.kernel.jit import COMPILED\nassert not COMPILED\n"
        f"for seed in range({INTERPRETED_CASES}): print(digest(compiled_outcome(drawn_case(seed, trips=seed % 2 == 1))))"
    )
    path = os.pathsep.join((str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")))
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", code]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_interpreted_core_agrees_under_any_hash_seed() -> None:
    """NUMBA_DISABLE_JIT, two processes with different PYTHONHASHSEED: the digests of this process."""
    processes = [interpreted("0"), interpreted("12345")]
    expected = [digest(compiled_outcome(drawn_case(seed, trips=seed % 2 == 1))) for seed in range(INTERPRETED_CASES)]
    for process in processes:
        printed, complaints = process.communicate(timeout=120)
        assert process.returncode == 0, complaints
        assert printed.split() == expected


LEFT_OUT: dict[str, tuple[str, Any]] = {
    "acknowledgements": ("_stall_ns", lambda *_: 0),
    "queue": ("_join", lambda self, seat, trip: self._depart(trip, self.world.now_ns, self.world.now_ns - self._work_ns(trip))),
    "alarm": ("_set_alarm", lambda *_: None),
    "departure": ("_leave", lambda self, seat, trip, *_: self._depart(trip, self.world.now_ns, self.world.now_ns)),
    "travel": ("_travel", lambda self, trip, key, link, leaves_ns, begun_ns: self.world._push(leaves_ns, "arrived", trip.target, trip.letter)),
}  # fmt: skip


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_is_left_out_of_a_trip_shows(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison notices when one side leaves out a part of the way."""
    monkeypatch.setattr(SlowTrips, *LEFT_OUT[what])
    assert any(differences(seed, trips=True) for seed in range(20))


@pytest.mark.parametrize("packets", [(BODY, BLOB), (MESSAGE, CERTIFICATE)])
def test_executing_that_is_left_out_shows(packets: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are executed where they arrive alone and where they arrive inside a message."""
    whole = SlowWorld._executing_ns
    monkeypatch.setattr(SlowWorld, "_executing_ns", lambda self, seat, one: 0 if one.packet in packets else whole(self, seat, one))
    assert any(differences(seed) for seed in range(120))


def test_trips_reach_every_corner() -> None:
    """The drawn trips do double, repeat and delay copies, and queue them."""
    outcomes = [slow_outcome(drawn_case(seed, trips=True)) for seed in range(80)]
    assert sum(outcome["counts"][4] for outcome in outcomes) > 300, "duplicates"
    assert sum(outcome["counts"][5] for outcome in outcomes) > 300, "sent again"
    assert sum(seat[2] > 0 for outcome in outcomes for seat in outcome["seats"]) > 100, "queues"
