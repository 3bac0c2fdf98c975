"""k of n: an off-chain object is coded into fragments at different seats; any `enough` of them give it back.

Reed-Solomon (Reed, Solomon, SIAM 1960) as storage systems use it (Weatherspoon, Kubiatowicz, "Erasure coding vs. replication",
IPTPS 2002; Rizzo, CCR 1997 for the code itself): n / k times the bytes buy the loss of any n - k places, where replication pays
n - k + 1 times. With holders up independently for a share p of time an object cannot be read with the binomial tail
P(Bin(n, p) < k) (validation V77); with lives and repairs that are exponential its mean life is that of a birth-death chain (V84).

Costs of coding: about 1.1 ms per MiB and parity fragment (zfec on one core), charged to the seat's cores where they are modelled.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from sim.availability.code import MOST_PIECES
from sim.availability.placement import Policy
from sim.availability.store import Store
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration
from sim.net.choose import Selector, choose
from sim.node.surroundings import Surroundings


@part
class Erasure:
    """Store each off-chain object as `pieces` coded fragments at different seats, of which any `enough` are the object.

    Touches: what workloads store and read off the chain (their own number of copies then has no effect); blocks still travel whole.
    The writer codes the object and sends each fragment to its holder; a reader asks the nearest `enough` + `hedge` holders, checks
    every fragment against the object's Merkle root and asks the others after `patience`. Where `repair` is given, a fragment found
    missing is rebuilt at another seat from `enough` others. That a seat is down is noticed after `notice`, for certain; that one
    lies or that a fragment has rotted only by an `audit` or by somebody who reads it. Failure detection itself costs no message.
    """

    pieces: Count = 12
    """Fragments of an object, n; at most 256."""
    enough: Count = 8
    """How many of them give the object back, k."""
    seats: Any = 1.0
    """Who keeps fragments: a count, a share, names, a role or a region."""
    place: Policy = "spread"
    """spread: regions in turn; random: any seats; near: the writer's own region first."""
    contents: Literal["modelled", "real"] = "modelled"
    """real: the bytes are coded, hashed, altered and decoded; modelled: only their sizes and costs."""
    patience: Duration = 500_000_000
    """A reader or writer goes on to further holders, or sends again, so long after its lines could have moved the whole object."""
    hedge: Count = 0
    """Fragments a reader asks for at once beyond `enough`."""
    resend: Count = 8
    """How often a writer sends a fragment again that its holder does not acknowledge: after `patience`, twice that, and so on."""
    repair: Any = field(default=None, metadata={"group": "latency"})
    """Time from noticing a loss until its repair begins, a law such as {kind = "exponential", mean = "1 h"}; none: no repair."""
    repair_at: Count | None = None
    """Repair only once so few fragments are left that can be reached; by default as soon as one is missing."""
    notice: Duration = 0
    """How long a seat is down before its fragments count as missing."""
    audit: Duration = 0
    """Every so often each holder must prove that it has its fragments; 0: never."""
    coding: Duration = 1_100_000
    """CPU time to code 1 MiB, for each parity fragment or each missing one; it delays nobody where `seat.cores` is 0."""
    deadline: Duration = 10_000_000_000
    """A decided block should be everywhere within this time of its publication, and an object at its holders; 0: by the end of the run."""

    def check(self) -> None:
        """There is a code with these numbers, and nothing is set in vain."""
        if not 1 <= self.enough <= self.pieces:
            raise ScenarioError(f"an object of {self.pieces} pieces is rebuilt from 1 to {self.pieces} of them", "enough")
        if self.pieces > MOST_PIECES:
            raise ScenarioError(f"the code has at most {MOST_PIECES} fragments", "pieces")
        if self.hedge > self.pieces - self.enough:
            raise ScenarioError(f"beyond {self.enough} there are only {self.pieces - self.enough} more fragments", "hedge")
        if self.patience < 1_000_000:
            raise ScenarioError("nobody can answer in so short a time; give at least 1 ms", "patience")
        if self.repair is None:
            for key in ("repair_at", "notice"):
                if getattr(self, key):
                    raise ScenarioError("has no effect without repair; give `repair`, or drop the key", key)
        if self.repair_at is not None and not self.enough <= self.repair_at < self.pieces:
            raise ScenarioError(f"{self.repair_at} is outside {self.enough} to {self.pieces - 1}", "repair_at")

    def store(self, world: Surroundings) -> Store:
        """The run's storage. Raises ScenarioError where there are fewer holders than fragments."""
        selector: Selector = self.seats
        seats = choose(selector, world.topology, world.society.dice, "storage")
        if len(seats) < self.pieces:
            raise ScenarioError(f"{self.pieces} fragments want as many seats, and only {len(seats)} keep any", "pieces")
        return Store(self, world, seats)
