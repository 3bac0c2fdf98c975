"""A topology written down link by link, in the scenario itself or from a networkx graph in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.net.graph_file import topology_from
from sim.net.topology import Topology

_FACTS = ("role", "region", "latitude", "longitude")


@part
class Links:
    """Seats and links as they are written: `links = [["a", "b"], ["b", "c"]]`. What is to be said of a seat stands in `seats`.

    In Python, `Links.of(graph)` takes a networkx graph.
    """

    links: object  # pairs of names, each link once
    seats: object = ()  # tables such as { name = "a", role = "lab", region = "west", latitude = 52.1, longitude = 4.3 }

    @classmethod
    def of(cls, graph: Any) -> Links:
        """The topology of a networkx graph, directed or not: node attributes role, region, latitude (lat) and longitude (lon) are kept."""
        seats = []
        for node, attributes in graph.nodes(data=True):
            facts = {name: attributes.get(name, attributes.get(name[:3])) for name in _FACTS}
            seats.append({"name": str(node), **{name: value for name, value in facts.items() if value is not None}})
        links = [(str(one), str(other)) for one, other in graph.edges()]
        if graph.is_directed():
            given = set(links)
            links = [(one, other) for one, other in links if one <= other or (other, one) not in given]
        return cls(links=tuple(links), seats=tuple(seats))

    def check(self) -> None:
        """Pairs of names, and tables with names."""
        if not isinstance(self.links, (list, tuple)) or not self.links:
            raise ScenarioError("no links are given; write pairs of names, such as [['a', 'b']]", "links")
        for place, pair in enumerate(self.links):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(name, str) for name in pair):
                raise ScenarioError(f"{pair!r} is no pair of names", f"links[{place}]")
        for place, facts in enumerate(self._tables()):
            if not isinstance(facts, Mapping) or not isinstance(facts.get("name"), str):
                raise ScenarioError(f"{facts!r} is no table with a name", f"seats[{place}]")
            strange = next((key for key in facts if key not in ("name", *_FACTS)), None)
            if strange is not None:
                raise ScenarioError(f"there is no {strange!r}; a seat has name, {', '.join(_FACTS)}", f"seats[{place}]")

    def build(self, dice: Dice) -> Topology:
        """The topology as it is written; no chance in it."""
        import networkx

        graph = networkx.MultiGraph()
        for facts in self._tables():
            graph.add_node(facts["name"], **{key: value for key, value in facts.items() if key != "name"})
        assert isinstance(self.links, (list, tuple))
        graph.add_edges_from(tuple(pair) for pair in self.links)
        return topology_from(graph, "links")

    def _tables(self) -> tuple[Any, ...]:
        if not isinstance(self.seats, (list, tuple)):
            raise ScenarioError(f"{self.seats!r} is no list of tables", "seats")
        return tuple(self.seats)
