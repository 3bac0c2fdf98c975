"""Lists of links as networkx writes them: two names and a dict of attributes."""

from __future__ import annotations

from pathlib import Path

import networkx
import pytest

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.net.graph_file import File
from sim.net.topology import Topology


def built(path: Path) -> Topology:
    return File(path=str(path)).build(Dice(1))


def test_what_networkx_writes_is_read(tmp_path: Path) -> None:
    """With attributes, which may be none, and without; the adjacency list is the same network."""
    graph = networkx.random_regular_graph(4, 12, seed=1)
    networkx.write_edgelist(graph, tmp_path / "dict.txt")
    networkx.write_edgelist(graph, tmp_path / "plain.txt", data=False)
    networkx.write_edgelist(graph, tmp_path / "comma.csv", delimiter=",")
    networkx.write_adjlist(graph, tmp_path / "lines.adjlist")
    ends = [
        {frozenset((read.names[seat], read.names[other])) for seat in range(read.n) for other in read.neighbours_of(seat)}
        for read in map(built, sorted(tmp_path.iterdir()))
    ]
    assert ends == [{frozenset(map(str, edge)) for edge in graph.edges}] * 4


def test_attributes_of_links_count(tmp_path: Path) -> None:
    graph = networkx.cycle_graph(4)
    for number, edge in enumerate(graph.edges):
        graph.edges[edge].update(latency=f"{10 + number} ms", rate="5 Mbit/s", weight=number)
    networkx.write_edgelist(graph, tmp_path / "a.edges")
    networkx.write_graphml(graph, tmp_path / "a.graphml")
    listed, marked = built(tmp_path / "a.edges"), built(tmp_path / "a.graphml")
    assert listed.base_ns is not None and marked.base_ns is not None
    order = [listed.names.index(name) for name in marked.names]
    assert listed.base_ns[order][:, order].tolist() == marked.base_ns.tolist()
    assert listed.link_bit_s is not None and set(listed.link_bit_s.tolist()) == {5_000_000}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b {'latency': }", "line 2: what stands behind the names is no dict of attributes"),
        ("a b {1, 2}", "no dict of attributes"),
        ("a b 5 ms {'weight': 1}", "two names are wanted before the {, not 4 words"),
        ("a {}", "two names are wanted before the {, not 1 words"),
        ("a b {'latency': '5 parsec'}", "'5 parsec' is no duration"),
    ],
)
def test_wrong_attributes_get_one_sentence(line: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.txt"
    file.write_text(f"b c {{'latency': '1 ms'}}\n{line}\n")
    with pytest.raises(ScenarioError, match=words):
        built(file)
