"""The scenario's `[seat]` table: what every seat can do, and how long its CPU takes."""

from __future__ import annotations

from typing import Literal

from sim.kernel.errors import ScenarioError
from sim.kernel.files import FileName
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Rate, Size
from sim.study.service import OTHER_SERVICES, SERVICES, service_table

USUAL = "ed25519"
MOST_CORES = 1024


@part
class Seat:
    """What every seat can do. Service times are those of real libraries on one server core (`cpu`), or given one by one.

    A block is executed once at each seat: by its proposer before it goes out, by the others as a part of checking it, before they pass
    it on or vote on it. Rebuilt from coded pieces it keeps a core busy from then on, but is there at once. Nothing is executed twice.

    Fair sharing is a fluid: at each instant no copy's rate can be raised without lowering that of one that has no more (max-min; Bertsekas
    and Gallager, Data Networks, 1992, section 6.5.2). A copy holds its sender's uplink, its link and its receiver's downlink at
    once and the latency comes on top. Each start and end reckons anew the rates of all that hang together over full lines, which
    costs time where hundreds of copies do; `fair-up` shares uplinks in equal parts, queues at downlinks, and costs little.
    """

    up: Rate | dict[str, Rate] = 0  # uplink, shared by all links of the seat, or {region = rate, ...}; 0: not modelled
    down: Rate | dict[str, Rate] = 0  # downlink, or {region = rate, ...}; 0: not modelled
    sharing: Literal["fifo", "fair", "fair-up"] = "fifo"  # copies queue; or share all lines max-min fairly; or uplinks only
    lane: Size | None = None  # messages up to this size do not wait behind larger ones, neither up nor down; none: all wait
    cores: Count = 0  # CPU cores; 0: CPU time is not modelled
    cpu: FileName = USUAL  # service times by name, or a TOML file that `medgossip calibrate --out` wrote
    sign: Duration | None = None  # one signature; 40 us where cores are modelled
    verify: Duration | None = None  # checking one signature; 170 us where cores are modelled
    hash_per_kib: Duration | None = None  # hashing 1 KiB; 1 us where cores are modelled
    execute: Duration | None = None  # executing one transaction of a block: 0 where neither this nor the file of `cpu` says it
    encode_per_kib: Duration | None = None  # coding 1 KiB of a body into pieces; 1 us where cores are modelled

    def check(self) -> None:
        """A setting without effect is an error, not silence."""
        if self.cores > MOST_CORES:
            raise ScenarioError(f"a seat has at most {MOST_CORES} cores", "cores")
        for name in (*SERVICES, *OTHER_SERVICES):
            if getattr(self, name) and not self.cores:
                raise ScenarioError("has no effect while cores = 0; give the seat at least one core", name)
        if self.cpu != USUAL and not self.cores:
            raise ScenarioError("has no effect while cores = 0; give the seat at least one core", "cpu")
        if self.sharing == "fair" and not (self.up or self.down):
            raise ScenarioError("has no effect without rates; give the seat an uplink or a downlink rate", "sharing")
        if self.sharing == "fair-up" and not self.up:
            raise ScenarioError("has no effect while up = 0; give the seat an uplink rate", "sharing")
        if self.lane is not None and not (self.up or self.down):
            raise ScenarioError("has no effect without rates; give the seat an uplink or a downlink rate", "lane")
        if self.cores:
            service_table(self.cpu)

    def service_ns(self, name: str) -> int:
        """The time of one of SERVICES and OTHER_SERVICES: as given, as in the table `cpu`, or 0 where CPU time is not modelled."""
        if not self.cores:
            return 0
        given: int | None = getattr(self, name)
        return service_table(self.cpu).get(name, 0) if given is None else given

    def lane_bytes(self) -> int:
        """The largest size that has the lane, -1 without a lane."""
        return -1 if self.lane is None else self.lane
