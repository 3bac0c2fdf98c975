"""medgossip: how long does a network of organisations take to agree, under attack, and can its records still be had?

    import sim
    report = sim.run(sim.load("scenarios/consortium-under-attack.toml"))

The map: `kernel` (time, chance, memory), `net` (places, links, the compiled delivery core), `node` (what a protocol sees),
the parts (`gossip membership consensus availability adversary fault ledger health`), `study` (scenario to report). Names
below are loaded when they are first used, so that `import sim` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.kernel.errors import ScenarioError
    from sim.net.drawn import Links
    from sim.sockets.live import Lived, live
    from sim.study.compare import compare
    from sim.study.graph import graph, write_graph
    from sim.study.link import Link
    from sim.study.pool import Pool
    from sim.study.read import load, loads
    from sim.study.report import Report
    from sim.study.run import arun, run
    from sim.study.scenario import Consensus, Corruption, Scenario, Trouble
    from sim.study.seat import Seat
    from sim.study.sweep import sweep

__version__ = "0.1.0"

_PLACES = {
    "load": "sim.study.read",
    "loads": "sim.study.read",
    "run": "sim.study.run",
    "arun": "sim.study.run",
    "compare": "sim.study.compare",
    "graph": "sim.study.graph",
    "write_graph": "sim.study.graph",
    "Links": "sim.net.drawn",
    "Lived": "sim.sockets.live",
    "live": "sim.sockets.live",
    "sweep": "sim.study.sweep",
    "Report": "sim.study.report",
    "Scenario": "sim.study.scenario",
    "ScenarioError": "sim.kernel.errors",
    "Consensus": "sim.study.scenario",
    "Corruption": "sim.study.scenario",
    "Trouble": "sim.study.scenario",
    "Link": "sim.study.link",
    "Pool": "sim.study.pool",
    "Seat": "sim.study.seat",
}

__all__ = [
    "Consensus",
    "Corruption",
    "Link",
    "Links",
    "Lived",
    "Pool",
    "Report",
    "Scenario",
    "ScenarioError",
    "Seat",
    "Trouble",
    "__version__",
    "arun",
    "compare",
    "graph",
    "live",
    "load",
    "loads",
    "run",
    "show_versions",
    "sweep",
    "write_graph",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'sim' has no attribute {name!r}; it offers {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)


def show_versions() -> dict[str, str]:
    """Versions of medgossip, Python, the machine and every library that could matter to a result, by name.

    Paste it into a bug report. A library that is not there is told as 'not installed'.
    """
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"medgossip": __version__, "python": platform.python_version(), "machine": platform.platform()}
    for library in ("numpy", "numba", "networkx", "matplotlib", "aiohttp", "cryptography", "pandas"):
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found
