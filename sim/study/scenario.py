"""A scenario: one question, frozen. Its tables are parts, so a scenario file and a notebook make the very same object."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from hashlib import blake2b
from operator import index
from pathlib import Path
from typing import Any, Literal, SupportsIndex

from sim.gossip.flood import Flood
from sim.kernel.errors import ScenarioError
from sim.kernel.files import located
from sim.kernel.part import fields_of, is_part, part
from sim.kernel.presets import chosen
from sim.kernel.units import MOST, Duration, Lasting, Size
from sim.node.terms import USUAL_ROUTES, Terms
from sim.study.change import LISTS, changed, words_of
from sim.study.expect import Expectation, expectations
from sim.study.link import Link
from sim.study.plugins import registered
from sim.study.pool import Pool
from sim.study.seat import Seat
from sim.study.tables import Wrapper, mapping, named, part_of, refuse_unknown


@part
class Consensus:
    """How order is agreed: a protocol, and how its votes and blocks travel."""

    protocol: Any = field(metadata={"group": "consensus"})
    route: Literal["direct", "gossip", "star"] = "direct"  # how broadcasts travel: unicasts, the overlay, or via the leader
    bodies: Literal["gossip", "attached"] = "gossip"  # whether blocks spread by gossip or inside the proposal
    block_interval: Duration = 0  # least time from a block to the next; 0: as soon as the last one is decided
    max_block: Size = 1_000_000  # most bytes of transactions in a block
    filler: Size = 0  # weight without content added to every block

    @staticmethod
    def fill(given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The block period of the protocol's preset, where none is given."""
        preset = chosen(given.get("protocol"))
        return {"block_interval": preset.block_interval, **given} if preset is not None and preset.block_interval else given

    def check(self) -> None:
        """The protocol can take the route and work on these terms, and blocks have room."""
        if not self.max_block:
            raise ScenarioError("no transaction would ever fit; write a size such as '1 MB'", "max_block")
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
    seats: Any = 1  # a count, a share, a share of the stake such as "20 % of stake", names, a role or a region
    at: Duration = 0
    lasts: Lasting | None = None  # none: to the end

    def check(self) -> None:
        """Seats are chosen by a count, a share, or words."""
        seats = self.seats
        words = [seats] if isinstance(seats, str) else seats
        number = isinstance(seats, (int, float)) and not isinstance(seats, bool)
        if number and seats < 0:
            raise ScenarioError(f"{seats} seats cannot be corrupted; at least 0 are wanted", "seats")
        if number and not (isinstance(seats, int) or 0 <= seats <= 1):
            raise ScenarioError(f"{seats} is no share; write a number from 0 to 1 or a text such as '20 %'", "seats")
        if not number and not (isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words)):
            raise ScenarioError(f"{seats!r} is no choice of seats; give a count, a share, names, a role or a region", "seats")


@part
class Trouble:
    """A fault, from when and for how long."""

    part: Any = field(metadata={"group": "fault"})
    at: Duration = 0
    lasts: Lasting | None = None  # none: to the end


def checked_seed(given: object, path: str = "seed") -> int:
    """A seed as a scenario file may have it. Raises ScenarioError for anything but a whole number from 0 to 2^62."""
    if isinstance(given, bool) or not isinstance(given, SupportsIndex) or not 0 <= index(given) <= MOST:
        raise ScenarioError(f"{given!r} is no seed, which is a whole number from 0 to {MOST}", path)
    return index(given)


_WRAPPERS: Mapping[str, Wrapper] = {
    "consensus": (Consensus, "protocol"),
    "adversary": (Corruption, "part"),
    "fault": (Trouble, "part"),
}
_PLAIN: Mapping[str, type[Any]] = {"link": Link, "seat": Seat, "mempool": Pool}
TABLES = (*_PLAIN, *_WRAPPERS, "topology", "gossip", "membership", "availability", "workload", "expect", "sweep")
"""The keys of a scenario that are tables, or lists of tables."""


def table(name: str, value: Any, folder: Path | None = None) -> Any:
    """One of a scenario's `TABLES`, as a file has it, as the scenario wants it; parts that are made already stay as they are.

    Raises ScenarioError with the path of the key.
    """
    if name in LISTS:
        if not isinstance(value, (list, tuple)):
            raise ScenarioError(f"write it with double brackets, [[{name}]], one table each", name)
        return tuple(_named(name, one, f"{name}[{place}]", folder) for place, one in enumerate(value))
    if name in _PLAIN:
        return part_of(_PLAIN[name], mapping(value, name), name, folder)
    if name == "expect":
        return tuple(expectations(mapping(value, name), name))
    if name == "sweep":
        return tuple(_axes(mapping(value, name), name))
    return _named(name, value, name, folder)


def _named(group: str, value: Any, path: str, folder: Path | None) -> Any:
    return value if is_part(value) else named(group, value, path, folder, _WRAPPERS.get(group))


