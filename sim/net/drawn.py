"""A topology written down link by link, in the scenario itself or from a networkx graph in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.net.graph_file import topology_from
from sim.net.link_latency import as_written, has_latency, latency_of_link
from sim.net.topology import Topology

_FACTS = ("role", "region", "latitude", "longitude")
_SITE = ("site", "within_ms")


def _latencies(attributes: Mapping[str, Any], back: Mapping[str, Any] | None, ends: str) -> tuple[str, ...]:
    """What stands behind a link's names: nothing, or a latency in each direction."""
    if not has_latency(attributes):
        return ()
    there_ns = latency_of_link(attributes, False, ends, "links")
    back_ns = latency_of_link(back or attributes, back is None, ends, "links")
    return (f"{there_ns} ns",) if there_ns == back_ns else (f"{there_ns} ns", f"{back_ns} ns")


@part
class Links:
    """Seats and links as they are written: `links = [["a", "b"], ["b", "c"]]`. What is to be said of a seat stands in `seats`.

    A latency may stand behind the names, and a second one for the way back: `["a", "b", "12 ms"]`; then all links have one.

    In Python, `Links.of(graph)` takes a networkx graph.
    """

    links: object  # pairs of names, each link once, with or without latencies
    seats: object = ()  # tables such as { name = "a", role = "lab", region = "west", latitude = 52.1, longitude = 4.3 }

    @classmethod
    def of(cls, graph: Any) -> Links:
        """The topology of a networkx graph, directed or not: node attributes role, region, latitude (lat) and longitude (lon) are kept."""
        seats = []
        for node, attributes in graph.nodes(data=True):
            facts = {name: attributes.get(name, attributes.get(name[:3])) for name in _FACTS}
            facts |= {name: attributes.get(name) for name in _SITE}
            seats.append({"name": str(node), **{name: value for name, value in facts.items() if value is not None}})
        edges = {(str(one), str(other)): attributes for one, other, attributes in graph.edges(data=True)}
        links = []
        for (one, other), attributes in edges.items():
            back = edges.get((other, one)) if graph.is_directed() else None
            if back is None or one <= other:
                links.append((one, other, *_latencies(attributes, back, f"{one!r} and {other!r}")))
        return cls(links=tuple(links), seats=tuple(seats))

    def check(self) -> None:
        """Pairs of names, and tables with names."""
        if not isinstance(self.links, (list, tuple)) or not self.links:
            raise ScenarioError("no links are given; write pairs of names, such as [['a', 'b']]", "links")
        for place, pair in enumerate(self.links):
            if not isinstance(pair, (list, tuple)) or not 2 <= len(pair) <= 4 or not all(isinstance(name, str) for name in pair):
                raise ScenarioError(f"{pair!r} is no pair of names, nor one with a latency or two behind it", f"links[{place}]")
        for place, facts in enumerate(self._tables()):
            if not isinstance(facts, Mapping) or not isinstance(facts.get("name"), str):
                raise ScenarioError(f"{facts!r} is no table with a name", f"seats[{place}]")
            strange = next((key for key in facts if key not in ("name", *_FACTS, *_SITE)), None)
            if strange is not None:
                raise ScenarioError(f"there is no {strange!r}; a seat has name, {', '.join(_FACTS + _SITE)}", f"seats[{place}]")

    def build(self, dice: Dice) -> Topology:
        """The topology as it is written; no chance in it."""
        import networkx

        graph = networkx.MultiGraph()
        for facts in self._tables():
            graph.add_node(facts["name"], **{key: value for key, value in facts.items() if key != "name"})
        assert isinstance(self.links, (list, tuple))
        for pair in self.links:
            graph.add_edge(*pair[:2], **as_written(*pair[1:]))
        return topology_from(graph, "links")

    def _tables(self) -> tuple[Any, ...]:
        if not isinstance(self.seats, (list, tuple)):
            raise ScenarioError(f"{self.seats!r} is no list of tables", "seats")
        return tuple(self.seats)
