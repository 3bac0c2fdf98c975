"""What lies on disks does not stay: fragments that are lost, and fragments that rot where nobody looks.

Each stored fragment has a life of its own, exponential with the mean `life`: the failures of the birth-death chain by which the
durability of storage is reckoned (Trivedi, "Probability and statistics with reliability, queuing, and computer science
applications", section 8.4; validation V84).
"""

from __future__ import annotations

from collections.abc import Callable
from math import log1p
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.node.storage import Storage
from sim.node.surroundings import Surroundings


def storage_of(world: Surroundings, what: str) -> Storage:
    """The run's storage. Raises ScenarioError where nothing is stored in fragments."""
    storage = world.society.storage
    if storage is None:
        raise ScenarioError(f'{what} has no effect where nothing lies in fragments; write [availability] kind = "erasure"', "kind")
    return storage


class Decay:
    """The failures of one fault: every fragment at one of its seats lives for a while of its own."""

    def __init__(self, world: Surroundings, seats: tuple[int, ...], life_ns: int, name: str, noticed: bool) -> None:
        self._society = world.society
        self._storage = storage_of(world, name)
        self._here = dict.fromkeys(seats)
        self._life_ns, self._name, self._noticed = life_ns, name, noticed
        self._lives: dict[tuple[int, int], int] = {}
        """How many lives each fragment has begun, of which only the latest may end."""
        self._over = False

    def begin(self) -> None:
        """What lies there lives on for a while, and so does all that comes."""
        for number, fragment, seat in self._storage.placed():
            self._live(number, fragment, seat)
        self._storage.on_placed.append(self._live)

    def end(self) -> None:
        """Nothing fails any more."""
        self._over = True
        self._storage.on_placed.remove(self._live)

    def _live(self, number: int, fragment: int, seat: int) -> None:
        life = self._lives[number, fragment] = self._lives.get((number, fragment), 0) + 1
        if seat in self._here:
            luck = self._society.dice.uniform(self._name, number, fragment, life)
            loop = self._society.loop
            loop.call_at_ns(loop.now_ns + max(1, round(-log1p(-luck) * self._life_ns)), self._die, number, fragment, life)

    def _die(self, number: int, fragment: int, life: int) -> None:
        if not self._over and self._lives[number, fragment] == life:
            self._storage.lose(number, fragment, self._noticed)


@part
class DiskLoss:
    """Fragments are lost, each after a life of its own, and it is noticed at once."""

    seats: Any = 1.0  # whose disks: a count, a share, names, a role or a region
    life: Duration = 3_600_000_000_000  # mean life of a fragment

    def fits(self, world: Surroundings) -> None:
        """There must be something to lose."""
        storage_of(world, "losing fragments")

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Begin."""
        decay = Decay(world, world.choose(self.seats, "disk-loss"), self.life, "disk-loss", True)
        decay.begin()
        return decay.end


@part
class BitRot:
    """Bits turn over in stored fragments, each after a life of its own; only an audit or a reader finds out."""

    seats: Any = 1.0  # whose disks: a count, a share, names, a role or a region
    life: Duration = 3_600_000_000_000  # mean life of a fragment

    def fits(self, world: Surroundings) -> None:
        """There must be something to rot."""
        storage_of(world, "rotting")

    def strike(self, world: Surroundings) -> Callable[[], None]:
        """Begin."""
        decay = Decay(world, world.choose(self.seats, "bit-rot"), self.life, "bit-rot", False)
        decay.begin()
        return decay.end
