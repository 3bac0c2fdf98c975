"""A scenario: one question, frozen. Its tables are parts, so a scenario file and a notebook make the very same object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from sim.gossip.flood import Flood
from sim.kernel.errors import ScenarioError
from sim.kernel.part import fields_of, is_part, part
from sim.kernel.units import Count, Duration, Rate, Share, Size
from sim.node.terms import USUAL_ROUTES, Terms
from sim.study.change import changed
from sim.study.plugins import registered

_USUAL_NS = {"sign": 40_000, "verify": 170_000, "hash_per_kib": 1_000}


@part
class Link:
    """What every link does to a copy. Without a law, a copy takes the topology's own latency, or none."""

    latency: Any = field(default=None, metadata={"group": "latency"})  # a law, such as {kind = "lognormal", median = "25 ms"}
    jitter: Any = field(default=None, metadata={"group": "latency"})  # a law of factors on the topology's own latencies
    loss: Share = 0.0  # share of copies that never arrive

    def check(self) -> None:
        """A copy takes either a law of its own or a jittered latency of the topology."""
        if self.latency is not None and self.jitter is not None and not self.latency.is_constant:
            raise ScenarioError("give a latency law or a jitter on the topology's latencies, not both", "jitter")
        if self.loss >= 1:
            raise ScenarioError("nothing would ever arrive; give a loss below 100 %", "loss")


@part
class Seat:
    """What every seat can do. Service times are those of real libraries on one server core (Ed25519, BLAKE2b)."""

    up: Rate | dict[str, Rate] = 0  # uplink, shared by all links of the seat, or {region = rate, ...}; 0: not modelled
    down: Rate | dict[str, Rate] = 0  # downlink, or {region = rate, ...}; 0: not modelled
    cores: Count = 0  # CPU cores; 0: CPU time is not modelled
    sign: Duration | None = None  # one signature; 40 us where cores are modelled
    verify: Duration | None = None  # checking one signature; 170 us where cores are modelled
    hash_per_kib: Duration | None = None  # hashing 1 KiB; 1 us where cores are modelled

    def check(self) -> None:
        """A setting without effect is an error, not silence."""
        for name in _USUAL_NS:
            if getattr(self, name) and not self.cores:
                raise ScenarioError("has no effect while cores = 0; give the seat at least one core", name)

    def service_ns(self, name: str) -> int:
        """The time of `sign`, `verify` or `hash_per_kib`: as given, the usual one, or 0 where CPU time is not modelled."""
        given: int | None = getattr(self, name)
        return 0 if not self.cores else _USUAL_NS[name] if given is None else given


@part
class Consensus:
    """How order is agreed: a protocol, and how its votes and blocks travel."""

    protocol: Any = field(metadata={"group": "consensus"})
    route: Literal["direct", "gossip", "star"] = "direct"  # how broadcasts travel: unicasts, the overlay, or via the leader
    bodies: Literal["gossip", "attached"] = "gossip"  # whether blocks spread by gossip or inside the proposal
    block_interval: Duration = 0  # least time from a block to the next; 0: as soon as the last one is decided
    max_block: Size = 1_000_000  # most bytes of transactions in a block
    filler: Size = 0  # weight without content added to every block

    def check(self) -> None:
        """The protocol can take the route and work on these terms."""
        able: tuple[str, ...] = getattr(self.protocol, "routes", USUAL_ROUTES)
        if self.route not in able:
            kind = kind_of(self.protocol)
            why = "names no centre where votes could meet" if self.route == "star" else f"never sends by {self.route}"
            raise ScenarioError(f"{kind} {why}; the routes it can use are: {', '.join(able)}", "route")
        self.doubts()

    def doubts(self) -> str:
        """What is odd about this protocol on these terms, or ''; raises ScenarioError where a run would mean nothing."""
        fits = getattr(self.protocol, "fits", None)
        if fits is None:
            return ""
        return str(fits(Terms(self.route, self.bodies, self.block_interval, self.max_block, self.filler)))


@part
class Corruption:
    """Seats that an adversary holds, from when and for how long."""

    part: Any = field(metadata={"group": "adversary"})
    seats: Any = 1  # a count, a share, names, a role or a region
    at: Duration = 0
    lasts: Duration | None = None  # none: to the end

    def check(self) -> None:
        """Seats are chosen by a count, a share, or words."""
        seats = self.seats
        words = [seats] if isinstance(seats, str) else seats
        number = isinstance(seats, (int, float)) and not isinstance(seats, bool)
        if number and not (isinstance(seats, int) or 0 <= seats <= 1):
            raise ScenarioError(f"{seats} is no share; write a number from 0 to 1 or a text such as '20 %'", "seats")
        if not number and not (isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words)):
            raise ScenarioError(f"{seats!r} is no choice of seats; give a count, a share, names, a role or a region", "seats")


