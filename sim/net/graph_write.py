"""A topology for others to read: as a networkx graph, and as a GraphML, GEXF, edge list or adjacency list file.

The same topology gives the same bytes. What `file` reads back is the same network: names, roles, regions, places, links, and the
latencies of links, to the nanosecond. Between seats without a link a reader has only the way over links (`sim.net.link_latency`).
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np

from sim.kernel.errors import ScenarioError
from sim.net.graph_file import ENDINGS
from sim.net.topology import Topology

_DATE = re.compile(r' lastmodifieddate="[^"]*"')
_SEPARATORS = re.compile(r"[\s,]")


def graph_of(topology: Topology) -> Any:
    """A `networkx.Graph` of named nodes with role, region, latitude, longitude (degrees), and latency_ms at links, as far as known."""
    import networkx

    graph = networkx.Graph()
    for seat, name in enumerate(topology.names):
        facts: dict[str, Any] = {"role": topology.roles[seat], "region": topology.regions[seat]}
        if topology.latitude is not None and topology.longitude is not None:
            facts |= {"latitude": float(topology.latitude[seat]), "longitude": float(topology.longitude[seat])}
        if topology.base_ns is not None and len(topology.base_ns) < topology.n:
            site = int(topology.sites[seat])
            facts |= {"site": site, "within_ms": float(topology.base_ns[site, site]) / 1e6}
        graph.add_node(name, **facts)
    source = np.repeat(np.arange(topology.n), topology.degrees)
    once = source < topology.neighbours
    here, there = source[once], topology.neighbours[once]
    pairs = [(topology.names[one], topology.names[other]) for one, other in zip(here.tolist(), there.tolist(), strict=True)]
    if topology.base_ns is None:
        graph.add_edges_from(pairs)
    else:
        base_ms = topology.base_ns / 1e6
        ways = (
            base_ms[topology.sites[here], topology.sites[there]].tolist(),
            base_ms[topology.sites[there], topology.sites[here]].tolist(),
        )
        for pair, there_ms, back_ms in zip(pairs, *ways, strict=True):
            graph.add_edge(*pair, latency_ms=there_ms, **({} if there_ms == back_ms else {"latency_back_ms": back_ms}))
    if topology.link_bit_s is not None:
        rates = topology.link_bit_s[once].tolist()  # of the two directions of a link the one from the seat that comes first
        graph.add_edges_from((*pair, {"rate": f"{rate} bit/s"}) for pair, rate in zip(pairs, rates, strict=True) if rate)
    return graph


def graph_bytes(topology: Topology, file: str | Path) -> bytes:
    """What a file of that name holds for a topology; its ending says in which form. ScenarioError where that cannot be."""
    import networkx

    form = ENDINGS.get(Path(file).suffix.lower())
    if form is None:
        raise ScenarioError(f"{str(file)!r} does not end in one of {', '.join(ENDINGS)}", "--graph")
    graph = graph_of(topology)
    if form in ("edges", "adjacency"):
        odd = next((name for name in topology.names if _SEPARATORS.search(name) or name.startswith("#")), None)
        if odd is not None:
            raise ScenarioError(f"a seat is called {odd!r}, which a list cannot hold; write .graphml or .gexf", "--graph")
        if form == "edges":
            return "".join(f"{one} {other}{_latencies(facts)}\n" for one, other, facts in graph.edges(data=True)).encode()
        rows = (" ".join((name, *(topology.names[other] for other in topology.neighbours_of(seat) if other > seat)))
                for seat, name in enumerate(topology.names))  # fmt: skip
        return "".join(f"{row}\n" for row in rows).encode()
    stream = io.BytesIO()
    (networkx.write_graphml_xml if form == "graphml" else networkx.write_gexf)(graph, stream)
    text = stream.getvalue().decode()
    return _DATE.sub("", text).encode()


def _latencies(facts: dict[str, Any]) -> str:
    """What stands behind a link in a list."""
    given = [facts[name] for name in ("latency_ms", "latency_back_ms") if name in facts]
    return "".join(f" {value!r}ms" for value in given)
