"""A run shown while it happens: pictures taken at equal steps of simulated time, so looking changes nothing in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.net.core import state as st
from sim.study.build import World
from sim.study.plugins import kind_of
from sim.study.report import Report
from sim.study.run import Progress, judged
from sim.study.scenario import Scenario

Frame = dict[str, Any]
MOST_SEATS = 20_000
"""Seats that are shown one by one; of a larger network only sums are told."""
_MOST_LINKS = 6_000
_FURTHEST = 9


def watched(scenario: Scenario, seed: int | None, tell: Callable[[Frame], None], progress: Progress | None = None) -> Report:
    """Run a scenario and `tell` of it: the network first, then a frame at each hundredth of the time.

    The report is that of `sim.run`: the same digest, the same results.
    """
    views: list[View] = []

    def look(world: World) -> None:
        if not views:
            views.append(View(world))
            tell(views[0].network())
        tell(views[0].frame())

    return judged(scenario, scenario.seed if seed is None else seed, progress, [], look)


class View:
    """What there is to see of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._height = np.zeros(world.topology.n, np.int64)
        world.trace.subscribe("decide", lambda now, seat, *_: self._count(seat, 1), self._count_many)
        world.trace.subscribe("revoke", lambda now, seat, *_: self._count(seat, -1))

    def network(self) -> Frame:
        """Names, roles and regions of the seats, where they stand, who is linked to whom, and who does not play by the rules."""
        world, topology = self._world, self._world.topology
        scenario = world.scenario
        shown = topology.n <= MOST_SEATS
        longitude, latitude = _places(topology)
        degrees = np.diff(topology.offsets)
        source = np.repeat(np.arange(topology.n), degrees)
        once = np.flatnonzero(source < topology.neighbours)
        once = once[:: max(1, -(-once.size // _MOST_LINKS))]
        return {
            "kind": "network",
            "title": scenario.title,
            "duration_s": scenario.duration / 1e9,
            "consensus": None if scenario.consensus is None else kind_of(scenario.consensus.protocol),
            "gossip": None if scenario.gossip is None else kind_of(scenario.gossip),
            "seats": topology.n,
            "names": list(topology.names) if shown else [],
            "regions": list(topology.regions) if shown else [],
            "x": longitude.round(4).tolist() if shown else [],
            "y": latitude.round(4).tolist() if shown else [],
            "links": np.stack([source[once], topology.neighbours[once]], axis=1).tolist() if shown else [],
            "corrupted": np.flatnonzero(np.array(world.corrupted, np.bool_)).tolist() if shown else [],
        }

    def frame(self) -> Frame:
        """This instant: of each seat one character, and a few sums.

        A seat's character is `-` while it is down, else how many decisions it is behind the furthest one, at most 9; where no
        protocol runs, 0 if it holds what was published last and 9 if not.
        """
        world = self._world
        core = world.network.world
        up = (core.seats["flags"] & st.UP) != 0
        holds = self._holds_newest()
        behind = np.where(holds, 0, _FURTHEST) if world.scenario.consensus is None else self._height.max() - self._height
        states = np.where(up, np.minimum(behind, _FURTHEST), 10)
        return {
            "kind": "frame",
            "time_s": world.loop.now_ns / 1e9,
            "states": "".join("0123456789-"[state] for state in states.tolist()) if world.topology.n <= MOST_SEATS else "",
            "furthest": int(self._height.max()),
            "median": float(np.median(self._height)),
            "holding_share": float(holds.mean()),
            "up": int(up.sum()),
            "delivered": int(core.clock[st.DELIVERED]),
            "in_flight": int(core.clock[st.IN_FLIGHT]),
            "sent_bytes": int(core.seats["sent_bytes"].sum()),
        }

    def _holds_newest(self) -> NDArray[np.bool_]:
        """Who holds the block that was published last; where there are no blocks, the thing."""
        network = self._world.network
        core, families = network.world, network.families
        for wanted in (("block",), ()):
            for item in range(len(families) - 1, -1, -1):
                fits = families[item] in wanted if wanted else families[item] not in ("vote", "piece")
                if fits and core.items[item]["published_ns"] >= 0:
                    return self._world.books.drawer.arrival_ns(item) >= 0
        return np.zeros(self._world.topology.n, np.bool_)

    def _count(self, seat: int, step: int) -> None:
        self._height[seat] += step

    def _count_many(self, times: Any, seats: NDArray[Any], slots: Any, digests: Any) -> None:
        np.add.at(self._height, seats, 1)


def _places(topology: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude, or places on a circle, region by region."""
    if topology.longitude is not None and topology.latitude is not None:
        return np.asarray(topology.longitude), np.asarray(topology.latitude)
    order = np.argsort(np.array(topology.regions), kind="stable")
    turn = np.empty(topology.n)
    turn[order] = 2 * np.pi * np.arange(topology.n) / max(1, topology.n)
    return np.cos(turn), np.sin(turn)


def report_frame(report: Report) -> Frame:
    """The last word on a run: its report as the contract has it, as text, and whether all held."""
    return {"kind": "report", "ok": report.ok(), "text": report.text(), "report": report.to_dict()}


def as_line(frame: Frame) -> str:
    """A frame as one line of JSON."""
    return json.dumps(frame, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
