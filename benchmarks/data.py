"""Data behind blocks at scale: the square of das-research, and columns among 10,000 nodes, for one slot, ten, and two dozen large ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sim
from benchmarks.work import Result, measured
from sim.study.build import World
from sim.study.read import from_dict
from sim.study.scenario import Scenario

SQUARE = Path(__file__).parent / "square-of-das-research.toml"
LARGE = Path(__file__).parent.parent / "scenarios/large/columns-among-ten-thousand.toml"
SLOT_S = 12
LARGE_SLOTS = 24


def columns_scenario(slots: int, nodes: int = 10_000, blob: str = "16 MB") -> Scenario:
    """PeerDAS among so many nodes, 20 of them with all columns, one builder: latency, bandwidth, loss, and 30 % that pass nothing on."""
    return from_dict(
        {
            "duration": f"{SLOT_S * slots} s",
            "topology": {"kind": "regions", "seats": {"node": nodes - 21, "super": 20, "builder": 1}, "degree": 8},
            "link": {"latency": {"kind": "lognormal", "median": "50 ms", "sigma": 0.4}, "loss": "0.1 %"},
            "seat": {"up": {"node": "100 Mbit/s", "super": "1 Gbit/s", "builder": "2.5 Gbit/s"}, "down": "1 Gbit/s"},
            "gossip": {"kind": "flood"},
            "availability": {"kind": "custody", "blob": blob, "supernodes": "super", "copies": 4},
            "workload": [{"kind": "rumour", "size": "100 kB", "count": slots, "every": f"{SLOT_S} s", "origin": "builder-0"}],
            "adversary": [{"kind": "withhold", "seats": "30 %"}],
        }
    )


def believed(world: World) -> bool:
    """Whether nearly all honest nodes were satisfied with every block, and its data could be rebuilt."""
    behind = world.society.behind
    assert behind is not None
    shared = behind.shared()
    return all(one.rebuildable_ns >= 0 and (one.accepted_ns[one.judged] >= 0).mean() > 0.99 for one in shared)


def square(repeats: int) -> Result:
    """512 nodes, 64 x 64 cells, 40 % kept back."""
    return measured(sim.load(SQUARE), repeats, believed)


def columns(slots: int, repeats: int) -> Result:
    """So many slots of 16 MB among 10,000 nodes."""
    return measured(columns_scenario(slots), repeats, believed)


def large_columns(repeats: int) -> Result:
    """Two dozen slots of 32 MB among 10,000 nodes of which three in ten pass nothing on; also the CPU time of one of them."""
    found = measured(sim.load(LARGE), repeats, believed)
    return {**found, "cpu_s_per_slot": found["cpu_s"] / LARGE_SLOTS}


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "data_square": lambda: square(5),
    "data_10k": lambda: columns(1, 5),
    "data_10k_x10": lambda: columns(10, 5),
}
HEAVY: dict[str, Callable[[], Result]] = {"data_10k_32mb": lambda: large_columns(1)}