def _axes(axes: Mapping[str, Any], path: str) -> list[tuple[str, Any]]:
    """`seeds` and keys of the scenario, each with the values it is to take; `"gossip.fanout"` and, as TOML has it, `gossip.fanout`."""
    known = ["seeds", *(entry.name for entry in fields_of(Scenario))]
    refuse_unknown({words_of(str(key))[0]: None for key in axes}, known, path)
    found: list[tuple[str, Any]] = []
    for key, many in axes.items():
        if isinstance(many, Mapping):
            found += _axes({f"{key}.{inner}": value for inner, value in many.items()}, path)
        elif key == "seeds" and (isinstance(many, bool) or not isinstance(many, int)):
            raise ScenarioError(f"{many!r} was given, a number of seeds is wanted, such as 20", f"{path}.seeds")
        elif isinstance(many, (list, tuple)) and not many:
            raise ScenarioError("no value was given; write at least one, or drop the key", f"{path}.{key}")
        else:
            found.append((key, tuple(many) if isinstance(many, list) else many))
    return found


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
    membership: Any = field(default=None, metadata={"group": "membership"})  # who takes part, as the seats find out; none: known
    consensus: Any = None
    mempool: Pool = Pool()
    availability: Any = field(default=None, metadata={"group": "availability"})
    workload: Any = field(default=(), metadata={"group": "workload"})
    adversary: tuple[Any, ...] = ()
    fault: tuple[Any, ...] = ()
    expect: tuple[Any, ...] = ()
    sweep: Any = ()  # axes: (key, values) pairs
    source: str = ""
    overrides: tuple[str, ...] = ()

    @staticmethod
    def fill(given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Tables become parts, as those of a file do: in a notebook `topology={"kind": "ring", "seats": 7}` will do."""
        return {name: table(name, value) if _is_unread(name, value) else value for name, value in given.items()}

    def check(self) -> None:
        """What can be seen without building anything."""
        if self.consensus is not None and not isinstance(self.consensus, Consensus):
            object.__setattr__(self, "consensus", Consensus(protocol=self.consensus))
        for name, wrapper in (("adversary", Corruption), ("fault", Trouble)):
            wrapped = (_wrapped(one, wrapper, f"{name}[{place}]") for place, one in enumerate(getattr(self, name)))
            object.__setattr__(self, name, tuple(wrapped))
        if not isinstance(self.workload, tuple):
            object.__setattr__(self, "workload", (self.workload,))
        if self.duration <= 0:
            raise ScenarioError("a run must last longer than nothing", "duration")
        if self.chunk and self.gossip is None:
            raise ScenarioError("has no effect without gossip; drop it or name a gossip kind", "chunk")
        if self.consensus is None and self.mempool != Pool():
            raise ScenarioError("has no effect without consensus, as nothing waits for a block", "mempool")
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
        made: Scenario = changed(self, {"source": "", "overrides": (), **changes})  # no file says what this one asks
        return made

    def doubts(self) -> tuple[str, ...]:
        """What can be run and is odd all the same, a sentence each, beginning with the key."""
        sentence = "" if self.consensus is None else self.consensus.doubts()
        return (f"consensus.{sentence}",) if sentence else ()

    def digest(self) -> str:
        """16 hexadecimal digits that name what is asked, whatever the scenario file's name; what the files say that it names belongs to it."""
        content = {key: value for key, value in self.to_dict().items() if key not in ("source", "overrides", "seed")}
        files = {name: blake2b(located(name).read_bytes()).hexdigest() for name in _files(self) if located(name).is_file()}
        content |= {"files": files} if files else {}
        return blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Every key in base units (ns, bytes, bit/s); parts with their kind."""
        tables: dict[str, Any] = plain(self)
        del tables["kind"]
        return tables


def _wrapped(one: Any, wrapper: type[Any], path: str) -> Any:
    """An enemy or a fault as an entry of the scenario, with when and whom; a bare part has the usual ones."""
    try:
        return one if isinstance(one, wrapper) else wrapper(part=one)
    except ScenarioError as error:
        raise ScenarioError(error.sentence, path) from None


def _files(value: Any) -> Iterator[str]:
    """The names of files in a scenario's parts; some of them are names of shipped tables."""
    for one in value if isinstance(value, tuple) else (value,):
        for entry in fields_of(type(one)) if is_part(one) else ():
            inner = getattr(one, entry.name)
            yield from (inner,) if entry.kind == "file" and inner else _files(inner)


def _is_unread(name: str, value: Any) -> bool:
    """Whether a value of a scenario is as a file has it, or so wrong that reading it says best why."""
    if name in _PLAIN:
        return not isinstance(value, _PLAIN[name])
    if name in LISTS:
        return any(isinstance(one, Mapping) for one in (value if isinstance(value, (list, tuple)) else [value]))
    if name == "sweep":
        return not isinstance(value, tuple)
    wrong: tuple[type, ...] = () if name == "expect" else (list, tuple)
    return name in TABLES and isinstance(value, (Mapping, *wrong))


def kind_of(one: Any) -> str:
    """The kind of a part as scenario files write it; a class that is not registered goes by its own name."""
    kind: Any = type(one)
    return registered(kind) or str(kind.__name__).lower()


def plain(value: Any) -> Any:
    """A value of a scenario as JSON has it, parts as tables with their kind."""
    if is_part(value):
        return {"kind": kind_of(value)} | {entry.name: plain(getattr(value, entry.name)) for entry in fields_of(type(value))}
    if isinstance(value, Expectation):
        return [value.path, value.operator, value.value]
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value
