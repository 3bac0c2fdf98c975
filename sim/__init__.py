"""Medgossip: gossip, consensus and data availability under healthcare workloads, in simulated time.

    import sim

    scenario = sim.load("scenarios/consortium-under-attack.toml")
    report = sim.run(scenario, seed=7)              # in a notebook too; `await sim.arun(scenario)` does not block
    sim.compare(scenario, scenario.but(...), seeds=20)

Where things are, from the ground up: `sim.kernel` (time, chance, trace, units), `sim.net` (topology, latency, delivery),
`sim.node` (what a protocol author sees), the parts in `sim.gossip`, `sim.consensus`, `sim.availability`, `sim.adversary`,
`sim.fault`, `sim.ledger` and `sim.health`, `sim.study` (scenario, run, checks, report), and the command in `sim.cli`.
`sim/DESIGN.md` says why. Names are fetched when first asked for, so importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.study.compare import compare
    from sim.study.read import load
    from sim.study.report import Report
    from sim.study.run import arun, run
    from sim.study.scenario import Scenario
    from sim.study.sweep import sweep

__version__ = "0.1.0"

__all__ = ["Report", "Scenario", "__version__", "arun", "compare", "load", "run", "show_versions", "sweep"]

_HOMES = {
    "Report": "sim.study.report",
    "Scenario": "sim.study.scenario",
    "arun": "sim.study.run",
    "compare": "sim.study.compare",
    "load": "sim.study.read",
    "run": "sim.study.run",
    "sweep": "sim.study.sweep",
}
"""Where each public name lives; read by `__getattr__` (PEP 562)."""


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'sim' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def show_versions() -> dict[str, str]:
    """Versions of medgossip, Python, the machine and every library that could matter to a result: paste it into a report.

    A library that is not installed is told as 'not installed'.
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
