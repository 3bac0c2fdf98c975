"""A topology for others to read: as a networkx graph, and as a GraphML, GEXF, edge list or adjacency list file.

The same topology gives the same bytes. What `file` reads back is the same network: names, roles, regions, places and links. The
base latency between two ends, where the topology has one, is written beside their link for other programs; it is not read back.
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
        graph.add_node(name, **facts)
    source = np.repeat(np.arange(topology.n), topology.degrees)
    once = source < topology.neighbours
    here, there = source[once], topology.neighbours[once]
    pairs = [(topology.names[one], topology.names[other]) for one, other in zip(here.tolist(), there.tolist(), strict=True)]
    if topology.base_ns is None:
        graph.add_edges_from(pairs)
    else:
        base_ms = topology.base_ns[topology.sites[here], topology.sites[there]] / 1e6
        graph.add_edges_from((*pair, {"latency_ms": value}) for pair, value in zip(pairs, base_ms.tolist(), strict=True))
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
            return "".join(f"{one} {other}\n" for one, other in graph.edges()).encode()
        rows = (" ".join((name, *(topology.names[other] for other in topology.neighbours_of(seat) if other > seat)))
                for seat, name in enumerate(topology.names))  # fmt: skip
        return "".join(f"{row}\n" for row in rows).encode()
    stream = io.BytesIO()
    (networkx.write_graphml_xml if form == "graphml" else networkx.write_gexf)(graph, stream)
    text = stream.getvalue().decode()
    return _DATE.sub("", text).encode()