@part
class Trouble:
    """A fault, from when and for how long."""

    part: Any = field(metadata={"group": "fault"})
    at: Duration = 0
    lasts: Duration | None = None  # none: to the end


@dataclass(frozen=True)
class Expectation:
    """What a scenario wants of its report: a path in it or the name of a check, and a comparison."""

    path: str
    operator: str
    value: Any


@part
class Scenario:
    """One question: who is there, what they run, what goes wrong, and what is expected."""

    title: str = "untitled"
    question: str = ""
    duration: Duration
    heal: Duration = 0  # liveness is judged from here on
    seed: int = 1
    trace: Literal["decisions", "protocol", "wire"] = "protocol"  # how much is recorded
    topology: Any = field(metadata={"group": "topology"})
    link: Link = Link()
    seat: Seat = Seat()
    gossip: Any = field(default=Flood(), metadata={"group": "gossip"})
    chunk: Size = 0  # bodies travel in pieces of at most so many bytes, each with its Merkle path; 0: whole
    consensus: Any = None
    availability: Any = field(default=None, metadata={"group": "availability"})
    workload: Any = field(default=(), metadata={"group": "workload"})
    adversary: tuple[Any, ...] = ()
    fault: tuple[Any, ...] = ()
    expect: tuple[Any, ...] = ()
    sweep: Any = ()  # axes: (key, values) pairs
    source: str = ""
    overrides: tuple[str, ...] = ()

    def check(self) -> None:
        """What can be seen without building anything."""
        if self.consensus is not None and not isinstance(self.consensus, Consensus):
            object.__setattr__(self, "consensus", Consensus(protocol=self.consensus))
        for name, wrapper in (("adversary", Corruption), ("fault", Trouble)):
            wrapped = tuple(one if isinstance(one, wrapper) else wrapper(part=one) for one in getattr(self, name))
            object.__setattr__(self, name, wrapped)
        if not isinstance(self.workload, tuple):
            object.__setattr__(self, "workload", (self.workload,))
        if self.duration <= 0:
            raise ScenarioError("a run must last longer than nothing", "duration")
        if self.chunk and self.gossip is None:
            raise ScenarioError("has no effect without gossip; drop it or name a gossip kind", "chunk")
        if self.heal > self.duration:
            raise ScenarioError("the network cannot heal after the run is over", "heal")
        for name in ("adversary", "fault"):
            for place, entry in enumerate(getattr(self, name)):
                if entry.at > self.duration:
                    raise ScenarioError("begins after the run is over", f"{name}[{place}].at")

    def but(self, **changes: Any) -> Scenario:
        """The same scenario with some keys changed, all at once; inner keys are written `but(**{"gossip.fanout": 6})`.

        With `but(**{"gossip.kind": "push"})` what the old part says beside its defaults stays where the new one has a key for it.
        """
        made: Scenario = changed(self, changes)
        return made

    def doubts(self) -> tuple[str, ...]:
        """What can be run and is odd all the same, a sentence each, beginning with the key."""
        sentence = "" if self.consensus is None else self.consensus.doubts()
        return (f"consensus.{sentence}",) if sentence else ()

    def digest(self) -> str:
        """16 hexadecimal digits that name what is asked, whatever the file's name."""
        content = {key: value for key, value in self.to_dict().items() if key not in ("source", "overrides", "seed")}
        return blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Every key in base units (ns, bytes, bit/s); parts with their kind."""
        plain: dict[str, Any] = _plain(self)
        del plain["kind"]
        return plain


def kind_of(one: Any) -> str:
    """The kind of a part as scenario files write it; a class that is not registered goes by its own name."""
    kind: Any = type(one)
    return registered(kind) or str(kind.__name__).lower()


def _plain(value: Any) -> Any:
    if is_part(value):
        return {"kind": kind_of(value)} | {entry.name: _plain(getattr(value, entry.name)) for entry in fields_of(type(value))}
    if isinstance(value, Expectation):
        return [value.path, value.operator, value.value]
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
