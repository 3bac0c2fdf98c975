"""Topologies: right shape, one piece, same seed same links, and one sentence for whatever cannot be."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.graph_file import File
from sim.net.matrices import load_matrix
from sim.net.places import Hospitals, Regions, distance_ns
from sim.net.topologies import Complete, Geometric, Grid, Line, RandomRegular, Ring, ScaleFree, SmallWorld, Star
from sim.net.topology import Topology, linked

ALL: list[Any] = [
    Complete(seats=9), Ring(seats=9), Line(seats=9), Star(seats=9), Grid(rows=3, columns=4), Grid(rows=3, columns=3, wrap=True),
    RandomRegular(seats=60, degree=4), RandomRegular(seats=20, degree=13), SmallWorld(seats=60, degree=4),
    ScaleFree(seats=60, links=3), Geometric(seats=60), Regions(seats={"north": 10, "cloud": 5}), Hospitals(),
]  # fmt: skip


def digest(topology: Topology) -> str:
    """A name for everything in a topology."""
    whole = hashlib.blake2b(digest_size=16)
    whole.update(repr((topology.names, topology.roles, topology.regions)).encode())
    for array in (topology.offsets, topology.neighbours, topology.sites, topology.base_ns):
        whole.update(b"-" if array is None else array.tobytes())
    return whole.hexdigest()


def assert_simple(topology: Topology) -> None:
    """Links go both ways, ascend, and join no seat to itself; everybody is reached."""
    sets = [topology.neighbours_of(seat).tolist() for seat in range(topology.n)]
    for seat, others in enumerate(sets):
        assert others == sorted(set(others))
        assert seat not in others
        assert all(seat in sets[other] for other in others)
    assert topology.hops_from(0).min() == 0
    assert (topology.hops_from(0) >= 0).all()


@pytest.mark.parametrize("shape", ALL, ids=lambda shape: type(shape).__name__)
def test_every_shape_is_simple_connected_and_repeatable(shape: Any) -> None:
    one = shape.build(Dice(3))
    assert_simple(one)
    assert digest(one) == digest(shape.build(Dice(3)))
    assert one.offsets.dtype == one.neighbours.dtype == one.sites.dtype == np.int32
    assert len(set(one.names)) == one.n


@pytest.mark.parametrize("shape", ALL[6:], ids=lambda shape: type(shape).__name__)
def test_another_seed_gives_another_network(shape: Any) -> None:
    assert digest(shape.build(Dice(3))) != digest(shape.build(Dice(4)))


def test_link_counts_of_plain_shapes() -> None:
    dice = Dice(0)
    links = [shape.build(dice).links for shape in ALL[:6]]
    assert links == [36, 9, 8, 8, 17, 18]
    assert Star(seats=9).build(dice).degrees.tolist() == [8] + [1] * 8
    assert [shape(seats=1).build(dice).links for shape in (Complete, Ring, Line, Star)] == [0, 0, 0, 0]
    assert Ring(seats=2).build(dice).links == 1
    assert Grid(rows=2, columns=2, wrap=True).build(dice).links == 4


@pytest.mark.parametrize(
    ("seats", "degree"), [(2, 1), (4, 3), (5, 2), (6, 3), (7, 4), (9, 6), (50, 3), (50, 48), (64, 32), (200, 8)]
)
def test_random_regular_is_simple_and_regular(seats: int, degree: int) -> None:
    for seed in range(5):
        topology = RandomRegular(seats=seats, degree=degree).build(Dice(seed))
        assert set(topology.degrees.tolist()) == {degree}
        assert_simple(topology)


def test_random_regular_links_each_pair_equally_often() -> None:
    """Six seats, degree 3: each of 15 pairs is linked with chance 3/5; accept 4 standard errors."""
    runs = 1500
    seen = np.zeros((6, 6))
    for seed in range(runs):
        topology = RandomRegular(seats=6, degree=3).build(Dice(seed))
        seen[np.repeat(np.arange(6), 3), topology.neighbours] += 1
    shares = seen[np.triu_indices(6, 1)] / runs
    assert np.abs(shares - 0.6).max() < 4 * (0.24 / runs) ** 0.5


def test_hops_of_random_regular_networks() -> None:
    """V20: 1000 seats, degree 8: 3.599 hops on average, eccentricity 5."""
    hops = [RandomRegular(seats=1000, degree=8).build(Dice(seed)).hops_from(0) for seed in range(40)]
    assert np.mean([row.sum() / 999 for row in hops]) == pytest.approx(3.599, abs=0.003)
    assert np.mean([row.max() for row in hops]) == pytest.approx(5.0, abs=0.1)


def test_hundred_thousand_seats() -> None:
    topology = RandomRegular(seats=100_000, degree=8).build(Dice(1))
    assert (topology.degrees == 8).all()
    assert topology.links == 400_000


def test_random_shapes_have_the_mean_degree_they_promise() -> None:
    dice = Dice(5)
    assert SmallWorld(seats=500, degree=6, probability=0.3).build(dice).links == 1500
    assert ScaleFree(seats=500, links=3).build(dice).links == 6 + 496 * 3
    assert ScaleFree(seats=2000, links=3).build(dice).degrees.max() > 60
    inner = Geometric(seats=2000, degree=20).build(dice).degrees.mean()
    assert 17 < inner < 20
    still = SmallWorld(seats=20, degree=4, probability=0).build(dice)
    assert still.neighbours_of(0).tolist() == [1, 2, 18, 19]


def test_rewired_share_of_a_small_world() -> None:
    topology = SmallWorld(seats=4000, degree=4, probability=0.25).build(Dice(2))
    ones = np.repeat(np.arange(4000), topology.degrees)
    apart = np.abs(ones - topology.neighbours)
    rewired = (np.minimum(apart, 4000 - apart) > 2).sum() / 2 / 8000
    assert abs(rewired - 0.25) < 4 * (0.25 * 0.75 / 8000) ** 0.5


def test_regions_and_their_matrix() -> None:
    plain = Regions(seats={"north": 10, "south": 10, "cloud": 5}).build(Dice(1))
    assert plain.base_ns is None
    assert plain.names[7] == "north-7" and plain.regions[7] == "north" and plain.names[24] == "cloud-4"
    measured = Regions(seats={"EUROPE": 3, "JAPAN": 4}, matrix="simblock-2015").build(Dice(1))
    assert measured.base_ns is not None
    assert measured.base_ns.tolist() == [[12_000_000, 266_000_000], [266_000_000, 9_000_000]]
    assert measured.sites.tolist() == [0, 0, 0, 1, 1, 1, 1]
    halved = Regions(seats={"Oregon": 2, "Virginia": 2}, matrix="aws-2019").build(Dice(1))
    assert halved.base_ns is not None and halved.base_ns[0, 1] == 40_500_000


def test_aws_matrix_statistics() -> None:
    """V12, on round trips: twice what the loader gives. Its asymmetry is a mean over the whole square, zero diagonal included."""
    regions, one_way_ns = load_matrix("aws-2025")
    rtt = 2 * one_way_ns / 1e6
    off = rtt[~np.eye(33, dtype=bool)]
    assert len(regions) == 33
    assert off.mean() == pytest.approx(157.137, abs=6e-4)
    assert np.median(off) == pytest.approx(156.005, abs=6e-4)
    assert off.max() == pytest.approx(420.724, abs=1e-9)
    assert np.diag(rtt).mean() == pytest.approx(3.546, abs=6e-4)
    assert np.abs(rtt - rtt.T).mean() == pytest.approx(2.104, abs=6e-4)


def test_hospitals_are_the_reference_network() -> None:
    topology = Hospitals().build(Dice(1))
    assert topology.n == 48 and topology.names[3] == "hospital-03" and topology.names[-1] == "hie-0"
    assert topology.roles.count("pharmacy") == 6
    assert set(topology.regions) <= {"northeast", "midwest", "south", "west"}
    assert topology.base_ns is not None and topology.latitude is not None
    assert (np.diag(topology.base_ns) == 2_000_000).all()
    assert (topology.base_ns == topology.base_ns.T).all()
    near = Hospitals(seats=20, states=("MA", "NH"), degree=4).build(Dice(1))
    assert set(near.regions) == {"northeast"} and set(near.roles) == {"hospital"}
    many = Hospitals(seats=400, weighted=True).build(Dice(1)).latitude
    assert many is not None and len(set(many.tolist())) > 300


def test_distance_of_known_places() -> None:
    """Boston to San Francisco is 4,339 km by great circle: 1.5 times that at 200,000 km/s is 32.5 ms."""
    delays = distance_ns(np.array([42.3601, 37.7749]), np.array([-71.0589, -122.4194]), 1.5, 2_000_000)
    assert delays[0, 1] == pytest.approx(34_540_000, rel=0.003)


@pytest.mark.parametrize(
    ("shape", "path", "words"),
    [
        (Complete(seats=0), "seats", "at least one seat"),
        (Ring(seats=2_000_001), "seats", "2,000,001 seats are more"),
        (Complete(seats=100_000), "seats", "links are more"),
        (RandomRegular(seats=8, degree=8), "degree", "impossible among 8 seats"),
        (RandomRegular(seats=9, degree=3), "degree", "must be even"),
        (RandomRegular(seats=8, degree=1), "degree", "never connected"),
        (RandomRegular(seats=8, degree=0), "degree", "never connected"),
        (SmallWorld(seats=9, degree=3), "degree", "even degree"),
        (SmallWorld(seats=9, degree=0), "degree", "not connected"),
        (ScaleFree(seats=9, links=0), "links", "no links"),
        (ScaleFree(seats=3, links=3), "links", "impossible"),
        (Geometric(seats=300, degree=1), "degree", "not connected"),
        (Grid(rows=0, columns=4), "rows", "at least one seat"),
        (Regions(seats={}), "seats", "at least one seat"),
        (Regions(seats={"north": 0}), "seats", "at least one seat"),
        (Regions(seats={"us-east1": 9}, matrix="aws-2025"), "seats", "did you mean 'us-east-1'"),
        (Regions(seats={"north": 9}, matrix="aws2025"), "matrix", "did you mean 'aws-2025'"),
        (Regions(seats={"north": 9}, matrix="nowhere.csv"), "matrix", "cannot be read"),
        (Regions(seats={"north": 3}, degree=3), "degree", "impossible"),
        (Hospitals(seats=5000), "seats", "wants a place each|want a place each"),
        (Hospitals(roles={}), "roles", "at least one seat"),
    ],
)
def test_impossible_networks_are_refused(shape: Any, path: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words) as caught:
        shape.build(Dice(1))
    assert caught.value.path == path
    assert "\n" not in caught.value.sentence


def test_bad_hospital_settings() -> None:
    for settings in ({"states": ("ZZ",)}, {"detour": 0.5}, {"seats": 3, "roles": {"lab": 1}}):
        with pytest.raises(ScenarioError):
            Hospitals(**settings)  # type: ignore[arg-type]


def test_two_seats_of_one_name_and_links_that_repeat() -> None:
    with pytest.raises(ScenarioError, match="two seats are called 'a'"):
        linked(["a", "b", "a"], np.array([[0, 1], [1, 2]]))
    with pytest.raises(ScenarioError, match="between 'a' and 'b' is given twice"):
        linked(["a", "b"], np.array([[0, 1], [1, 0]]))
    with pytest.raises(ScenarioError, match="'b' is linked to itself"):
        linked(["a", "b"], np.array([[0, 1], [1, 1]]))
    with pytest.raises(ScenarioError, match="not connected: 1 of 3"):
        linked(["a", "b", "c"], np.array([[0, 1]]))


def test_graph_files_come_back(tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx")
    graph = networkx.Graph()
    graph.add_node("x", role="lab", region="west", lat=10.0, lon=20.0)
    graph.add_node("y", role="payer", region="east", lat=11.0, lon=21.0)
    graph.add_edge("x", "y")
    networkx.write_graphml(graph, tmp_path / "a.graphml")
    networkx.write_gexf(graph, tmp_path / "a.gexf")
    networkx.write_gexf(graph.to_directed(), tmp_path / "d.gexf")
    for name in ("a.graphml", "a.gexf", "d.gexf"):
        topology = File(path=str(tmp_path / name)).build(Dice(1))
        assert (topology.names, topology.roles, topology.regions) == (("x", "y"), ("lab", "payer"), ("west", "east"))
        assert topology.links == 1
        assert topology.latitude is not None and topology.latitude.tolist() == [10.0, 11.0]
    (tmp_path / "a.txt").write_text("# links\na b\nb,c\n")
    assert File(path=str(tmp_path / "a.txt")).build(Dice(1)).names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none.txt", None, "there is no file"),
        ("empty.txt", "", "holds no nodes"),
        ("apart.txt", "a b\nc d\n", "not connected"),
        ("twice.txt", "a b\nb a\n", "given twice"),
        ("self.txt", "a a\n", "linked to itself"),
        ("words.txt", "a b c\n", "no duration"),
        ("broken.graphml", "<graphml><graph>", "no readable graphml"),
        ("empty.graphml", "", "no readable graphml"),
        ("wrong.gexf", "<html></html>", "no readable gexf"),
        ("binary.txt", b"\xff\xfe\x00", "no UTF-8"),
    ],
)
def test_bad_graph_files_get_one_sentence(tmp_path: Path, name: str, text: str | bytes | None, words: str) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ScenarioError, match=words) as caught:
        File(path=str(tmp_path / name)).build(Dice(1))
    assert caught.value.path == "path"
    assert "\n" not in caught.value.sentence


def test_unknown_ending() -> None:
    with pytest.raises(ScenarioError, match="does not end in"):
        File(path="network.docx")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no table"),
        ("x,a,b\na,1,2\n", "same regions"),
        ("x,a,a\na,1,2\na,1,2\n", "same regions"),
        ("x,a,b\na,1\nb,1,2\n", "the row of 'a' has 1"),
        ("x,a,b\na,1,-2\nb,1,2\n", "'-2' in the row of 'a'"),
        ("x,a,b\na,1,nan\nb,1,2\n", "'nan' in the row of 'a'"),
        ("x,a,b\na,1,\nb,1,2\n", "'' in the row of 'a'"),
    ],
)
def test_bad_matrices_get_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(ScenarioError, match=words):
        Regions(seats={"a": 2, "b": 2}, matrix=str(tmp_path / "m.csv")).build(Dice(1))


if __name__ == "__main__":  # run by test_latency, compiled and interpreted
    print(" ".join(digest(shape.build(Dice(3))) for shape in ALL))
