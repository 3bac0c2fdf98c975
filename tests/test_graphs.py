"""Networks that leave and come back: networkx graphs, GraphML, GEXF, edge lists, adjacency lists, links in the scenario itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest

import sim
from sim.cli import main
from sim.kernel.dice import Dice
from sim.kernel.errors import EnvironmentTrouble, ScenarioError
from sim.kernel.part import part
from sim.net.drawn import Links
from sim.net.graph_file import ENDINGS, File
from sim.net.graph_write import graph_bytes, graph_of
from sim.net.places import Regions
from sim.net.topologies import Grid, RandomRegular, ScaleFree, Star
from sim.net.topology import Topology
from sim.study.read import from_dict

HOSPITALS = """
title = "A network to draw"
duration = "1 s"
seed = 3
[topology]
kind = "hospitals"
degree = 6
[gossip]
kind = "flood"
[[workload]]
kind = "rumour"
size = "1 kB"
"""


def pairs(topology: Topology) -> set[frozenset[str]]:
    """The links by name."""
    return {
        frozenset((topology.names[seat], topology.names[other]))
        for seat in range(topology.n)
        for other in topology.neighbours_of(seat).tolist()
    }


def latencies(topology: Topology) -> list[int]:
    """One-way base latencies of all directed links, in the order of `neighbours`."""
    assert topology.base_ns is not None
    source = np.repeat(np.arange(topology.n), topology.degrees)
    found: list[int] = topology.base_ns[topology.sites[source], topology.sites[topology.neighbours]].tolist()
    return found


def hospitals() -> sim.Scenario:
    """Named seats with roles, regions, places and base latencies."""
    return sim.loads(HOSPITALS)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("part", [hospitals().topology, RandomRegular(seats=60, degree=5), ScaleFree(seats=40), Star(seats=1)])
def test_every_form_comes_back(part: Any, ending: str, tmp_path: Path) -> None:
    """The same names and links; with GraphML and GEXF also the order, roles, regions and places."""
    topology = part.build(Dice(3))
    file = tmp_path / f"network{ending}"
    if topology.n == 1 and ENDINGS[ending] == "edges":
        pytest.skip("a list of links cannot hold a seat without links")
    file.write_bytes(graph_bytes(topology, file))
    back = File(path=str(file)).build(Dice(9))
    assert set(back.names) == set(topology.names)
    assert pairs(back) == pairs(topology)
    if ENDINGS[ending] != "edges":
        assert back.names == topology.names
        assert np.array_equal(back.neighbours, topology.neighbours)
    if ENDINGS[ending] in ("graphml", "gexf"):
        assert (back.roles, back.regions) == (topology.roles, topology.regions)
        assert (back.latitude is None) == (topology.latitude is None)
        if topology.latitude is not None and back.latitude is not None:
            assert np.array_equal(back.latitude, topology.latitude)


def test_the_same_network_is_the_same_bytes() -> None:
    """GEXF as networkx writes it holds the date of the day; ours does not."""
    topology = Grid(rows=2, columns=3).build(Dice(1))
    for ending in ENDINGS:
        assert graph_bytes(topology, f"a{ending}") == graph_bytes(topology, f"b{ending}")
    assert b"lastmodifieddate" not in graph_bytes(topology, "a.gexf")


def test_a_graph_for_networkx_and_back() -> None:
    """Its own algorithms agree with our walk, links know their base latency, and `Links.of` is the way back."""
    scenario = hospitals()
    graph = sim.graph(scenario)
    topology = scenario.topology.build(Dice(3))
    assert sorted(dict(graph.degree()).values()) == sorted(topology.degrees.tolist())
    far = networkx.single_source_shortest_path_length(graph, topology.names[0])
    assert [far[name] for name in topology.names] == topology.hops_from(0).tolist()
    one, other, facts = next(iter(graph.edges(data=True)))
    here, there = (topology.sites[topology.names.index(name)] for name in (one, other))
    assert topology.base_ns is not None and facts["latency_ms"] == topology.base_ns[here, there] / 1e6
    back = scenario.but(topology=sim.Links.of(graph)).topology.build(Dice(1))
    assert (back.names, back.roles, back.regions) == (topology.names, topology.roles, topology.regions)
    assert np.array_equal(back.neighbours, topology.neighbours)
    assert latencies(back) == latencies(topology)
    assert sim.graph(scenario, 4).edges != graph.edges, "another seed links others"


def test_a_graph_of_networkx_runs() -> None:
    """Zachary's club: 34 people, 78 friendships; a rumour reaches all of them."""
    club = networkx.karate_club_graph()
    scenario = hospitals().but(topology=sim.Links.of(club))
    report = sim.run(scenario)
    assert report.to_dict()["gossip"]["reached_share"] == 1.0
    assert len(report.evidence.neighbours) == 2 * 78
    both = sim.Links.of(club.to_directed())
    assert pairs(both.build(Dice(1))) == pairs(scenario.topology.build(Dice(1)))


