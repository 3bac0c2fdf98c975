"""A topology somebody else drew: GraphML, GEXF, a plain list of links, or an adjacency list.

Nodes become seats in the order of the file. Node attributes `role`, `region`, `latitude` and `longitude` (or `lat`, `lon`) are
kept. Links count in both directions, whatever the file says. A link's attribute `rate` ("10 Mbit/s", or a number of bit/s) is the
rate of each of its directions; in a directed file an arc's rate is that of its own direction. Links' latencies: `sim.net.link_latency`.
"""

from __future__ import annotations

import math
import re
from ast import literal_eval
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.files import FileName, located
from sim.kernel.part import part
from sim.kernel.units import as_number, parse_rate
from sim.net.link_latency import TOWARDS, as_latency, as_written, between_places, has_latency, latency_of_link
from sim.net.topology import MOST_SEATS, Topology, frozen, linked

ENDINGS = {
    ".graphml": "graphml",
    ".gexf": "gexf",
    ".txt": "edges",
    ".csv": "edges",
    ".edges": "edges",
    ".edgelist": "edges",
    ".adjlist": "adjacency",
    ".adj": "adjacency",
}
_MOST_BYTES = 1 << 30
_FACTS = re.compile(r"\{.*\}\s*$")
"""The attributes of a link as `networkx.write_edgelist` writes them, such as {'weight': 3}."""


@part
class File:
    """Seats and links from a file: GraphML (.graphml), GEXF (.gexf), a list with one link `a b` or `a,b` a line (.txt, .csv,
    .edges, .edgelist), with a latency behind it if links have one (`a b 12ms`, `a b 12ms 13ms` if the way back differs) or
    attributes as networkx writes them (`a b {'latency': '12 ms'}`), or an adjacency list with a seat and all its neighbours a line (.adjlist, .adj), in which a link may
    stand at one of its ends or at both. In lists, lines that start with # are skipped. The graph must be in one piece, without
    links that repeat. `medgossip explain SCENARIO --graph FILE` writes such files."""

    path: FileName
    """The file, looked for beside the scenario file, then in the working folder."""

    def check(self) -> None:
        """The ending says what it is."""
        if Path(self.path).suffix.lower() not in ENDINGS:
            raise ScenarioError(f"{self.path!r} does not end in one of {', '.join(ENDINGS)}", "path")

    def build(self, dice: Dice) -> Topology:
        """The topology as the file has it; no chance in it. ScenarioError says in one sentence what is wrong with the file."""
        path = located(self.path)
        if not path.is_file():
            raise ScenarioError(f"there is no file {self.path!r}", "path")
        if path.stat().st_size > _MOST_BYTES:
            raise ScenarioError(f"{self.path!r} is larger than 1 GiB", "path")
        graph = _read(path, ENDINGS[path.suffix.lower()])
        if not len(graph):
            raise ScenarioError(f"{self.path!r} holds no nodes", "path")
        if len(graph) > MOST_SEATS:
            raise ScenarioError(f"{self.path!r} holds {len(graph):,} nodes, more than the {MOST_SEATS:,} that fit", "path")
        return topology_from(graph, "path")


def topology_from(graph: Any, path: str) -> Topology:
    """A networkx graph, of any of its classes, as a topology; what is wrong with it is a ScenarioError at the key `path`."""
    places = {node: place for place, node in enumerate(graph)}
    ends = [(places[one], places[other]) for one, other in graph.edges()]
    if graph.is_directed():
        # a -> b and b -> a are one link; twice a -> b is a contradiction that `linked` reports
        given = set(ends)
        ends = [(one, other) for one, other in ends if one <= other or (other, one) not in given]
    facts = [(str(node), attributes) for node, attributes in graph.nodes(data=True)]
    latitude, longitude = _positions(facts, path)
    topology = linked(
        [name for name, _ in facts],
        np.array(ends, dtype=np.int64).reshape(-1, 2),
        path=path,
        roles=[str(attributes.get("role") or "member") for _, attributes in facts],
        regions=[str(attributes.get("region") or "everywhere") for _, attributes in facts],
        latitude=latitude,
        longitude=longitude,
    )
    rates = _rates(graph, places, topology, path)
    if rates is not None:
        topology = replace(topology, link_bit_s=frozen(rates))
    return _with_latencies(graph, places, topology, path)


def _with_latencies(graph: Any, places: dict[Any, int], topology: Topology, path: str) -> Topology:
    """The topology with the latencies that its links say they have; ScenarioError if only some say so."""
    edges = [
        (places[other], places[one], attributes) if attributes.get(TOWARDS) == one else (places[one], places[other], attributes)
        for one, other, attributes in graph.edges(data=True)
    ]
    silent = [(one, other) for one, other, attributes in edges if not has_latency(attributes)]
    if len(silent) == len(edges):
        return topology
    if silent:
        raise ScenarioError(
            f"some links have a latency, that between {topology.names[silent[0][0]]!r} and {topology.names[silent[0][1]]!r} has none",
            path,
        )
    given: dict[tuple[int, int], int] = {}
    for back in (True, False):  # what a direction says itself goes before what the other one says
        for one, other, attributes in edges:
            ends = f"{topology.names[one]!r} and {topology.names[other]!r}"
            given[(other, one) if back else (one, other)] = latency_of_link(attributes, back, ends, path)
    facts = [attributes for _, attributes in graph.nodes(data=True)]
    places_named = {str(one["site"]): None for one in facts if one.get("site") is not None}
    if places_named and any(one.get("site") is None for one in facts):
        raise ScenarioError("some nodes have a 'site' and some have not", path)
    numbers = {name: place for place, name in enumerate(places_named)}
    sites = np.array([numbers[str(one["site"])] for one in facts] if numbers else range(topology.n), np.int32)
    within_ns = {
        int(site): as_latency(one["within_ms"], True, f"within_ms of {name!r}", path)
        for site, one, name in zip(sites, facts, topology.names, strict=True)
        if one.get("within_ms") is not None
    }
    base_ns = between_places(given, sites, within_ns, topology.names, path)
    return replace(topology, sites=frozen(sites), base_ns=frozen(base_ns))


