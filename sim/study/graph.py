"""The network of a scenario for other programs: as a networkx graph, or as a file for Gephi and its like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.errors import EnvironmentTrouble, ScenarioError
from sim.net.graph_write import graph_bytes, graph_of
from sim.net.topology import Topology
from sim.study.report import write_whole
from sim.study.scenario import Scenario


def topology_of(scenario: Scenario, seed: int | None = None) -> Topology:
    """The seats and links that a run of the scenario with that seed (by default its own) would have."""
    try:
        topology: Topology = scenario.topology.build(Dice(scenario.seed if seed is None else seed))
    except ScenarioError as error:
        raise error.under("topology") from None
    return topology


def graph(scenario: Scenario, seed: int | None = None) -> Any:
    """The scenario's network as a `networkx.Graph`: named nodes with role, region and place, links with base latency if there is one.

    Back again: `scenario.but(topology=sim.Links.of(graph))`.
    """
    return graph_of(topology_of(scenario, seed))


def write_graph(scenario: Scenario, file: str | Path, seed: int | None = None) -> Path:
    """Write the scenario's network; the ending says how: .graphml, .gexf, .edges (and .txt, .csv, .edgelist), .adjlist (and .adj).

    Raises ScenarioError for another ending and EnvironmentTrouble where the file cannot be written. Returns the path.
    """
    content = graph_bytes(topology_of(scenario, seed), file)
    try:
        write_whole(Path(file), content)
    except OSError as error:
        raise EnvironmentTrouble(f"the graph cannot be written to {str(file)!r}: {error.strerror or error}") from error
    return Path(file)