def test_links_in_the_scenario_file() -> None:
    """Written by hand, with a word about one of the seats."""
    tables = {
        "duration": "1 s",
        "topology": {
            "kind": "links",
            "links": [["ward", "lab"], ["lab", "pharmacy"]],
            "seats": [{"name": "lab", "role": "lab", "region": "west"}],
        },
    }
    topology = from_dict(tables).topology.build(Dice(1))
    assert topology.names == ("lab", "ward", "pharmacy")
    assert (topology.roles[0], topology.regions) == ("lab", ("west", "everywhere", "everywhere"))


@pytest.mark.parametrize(
    ("fields", "key", "words"),
    [
        ({"links": []}, "links", "no links"),
        ({"links": [["a"]]}, "links[0]", "no pair of names"),
        ({"links": [["a", "b"], "cd"]}, "links[1]", "no pair of names"),
        ({"links": [["a", "b"]], "seats": [{"role": "lab"}]}, "seats[0]", "no table with a name"),
        ({"links": [["a", "b"]], "seats": [{"name": "a", "size": 3}]}, "seats[0]", "there is no 'size'"),
        ({"links": [["a", "b"]], "seats": 3}, "seats", "no list"),
        ({"links": [["a", "b"], ["b", "a"]]}, "links", "given twice"),
        ({"links": [["a", "a"]]}, "links", "linked to itself"),
        ({"links": [["a", "b"]], "seats": [{"name": "c"}]}, "links", "not connected"),
        ({"links": [["a", "b"]], "seats": [{"name": "a", "latitude": 91, "longitude": 1}]}, "links", "latitude 91"),
    ],
)
def test_wrong_links_get_one_sentence(fields: dict[str, Any], key: str, words: str) -> None:
    """With the key where it stands."""
    with pytest.raises(ScenarioError, match=words) as caught:
        Links(**fields).build(Dice(1))
    assert caught.value.path == key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no nodes"),
        ("a b\na c\n", "line 2: 'a' has a line already, 1"),
        ("a b b\nb\n", "line 1: a neighbour is given twice"),
        ("a a\n", "linked to itself"),
        ("a b\nc d\n", "not connected"),
    ],
)
def test_wrong_adjacency_lists_get_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    """With the line where it stands."""
    file = tmp_path / "wrong.adjlist"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=words):
        File(path=str(file)).build(Dice(1))


def test_a_link_may_stand_at_one_end_or_at_both(tmp_path: Path) -> None:
    """Both ways of writing an adjacency list, and a mixture, are one network."""
    found = []
    for place, text in enumerate(("a b c\nb c\nc\n", "a b c\nb a c\nc a b\n", "# seats\na,b\nb,c\nc,a\n")):
        file = tmp_path / f"{place}.adj"
        file.write_text(text)
        found.append(File(path=str(file)).build(Dice(1)))
    assert [topology.neighbours.tolist() for topology in found] == [[1, 2, 0, 2, 0, 1]] * 3


def test_names_that_a_list_cannot_hold() -> None:
    """A blank in a name is refused for lists, not for GraphML."""
    topology = Links(links=[["St Mary", "lab"]]).build(Dice(1))
    with pytest.raises(ScenarioError, match="'St Mary'"):
        graph_bytes(topology, "a.edges")
    assert "St Mary" in graph_of(topology).nodes
    assert b"St Mary" in graph_bytes(topology, "a.graphml")


