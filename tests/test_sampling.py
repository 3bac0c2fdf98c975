"""Data behind blocks in shares: what is released, what can be rebuilt, who believes it, and what all this does to agreement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sim
from sim.adversary.withhold_shares import Matrix, hidden_by
from sim.availability.custody import columns_of
from sim.availability.layout import Shape, kept_shares, mesh_of
from sim.availability.peeling import completing, rebuildable_at, rebuilt
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.study.read import from_dict
from sim.study.validation.sampled import by_custody, fooled, sampled, uncovered
from sim.testing import fingerprint

CUSTODY = {"kind": "custody", "columns": 32, "enough": 16, "blob": "200 kB", "custody": 2, "samples": 4}
GRID = {"kind": "grid", "side": 16, "heavy": 3, "heavy_validators": 100}
SAMPLING = {"kind": "sampling", "side": 16, "servers": 3, "samples": 8, "blob": "100 kB"}
SCHEMES = {"custody": CUSTODY, "grid": GRID, "sampling": SAMPLING}


def world(scheme: dict[str, Any], **more: Any) -> sim.Scenario:
    """Forty seats; seat-00 publishes three blocks with data behind them."""
    tables: dict[str, Any] = {
        "duration": "40 s",
        "topology": {"kind": "random-regular", "seats": 40, "degree": 6},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}},
        "gossip": {"kind": "flood"},
        "availability": scheme,
        "workload": [{"kind": "rumour", "size": "1 kB", "count": 3, "every": "10 s", "origin": "seat-00"}],
    }
    for key, value in more.items():
        tables[key] = {**tables[key], **value} if isinstance(value, dict) and key in tables else value
    return from_dict(tables)


def liar(pattern: str, **more: Any) -> list[dict[str, Any]]:
    return [{"kind": "withhold-shares", "seats": ["seat-00"], "pattern": pattern, **more}]


def section(scenario: sim.Scenario, seed: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = sim.run(scenario, seed).to_dict()["availability"]
    return found


# rebuilding -----------------------------------------------------------------------------------------------------------


LINES = [0b1111 << 4 * row for row in range(4)] + [0b1_0001_0001_0001 << column for column in range(4)]


def solver(pattern: int) -> bool:
    """An independent judge on whole numbers: over and over, any line of four with two of its cells is filled."""
    before = -1
    while before != pattern:
        before = pattern
        for line in LINES:
            if (pattern & line).bit_count() >= 2:
                pattern |= line
    return pattern == 0xFFFF


def test_repair_agrees_with_another_solver_on_all_patterns_of_a_grid_of_four() -> None:
    ways = {True: 0, False: 0}
    for pattern in range(1 << 16):
        order = np.array([cell for cell in range(16) if pattern >> cell & 1], np.int64)
        found = int(completing(order, 4, 4, 2, 2)) >= 0
        ways[found] += 1
        assert found == solver(pattern), f"{pattern:016b}"
    assert min(ways.values()) > 1000


def filled(there: NDArray[np.bool_], across: int, down: int) -> bool:
    """Another judge, for any matrix: fill lines until nothing more can be filled."""
    there = there.copy()
    before = -1
    while before != (before := int(there.sum())):
        there[there.sum(axis=1) >= across] = True
        there[:, there.sum(axis=0) >= down] = True
    return bool(there.all())


def test_repair_agrees_where_the_matrix_is_no_square() -> None:
    """All patterns of 2 x 6 and of 4 x 2 cells, half of a row and half of a column being enough."""
    for rows, columns in ((2, 6), (4, 2)):
        ways = {True: 0, False: 0}
        for pattern in range(1 << rows * columns):
            there = np.array([pattern >> cell & 1 for cell in range(rows * columns)], np.bool_).reshape(rows, columns)
            found = rebuilt(there, columns // 2, rows // 2)
            ways[found] += 1
            assert found == filled(there, columns // 2, rows // 2), (rows, columns, pattern)
        assert min(ways.values()) > 10


def test_linear_algebra_agrees_with_peeling_where_peeling_succeeds() -> None:
    """A real product code: the cells that peeling fills are those that a decoder of rows and columns gives back, byte for byte."""
    from sim.availability import code

    text = np.frombuffer(bytes(range(1, 5)), np.uint8).reshape(2, 2)
    rows = [code.encode(bytes(line), 4, 2) for line in text]
    square = [code.encode(bytes(row[column][0] for row in rows), 4, 2) for column in range(4)]
    cells = np.array([[square[column][row][0] for column in range(4)] for row in range(4)], np.uint8)
    for row in range(4):  # a product code: each row is a code word too
        assert code.decode({2: bytes([cells[row, 2]]), 3: bytes([cells[row, 3]])}, 4, 2, 2) == bytes(cells[row, :2])


@pytest.mark.parametrize("enough", [1, 3, 5])
def test_in_one_dimension_it_is_the_kth_share(enough: int) -> None:
    times = np.array([[70, -1, 20, 50, -1, 10]], np.int64)
    expected = {1: 10, 3: 50, 5: -1}
    assert rebuildable_at(times, enough, 1) == expected[enough]


def test_the_moment_of_rebuilding_is_that_of_the_last_share_needed() -> None:
    """Two full rows of four in time 5, then a third cell of each other row is given by its columns at once."""
    times = np.full((4, 4), -1, np.int64)
    times[0, :2], times[1, :2] = 5, 9
    assert rebuildable_at(times, 2, 2) == 9
    times[1, 1] = -1
    assert rebuildable_at(times, 2, 2) == -1


BOUNDARY = ("all", "minimal", "almost-minimal", "diagonal", "almost-diagonal", "maximal", "past-maximal")


def patterns() -> Iterator[tuple[str, Matrix]]:
    for rows, columns, enough in (
        (1, 32, 16),
        (16, 16, 8),
        (8, 8, 4),
        (1, 5, 3),
        (6, 4, 2),
        (4, 10, 5),
        (8, 12, 6),
        (12, 8, 4),
        (256, 256, 128),
    ):
        yield from ((pattern, Matrix(rows, columns, enough, rows // 2)) for pattern in BOUNDARY)


@pytest.mark.parametrize(("pattern", "matrix"), list(patterns()))
def test_the_patterns_lie_on_the_boundary(pattern: Any, matrix: Matrix) -> None:
    """Each unrecoverable pattern is told from its neighbour, one share apart; the least and the most are what is reckoned."""
    rows, columns, enough = matrix.rows, matrix.columns, matrix.enough
    for seed in range(20 if columns < 100 else 1):
        hidden: NDArray[np.bool_] = hidden_by(pattern, 0, matrix, Dice(seed), "block")
        least = (columns - enough + 1) * (1 if rows == 1 else rows - matrix.enough_down + 1)
        most = rows * columns - enough * (1 if rows == 1 else matrix.enough_down)
        sizes = {"all": rows * columns, "minimal": least, "almost-minimal": least - 1, "maximal": most, "past-maximal": most + 1}
        assert hidden.sum() == sizes.get(pattern, hidden.sum())
        expected = pattern in ("almost-minimal", "almost-diagonal", "maximal")
        if pattern != "almost-diagonal" or rows in (1, columns):
            assert rebuilt(~hidden, enough, matrix.enough_down) == expected
        if pattern == "diagonal":
            assert (~hidden).sum(axis=1).max() < enough
            assert rows == 1 or (~hidden).sum(axis=0).max() < matrix.enough_down


def test_meshes_are_what_they_should_be() -> None:
    members = np.arange(100, 140)
    mesh = mesh_of(members, 6, Dice(1), 0)
    assert mesh.shape == (40, 6) and (mesh >= 100).all() and (mesh < 140).all()
    assert (mesh != members[:, None]).all() and np.bincount(mesh.ravel())[100:].tolist() == [6] * 40
    few = mesh_of(members[:3], 6, Dice(1), 0)
    assert sorted(few[0][few[0] >= 0]) == [101, 102]
    shape = Shape(2, 8, 8, 4, 4, 6, 1, 0, 1, 0, 0, 0, True)
    assert kept_shares(shape, np.array([0, 1, 8])) == 2 * 8 + 8 - 2


# runs -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEMES)
def test_in_peace_all_are_satisfied(name: str) -> None:
    found = section(world(SCHEMES[name]))
    assert found["kind"] == name and found["available_share"] == 1.0
    assert found["sampling"]["false_reject"] == 0.0 and found["sampling"]["false_accept"] is None
    assert 0 < found["sampling"]["confidence_s"]["max"] < 5


@pytest.mark.parametrize("name", SCHEMES)
def test_the_boundary_decides(name: str) -> None:
    """With the least kept back nobody can ever rebuild it; with one share less, who can rebuild does, and all are satisfied."""
    scheme = SCHEMES[name] if name != "custody" else {**CUSTODY, "supernodes": 2}
    lost = section(world(scheme, adversary=liar("minimal")))
    assert lost["available_share"] == 0.0 and lost["sampling"]["unavailable_blocks"] == 3
    assert lost["sampling"]["false_accept"] < 0.2 and lost["sampling"]["false_reject"] is None
    found = section(world(scheme, adversary=liar("almost-minimal")))
    assert found["available_share"] == 1.0 and found["sampling"]["false_reject"] == 0.0


def test_everything_kept_back_satisfies_nobody() -> None:
    found = section(world(CUSTODY, adversary=liar("all")))
    assert found["sampling"]["confidence_s"]["p50"] is None and found["sampling"]["false_accept"] == 0.0


def test_without_a_supernode_nobody_rebuilds_columns() -> None:
    """Enough columns are out, so the data is there; yet who needs a column that was kept back never gets it."""
    found = section(world(CUSTODY, adversary=liar("almost-minimal")))
    assert found["available_share"] == 1.0 and found["sampling"]["false_reject"] > 0.5


def test_selective_disclosure_fools_its_victims_and_no_others() -> None:
    victims = [f"seat-{number:02d}" for number in range(10, 20)]
    report = sim.run(world(CUSTODY, adversary=liar("minimal", victims=victims)))
    for one in report.evidence.shared:
        assert (one.accepted_ns[10:20] >= 0).all()
    plain = section(world(CUSTODY, adversary=liar("minimal")))["sampling"]["false_accept"]
    assert report.to_dict()["availability"]["sampling"]["false_accept"] >= plain + 0.2


def test_a_wrong_code_is_refused_or_found_out() -> None:
    """With commitments no share is taken; with Merkle trees all look right until somebody rebuilds and tells everybody."""
    wrong = [{"kind": "miscode", "seats": ["seat-00"]}]
    scheme = {**CUSTODY, "supernodes": 2}
    refused = section(world({**scheme, "proof": "kzg"}, adversary=wrong))["sampling"]
    assert refused["false_accept"] == 0.0 and refused["confidence_s"]["p50"] is None and refused["fraud_known_s"]["n"] == 0
    rotten = world({**scheme, "proof": "merkle"}, adversary=[*wrong, *liar("almost-minimal")][:1])
    blind = section(rotten.but(**{"availability.supernodes": 0}))["sampling"]
    assert blind["false_accept"] == 1.0, "nobody keeps enough to see it"


def test_fraud_proofs_reach_everybody() -> None:
    """A server that lacks some shares rebuilds them, finds that they do not fit, and its proof goes round."""
    wrong = [{"kind": "miscode", "seats": ["seat-00"]}]
    lossy = {"link": {"loss": "2 %"}}
    found = section(world({**SAMPLING, "degree": 1, "copies": 1}, adversary=wrong, **lossy))["sampling"]
    assert found["false_accept"] == 0.0 and found["fraud_known_s"]["n"] > 100
    honest = section(world({**SAMPLING, "degree": 1, "copies": 1}, **lossy))["sampling"]
    assert honest["fraud_known_s"] is None


def test_liars_in_custody_are_outvoted_by_asking_others() -> None:
    """A third relays nothing and serves nothing; who asks again is satisfied later, who only waits may never be."""
    silent = [{"kind": "withhold", "seats": [f"seat-{number:02d}" for number in range(1, 14)]}]
    thin = {**CUSTODY, "degree": 2, "copies": 1}
    waiting = section(world({**thin, "turns": 0}, adversary=silent))["sampling"]
    asking = section(world({**thin, "turns": 3}, adversary=silent))["sampling"]
    assert asking["false_reject"] < waiting["false_reject"]


def test_a_light_node_asks_again_where_a_server_is_silent() -> None:
    silent = [{"kind": "custody-liar", "seats": 1, "at": "0 s"}]
    once = section(
        world({**SAMPLING, "turns": 0, "servers": ["seat-01", "seat-02"]}, adversary=[{**silent[0], "seats": ["seat-01"]}])
    )
    again = section(
        world({**SAMPLING, "turns": 8, "servers": ["seat-01", "seat-02"]}, adversary=[{**silent[0], "seats": ["seat-01"]}])
    )
    assert once["sampling"]["false_reject"] > 0.9 and again["sampling"]["false_reject"] < 0.1
    assert again["sampling"]["confidence_s"]["p50"] > 1


@pytest.mark.parametrize("name", SCHEMES)
def test_every_key_has_an_effect(name: str) -> None:
    others: dict[str, dict[str, Any]] = {
        "custody": {
            "columns": 34, "enough": 20, "blob": "300 kB", "custody": 6, "samples": 3, "supernodes": 0, "degree": 4, "copies": 2,
            "patience": "700 ms", "turns": 0, "proof": "merkle", "rebuild": "900 ms", "deadline": "300 ms", "missing": 1,
            "commit": "1 s", "peers": 9,
        },
        "grid": {
            "side": 18, "height": 12, "cell": "700 B", "rows": 1, "columns": 1, "validators": 2, "heavy": 5, "heavy_validators": 3, "degree": 4,
            "copies": 3, "patience": "700 ms", "turns": 0, "proof": "merkle", "rebuild": "900 ms", "deadline": "300 ms",
            "commit": "1 s",
        },
        "sampling": {
            "dimensions": 1, "side": 18, "blob": "300 kB", "samples": 5, "servers": 4, "degree": 1, "copies": 1,
            "patience": "700 ms", "turns": 0, "proof": "kzg", "rebuild": "900 ms", "deadline": "300 ms", "missing": 1, "commit": "1 s",
        },
    }  # fmt: skip
    harsh = {"link": {"loss": "10 %"}, "seat": {"cores": 2, "up": "50 Mbit/s"}, "adversary": liar("almost-minimal")}
    thin = {"supernodes": 3, "degree": 2, "copies": 3} if name == "custody" else {}
    scheme = {**SCHEMES[name], **thin, "turns": 2, "patience": "300 ms"}
    before = sim.run(world(scheme, **harsh))
    for key, value in others[name].items():
        after = sim.run(world({**scheme, key: value}, **harsh))
        assert after.to_dict()["availability"] != before.to_dict()["availability"], key


@pytest.mark.parametrize(
    ("scheme", "key", "said"),
    [({"kind": "custody", "enough": 129}, "enough", "128"), ({"kind": "grid", "side": 7}, "side", "even"),
     ({"kind": "sampling", "samples": 0}, "samples", "drawn"), ({"kind": "sampling", "servers": "nobody"}, "servers", "nobody"),
     ({"kind": "custody", "supernodes": 99}, "supernodes", "only 40"), ({"kind": "grid", "degree": 0}, "degree", "at least 1"),
     ({"kind": "custody", "patience": "0 s"}, "patience", "1 ms"), ({"kind": "custody", "copies": 0}, "copies", "nobody"),
     ({"kind": "custody", "samples": 129}, "samples", "128"), ({"kind": "custody", "columns": 10**6}, "columns", "262,144"),
     ({"kind": "grid", "side": 100_000}, "side", "262,144"), ({"kind": "grid", "cell": "0 B"}, "cell", "0 bytes"),
     ({"kind": "grid", "rows": 65}, "rows", "64"), ({"kind": "grid", "height": 5}, "height", "even"), ({"kind": "grid", "heavy_validators": 0}, "heavy_validators", "at least 1"),
     ({"kind": "sampling", "servers": 40}, "servers", "leave somebody out"), ({"kind": "sampling", "side": 10_000}, "side", "262,144"),
     ({"kind": "certificate", "blob": "0 B"}, "blob", "0 bytes"), ({"kind": "custody", "degree": 10**5}, "degree", "1000"),
     ({"kind": "sampling", "missing": 16}, "missing", "knows nothing"), ({"kind": "custody", "missing": 8}, "missing", "knows nothing"), ({"kind": "custody", "peers": 1001}, "peers", "at most 1000"),
     ({"kind": "grid", "commit": "1 s"}, "commit", "no effect"), ({"kind": "erasure", "hedge": 5}, "hedge", "only 4")],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_sentence(scheme: dict[str, Any], key: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said) as caught:
        sim.run(world(scheme))
    assert key in str(caught.value)


def test_tricks_without_data_are_refused() -> None:
    with pytest.raises(ScenarioError, match="custody"):
        sim.run(world(CUSTODY, adversary=liar("all")).but(availability=None))


@pytest.mark.parametrize("name", SCHEMES)
def test_the_same_bytes_twice(name: str) -> None:
    scenario = world(SCHEMES[name], adversary=liar("almost-minimal"), link={"loss": "5 %"})
    assert fingerprint(sim.run(scenario)) == fingerprint(sim.run(scenario))


def test_whoever_keeps_a_column_is_struck() -> None:
    """Four columns, two of which are enough, each node keeps one: without the keepers of three nothing is left, without those of two all."""
    scheme = {"kind": "custody", "columns": 4, "enough": 2, "blob": "20 kB", "custody": 1, "samples": 1}
    last = next(seat for seat in range(40) if columns_of(f"seat-{seat:02d}", 1, 4, Dice(1)).tolist() == [3])
    origin = {"kind": "rumour", "size": "1 kB", "origin": f"seat-{last:02d}", "first": "5 s"}
    for columns, there in ((2, 1.0), (3, 0.0)):
        strike = [{"kind": "crash", "custodians": columns, "at": "1 s"}]
        assert section(world(scheme, workload=[origin], fault=strike))["available_share"] == there


# closed forms for other numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dimensions", "side", "samples"), [(1, 20, 2), (1, 50, 3), (2, 8, 4), (2, 12, 6)])
def test_light_nodes_are_fooled_as_often_as_reckoned(dimensions: int, side: int, samples: int) -> None:
    measured = sampled(dimensions, side, samples)(4)
    half = side // 2
    withheld = half + 1 if dimensions == 1 else (half + 1) ** 2
    expected = fooled(side**dimensions, side**dimensions - withheld, samples)
    assert abs(measured.value - expected) < 4 * (measured.error or 0)
    assert abs(measured.value - fooled(side**dimensions, side**dimensions - withheld, samples + 1)) > 4 * (measured.error or 0)


def test_custody_and_cover_for_other_numbers() -> None:
    measured = by_custody(3, enough=20, columns=40)(6)
    assert abs(measured.value - fooled(40, 19, 3)) < 4 * (measured.error or 0)
    counts = uncovered(30, custody=2, columns=40)(40)
    expected = 40 * (1 - 2 / 40) ** 30
    assert abs(np.mean(counts) - expected) < 4 * np.std(counts, ddof=1) / np.sqrt(len(counts))


# certificates ---------------------------------------------------------------------------------------------------------


def certified(way: str, hidden: float = 0.0, **more: Any) -> tuple[dict[str, Any], Any]:
    """Seven seats, f = 2. The publisher hands out all shares, or only the last ones; seats 5 and 6 sign and never serve."""
    tables = {
        "duration": "20 s",
        "topology": {"kind": "complete", "seats": 7},
        "link": {"latency": {"kind": "constant", "value": "50 ms"}},
        "gossip": {"kind": "flood"},
        "availability": {"kind": "certificate", "way": way, "blob": "70 kB", **more},
        "workload": [{"kind": "rumour", "size": "1 kB", "origin": "seat-0"}],
    }
    if hidden:
        tables["adversary"] = [
            {"kind": "withhold-shares", "seats": ["seat-0"], "pattern": "sequential", "share": hidden},
            {"kind": "custody-liar", "seats": ["seat-5", "seat-6"]},
        ]
    report = sim.run(from_dict(tables))
    return report.to_dict()["availability"], report


@pytest.mark.parametrize(("way", "share_bytes"), [("coded", 70_000 / 3 + 32 * 4), ("whole", 70_000)])
def test_a_certificate_takes_three_delays_and_costs_what_it_says(way: str, share_bytes: float) -> None:
    found, report = certified(way)
    accepted = report.evidence.shared[0].accepted_ns
    assert accepted[0] == 100_000_000 and (accepted[1:] == 150_000_000).all()
    packets = report.evidence.by_packet
    assert packets["control"] == (6, 6 * (12 + 32 + 64)), "each of the others signs once"
    bodies = 6 + 6 + (6 * 6)  # shares, certificates, and the flooded block: one to each by its publisher, then five each
    assert packets["body"][0] == bodies
    assert packets["body"][1] == pytest.approx(6 * share_bytes + 6 * (12 + 32 + 96 + 1) + 36 * 1000, abs=6)
    assert found["sampling"]["false_reject"] == 0.0


def test_too_few_signatures_certify_what_nobody_can_have() -> None:
    """Three shares of seven are out, two of them at liars: three signatures are there, one honest share."""
    few, _ = certified("coded", hidden=4 / 7, signers=3)
    assert few["available_share"] == 0.0 and few["sampling"]["false_accept"] == 1.0
    usual, _ = certified("coded", hidden=4 / 7)
    assert usual["available_share"] == 0.0 and usual["sampling"]["false_accept"] == 0.0
    just, _ = certified("coded", hidden=2 / 7)
    assert just["available_share"] == 1.0 and just["sampling"]["false_reject"] == 0.0, "five signed, three of them honest"


@pytest.mark.parametrize(("key", "value"), [("enough", 9), ("signers", 8), ("signers", 0), ("enough", 2)])
def test_impossible_certificates_are_refused(key: str, value: int) -> None:
    way = "whole" if (key, value) == ("enough", 2) else "coded"
    with pytest.raises(ScenarioError, match=key):
        certified(way, **{key: value})


def test_a_certificate_keeps_the_lost_from_being_final() -> None:
    blind, careful = (agreeing(vote, "all", {"kind": "certificate", "blob": "50 kB"}) for vote in ("at-once", "when-available"))
    assert blind["availability"]["final_unavailable"]["blocks"] > 3 and careful["availability"]["final_unavailable"]["blocks"] == 0
    assert careful["consensus"]["decided"] > 30


# agreement ------------------------------------------------------------------------------------------------------------


def agreeing(vote: str, pattern: str, scheme: dict[str, Any] | None = None) -> dict[str, Any]:
    tables = {
        "duration": "60 s",
        "topology": {"kind": "complete", "seats": 7},
        "link": {"latency": {"kind": "exponential", "mean": "20 ms"}},
        "gossip": {"kind": "flood"},
        "consensus": {"kind": "pbft", "block_interval": "1 s", "patience": "2 s"},
        "availability": {**(scheme or {**CUSTODY, "custody": 8}), "vote": vote},
        "workload": [{"kind": "synthetic", "rate": 2.0}],
        "adversary": [{"kind": "withhold-shares", "seats": ["seat-0"], "pattern": pattern}],
    }
    return sim.run(from_dict(tables)).to_dict()


def test_voting_only_for_what_is_there_keeps_the_lost_from_being_final() -> None:
    """One leader of seven keeps data back: voted for at once its blocks are final and nobody can have them; else it is passed over."""
    blind, careful = agreeing("at-once", "minimal"), agreeing("when-available", "minimal")
    assert blind["availability"]["final_unavailable"]["share"] == pytest.approx(1 / 7, abs=0.02)
    assert blind["availability"]["available_share"] == 1 - blind["availability"]["final_unavailable"]["share"]
    assert blind["availability"]["final_unavailable"]["for_s"]["max"] > 50, "to the end of the run"
    assert careful["availability"]["final_unavailable"]["blocks"] == 0 and careful["availability"]["available_share"] == 1.0
    assert blind["consensus"]["decided"] > careful["consensus"]["decided"] > 40 and careful["consensus"]["view_changes"] >= 7
    for one in (blind, careful):
        assert all(check["verdict"] != "fail" for check in one["checks"]), "safety is not touched"
    waited, at_once = (one["consensus"]["consensus_time_s"]["mean"] for one in (careful, blind))
    assert waited > at_once, "the price of the check"
