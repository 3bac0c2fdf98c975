"""Sampling by light clients: a few shares, drawn by oneself and asked of those who keep all, show that all can be had.

Al-Bassam, Sonnino, Buterin, "Fraud and data availability proofs", 2018 (arXiv 1809.09044), section 5, as Celestia runs it: full
nodes keep the whole extended square; a light node draws `samples` different cells for each block and is satisfied once it has
them all. If U of N cells are kept back it notices with the chance 1 - C(N - U, s) / C(N, s) (validation V78, and V79 for one
dimension). A wrong code is found by full nodes, whose fraud proof travels by the scenario's gossip.

Simplified: light nodes do not give their samples back to full nodes that miss them, and full nodes are known from the start.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from sim.availability.blobs import Blobs, Vote
from sim.availability.layout import Shape, keeper_of
from sim.availability.limits import check_cells, check_spread
from sim.availability.proofs import Proof, check_ns, commit_ns, proof_bytes, rebuild_ns
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net.choose import Selector, choose
from sim.net.keeper import Keeper
from sim.net.topology import Topology
from sim.node.surroundings import Surroundings


@part
class Sampling:
    """Give every block data of `blob` bytes in shares that `servers` keep and everybody else samples.

    Touches: every block published, by consensus or as a rumour, has such data behind it, which the publisher hands to the servers and
    they to each other; the block itself still travels by the scenario's gossip. A node that is no server asks for its samples when
    the block comes, and again after `patience` where a share has not come.
    """

    blob: Size = 2_000_000
    """Data behind each block, before it is extended."""
    dimensions: Literal[1, 2] = 2
    """2: a square, half of each line of which is enough; 1: a row, half of which is enough."""
    side: Count = 64
    """Rows and columns of the extended square, or shares of the extended row."""
    samples: Count = 16
    """Different shares that a light node asks for."""
    missing: Count = 0
    """How many of its samples may be missing all the same (LossyDAS): fewer honest nodes turn good data down, and more of them are wanted."""
    servers: Any = 1
    """Who keeps all shares: a count, a share, names, a role or a region."""
    degree: Count = 8
    """Servers to which a server passes a new share on."""
    copies: Count = 8
    """Servers to which a publisher sends each share, in each dimension."""
    patience: Duration = 1_000_000_000
    """A light node asks again, other servers, after this long."""
    turns: Count = 3
    """How often it asks again."""
    proof: Proof = "merkle"
    """kzg: each share proves that it is coded right; merkle: only that it belongs to the data."""
    commit: Duration | None = None
    """CPU time in which the publisher codes the data and proves the shares, before anything goes out; by default that of the proof's
    library, and none where `seat.cores` is 0."""
    rebuild: Duration | None = None
    """CPU time to rebuild a line from half; by default that of the proof's library, and none where `seat.cores` is 0."""
    vote: Vote = "at-once"
    """Whether a node uses a block - votes for it, builds on it, lets it count for a branch - at once or only when it is satisfied."""
    deadline: Duration = 10_000_000_000
    """A block's data should be there, and nodes satisfied, within this time of its publication; 0: by the end of the run."""

    def check(self) -> None:
        """There is a code with these numbers, and something to draw."""
        if self.side < 2 or self.side % 2:
            raise ScenarioError("a line is half data and half code: an even number of at least 2 is wanted", "side")
        if not 1 <= self.samples <= self.side**self.dimensions:
            raise ScenarioError(f"between 1 and {self.side**self.dimensions} different shares can be drawn", "samples")
        if self.missing >= self.samples:
            raise ScenarioError(f"a node draws {self.samples} samples; if all may be missing it knows nothing", "missing")
        if self.blob < 1:
            raise ScenarioError("there is nothing to keep in 0 bytes", "blob")
        check_spread(self.degree, self.copies, self.patience, 1)

    def _shape(self, has_cores: bool) -> Shape:
        usual_ns = rebuild_ns(self.proof, self.blob // (self.side // 2) if self.dimensions == 2 else self.blob) if has_cores else 0
        return Shape(
            dimensions=self.dimensions,
            rows=self.side if self.dimensions == 2 else 1,
            columns=self.side,
            need=self.side // 2,
            need_down=self.side // 2,
            degree=self.degree,
            copies=self.copies,
            samples=self.samples,
            patience_ns=self.patience,
            turns=self.turns,
            decode_ns=usual_ns if self.rebuild is None else self.rebuild,
            check_ns=check_ns(self.proof, self.blob, self.side**self.dimensions),
            committed=self.proof == "kzg",
            commit_ns=(commit_ns(self.proof, self.blob * self.dimensions) if has_cores else 0)
            if self.commit is None
            else self.commit,
            missing=self.missing,
        )

    def _servers(self, topology: Topology, dice: Dice) -> tuple[int, ...]:
        selector: Selector = self.servers
        try:
            servers = choose(selector, topology, dice, "servers")
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "servers") from None
        if not servers:
            raise ScenarioError("nobody keeps the shares; give at least 1", "servers")
        return servers

    def keeper(self, topology: Topology, dice: Dice, has_cores: bool = False) -> Keeper:
        """The rule that moves shares and samples. Raises ScenarioError where there are no servers."""
        check_cells(self.side**self.dimensions, topology.n, "side")
        servers = self._servers(topology, dice)
        if len(servers) == topology.n:
            raise ScenarioError("everybody keeps all shares, so nobody samples; leave somebody out", "servers")
        shape = self._shape(has_cores)
        everything = dict.fromkeys(servers)
        all_lines, none = np.arange(shape.lines, dtype=np.int64), np.zeros(0, np.int64)
        keeps = [all_lines if seat in everything else none for seat in range(topology.n)]
        return keeper_of(shape, keeps, servers, dice)

    def behind(self, world: Surroundings) -> Blobs:
        """The run's data behind blocks."""
        shape = self._shape(bool(world.society.network.costs.cores))
        originals = shape.need**self.dimensions
        share_bytes = -(-self.blob // originals) + proof_bytes(self.proof, -(-self.blob // originals), shape.shares)
        servers = dict.fromkeys(self._servers(world.topology, world.society.dice))
        light = [seat for seat in range(world.topology.n) if seat not in servers]
        return Blobs(shape, world, self.blob, share_bytes, self.vote, light)