def test_explain_writes_the_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is the network of the scenario's own seed; wrong endings are exit status 2, unwritable places 3."""
    scenario = tmp_path / "drawn.toml"
    scenario.write_text(HOSPITALS)
    file = tmp_path / "network.gexf"
    assert main(["explain", str(scenario), "--graph", str(file)]) == 0
    assert file.read_bytes() == graph_bytes(hospitals().topology.build(Dice(3)), file)
    assert main(["explain", str(scenario), "--graph", str(file), "--seed", "4"]) == 0
    assert file.read_bytes() != graph_bytes(hospitals().topology.build(Dice(3)), file)
    capsys.readouterr()
    assert main(["explain", str(scenario), "--graph", str(tmp_path / "network.docx")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["explain", str(scenario), "--graph", str(tmp_path / "nowhere" / "network.gexf")]) == 3
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(EnvironmentTrouble, match="cannot be written"):
        sim.write_graph(hospitals(), tmp_path / "nowhere" / "network.gexf")


def test_explaining_a_part_draws_no_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A part has no network."""
    assert main(["explain", "consensus.pbft", "--graph", str(tmp_path / "a.gexf")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


ASYMMETRIC = Regions(seats={"us-east-1": 9, "eu-west-1": 8, "ap-southeast-2": 7}, degree=6, matrix="aws-2025")


@pytest.mark.parametrize("ending", [".graphml", ".gexf", ".edges"])
@pytest.mark.parametrize("part", [hospitals().topology, ASYMMETRIC])
def test_latencies_of_links_come_back(part: Any, ending: str, tmp_path: Path) -> None:
    """To the nanosecond, in both directions, and a run over what was read is the run over what was written."""
    topology = part.build(Dice(3))
    file = tmp_path / f"network{ending}"
    file.write_bytes(graph_bytes(topology, file))
    back = File(path=str(file)).build(Dice(9))
    if ending == ".edges":  # lists do not keep the order of seats
        mapped = [back.names.index(name) for name in topology.names]
        assert back.base_ns is not None
        source = np.repeat(np.arange(topology.n), topology.degrees)
        ways = zip(source.tolist(), topology.neighbours.tolist(), strict=True)
        assert [int(back.base_ns[mapped[one], mapped[other]]) for one, other in ways] == latencies(topology)
        return
    assert latencies(back) == latencies(topology)
    first, second = (
        sim.run(hospitals().but(topology=one, **{"duration": "30 s", "workload.0.origin": topology.names[3]}))
        for one in (File(path=str(file)), Written(topology=topology))
    )
    arrivals = [report.evidence.spreads[0].arrival_ns.tolist() for report in (first, second)]
    assert arrivals[0] == arrivals[1] and min(arrivals[0]) >= 0


@part
class Written:
    """A topology as it is."""

    topology: Any

    def build(self, dice: Dice) -> Topology:
        """That one."""
        found: Topology = self.topology
        return found


def test_latencies_in_a_list_in_a_scenario_and_on_the_way() -> None:
    """Where no link is, a copy takes as long as the quickest way."""
    links = [["a", "b", "10 ms"], ["b", "c", "20 ms", "25 ms"], ["a", "c", "50 ms"], ["c", "d", "1 ms"]]
    topology = Links(links=links).build(Dice(1))
    assert topology.base_ns is not None
    assert (topology.base_ns // 1_000_000).tolist() == [[0, 10, 50, 31], [10, 0, 20, 21], [50, 25, 0, 1], [36, 26, 1, 0]]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("a b 10ms\nb c\n", "some links have a latency, that between 'b' and 'c' has none"),
        ("a b 10\n", "the latency of the link between 'a' and 'b': .*the unit is missing"),
        ("a b 2h\n", "must lie between 0 and 1 h"),
        ("a b 10ms 11ms 12ms\n", "line 1: two names are wanted, and perhaps a latency or two"),
    ],
)
def test_wrong_latencies_get_one_sentence(lines: str, words: str, tmp_path: Path) -> None:
    """With the names of the link."""
    file = tmp_path / "wrong.edges"
    file.write_text(lines)
    with pytest.raises(ScenarioError, match=words) as caught:
        File(path=str(file)).build(Dice(1))
    assert caught.value.path == "path"


def test_latencies_that_contradict_each_other() -> None:
    """Two links of the same two sites, and one that is no number."""
    graph = networkx.Graph()
    for name, site in (("a", 0), ("b", 0), ("c", 1)):
        graph.add_node(name, site=site)
    graph.add_edges_from([("a", "c", {"latency_ms": 10.0}), ("b", "c", {"latency_ms": 11.0})])
    with pytest.raises(ScenarioError, match="another between the same two sites"):
        sim.Links.of(graph).build(Dice(1))
    graph.add_edge("b", "c", latency_ms="soon")
    with pytest.raises(ScenarioError, match="'soon', no number of ms"):
        sim.Links.of(graph)