def _rates(graph: Any, places: dict[Any, int], topology: Topology, path: str) -> NDArray[np.int64] | None:
    """The rate of each directed link, 0 where the file gives none; None where it gives none at all."""
    given: dict[tuple[int, int], int] = {}
    for one, other, attributes in graph.edges(data=True):
        if attributes.get("rate") is not None:
            given[places[one], places[other]] = _rate(attributes["rate"], f"{one!r} and {other!r}", path)
    if not given:
        return None
    nodes = list(places)
    rates = np.zeros(len(topology.neighbours), np.int64)
    for seat in range(topology.n):
        for place in range(int(topology.offsets[seat]), int(topology.offsets[seat + 1])):
            way = seat, int(topology.neighbours[place])
            back = 0 if graph.is_directed() and graph.has_edge(*(nodes[end] for end in way)) else given.get(way[::-1], 0)
            rates[place] = given.get(way, back)
    return rates


def _rate(value: Any, ends: str, path: str) -> int:
    """A rate in bit/s; ScenarioError where it is none."""
    try:
        return parse_rate(value) if isinstance(value, str) else int(as_number(value, "rate"))
    except ScenarioError as error:
        raise ScenarioError(f"the rate of the link between {ends}: {error.sentence}", path) from None


def _read(path: Path, form: str) -> Any:
    """The file as a networkx graph; whatever the readers raise becomes one ScenarioError."""
    if form in ("edges", "adjacency"):
        return _read_list(path, form == "adjacency")
    import networkx

    reader = networkx.read_graphml if form == "graphml" else networkx.read_gexf
    try:
        return reader(path)
    except Exception as error:
        why = " ".join(str(error).split())[:120]
        raise ScenarioError(f"{str(path)!r} is no readable {form} file: {why or type(error).__name__}", "path") from None


def _read_list(path: Path, adjacency: bool) -> Any:
    """A list of links, or of seats with their neighbours; the heads of the lines of an adjacency list come first."""
    import networkx

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(
            f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or 'no UTF-8 text'}", "path"
        ) from None
    rows = [(number, line.replace(",", " ").split()) for number, line in enumerate(lines, 1)]
    rows = [(number, words) for number, words in rows if words and not words[0].startswith("#")]
    graph = networkx.MultiGraph()
    if not adjacency:
        for number, words in rows:
            _add_link(graph, words, lines[number - 1], f"{str(path)!r}, line {number}")
        return graph
    graph.add_nodes_from(words[0] for _, words in rows)
    heads: dict[str, int] = {}
    for number, (head, *others) in rows:
        if head in heads:
            raise ScenarioError(f"{str(path)!r}, line {number}: {head!r} has a line already, {heads[head]}", "path")
        if len(set(others)) < len(others):
            raise ScenarioError(f"{str(path)!r}, line {number}: a neighbour is given twice", "path")
        graph.add_edges_from((head, other) for other in others if other not in heads or not graph.has_edge(head, other))
        heads[head] = number
    return graph


def _add_link(graph: Any, words: list[str], line: str, where: str) -> None:
    """A link from its line: two names, then a latency or two, or a dict of attributes as networkx writes them."""
    facts = _FACTS.search(line)
    if facts is not None:
        words = line[: facts.start()].replace(",", " ").split()
    if not 2 <= len(words) <= (4 if facts is None else 2):
        said = "two names are wanted, and perhaps a latency or two" if facts is None else "two names are wanted before the {"
        raise ScenarioError(f"{where}: {said}, not {len(words)} words", "path")
    try:
        attributes = as_written(*words[1:]) if facts is None else dict(literal_eval(facts[0]))
    except (ValueError, SyntaxError, TypeError, RecursionError):
        raise ScenarioError(
            f"{where}: what stands behind the names is no dict of attributes: {facts and facts[0][:40]!r}", "path"
        ) from None
    graph.add_edge(*words[:2], **{str(key): value for key, value in attributes.items()})


def _positions(facts: list[tuple[str, dict[str, Any]]], path: str) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Latitudes and longitudes if every node has both; ScenarioError if only some have, or if they lie off the globe."""
    columns = []
    for long, short, most in (("latitude", "lat", 90.0), ("longitude", "lon", 180.0)):
        given = [attributes.get(long, attributes.get(short)) for _, attributes in facts]
        for (name, _), value in zip(facts, given, strict=True):
            if value is not None and not _within(value, most):
                raise ScenarioError(f"{name!r} has {long} {value!r}, no number from {-most:g} to {most:g}", path)
        columns.append(given)
    known = [value is not None for column in columns for value in column]
    if not any(known):
        return None, None
    if not all(known):
        raise ScenarioError("some nodes have a latitude and longitude and some have not", path)
    latitude, longitude = (np.array([float(str(value)) for value in column]) for column in columns)
    return latitude, longitude


def _within(value: Any, most: float) -> bool:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    return math.isfinite(number) and abs(number) <= most
