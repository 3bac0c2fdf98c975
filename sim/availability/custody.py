"""Column custody: each node keeps a few columns of the extended data that its own name chooses, and is satisfied by those.

PeerDAS as live on Ethereum since Fulu (consensus specifications, fulu/das-core, p2p-interface, validator): 128 columns, any 64 of
which are the data; a node keeps the columns that its node id is hashed to, at least `custody` of them, and takes part in the
subnets of max(samples, custody) columns. It calls a block available once all of these have come. Supernodes keep all, rebuild what
is missing and pass it on (cross-seeding). A publisher that releases one column less than half fools a node with the chance
C(63, s) / C(128, s) (validation V79); n nodes with c columns each leave 128 (1 - c / 128) ** n uncovered (V82).

Simplified: names do not change with their owner's stake, all columns of a block travel with their header, and subnets are meshes
that are there from the start, among all who keep a column or, with `peers`, among those of them who are connected.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.availability import kzg
from sim.availability.blobs import Blobs, Vote
from sim.availability.layout import Shape, keeper_of
from sim.availability.limits import MOST_DEGREE, check_cells, check_spread
from sim.availability.proofs import BLOB_BYTES, Proof, cells_of, check_ns, commit_ns, proof_bytes, rebuild_ns
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net.choose import Selector, choose
from sim.net.keeper import Keeper
from sim.net.topology import Topology
from sim.node.surroundings import Surroundings


def columns_of(name: str, wanted: int, columns: int, dice: Dice) -> NDArray[np.int64]:
    """The first `wanted` different columns that a node's name is hashed to, ascending."""
    found: dict[int, None] = {}
    turn = 0
    while len(found) < min(wanted, columns):
        found[dice.below(columns, "custody", name, turn)] = None
        turn += 1
    return np.array(sorted(found), np.int64)


def opened(dice: Dice, digest: str, size_bytes: int, miscoded: bool) -> NDArray[np.bool_]:
    """bool[columns]: which columns of drawn bytes open their commitments; of miscoded ones a bit of each cell is turned over."""
    text = dice.words("blob", digest, count=-(-size_bytes // 8)).astype("<u8").tobytes()[:size_bytes]
    true = kzg.committed(text)

    def sent(cell: bytes) -> bytes:
        return cell[:-1] + bytes([cell[-1] ^ 1]) if miscoded else cell

    return np.array([true.opens(index, [sent(cell) for cell in true.column(index)]) for index in range(kzg.CELLS)], np.bool_)


@part
class Custody:
    """Give every block data of `blob` bytes in `columns` columns, of which each node keeps those that its name chooses.

    Touches: every block published, by consensus or as a rumour, has such data behind it, pushed along the columns' own meshes; the
    block itself still travels by the scenario's gossip. The report's `sampling` tells how soon nodes were satisfied, and how often
    wrongly. With `vote = "when-available"` a node votes for a block only then.
    """

    blob: Size = 2_752_512
    """Data behind each block, before it is extended; 21 blobs of 128 KiB."""
    columns: Count = 128
    """Columns of the extended data."""
    enough: Count = 64
    """How many of them give all."""
    custody: Count = 4
    """Columns that each node promises to keep."""
    samples: Count = 8
    """Columns that each node takes part in at least: it keeps max(custody, samples)."""
    missing: Count = 0
    """How many of a node's columns may be missing all the same (LossyDAS): fewer honest nodes turn good data down, and more samples are wanted."""
    supernodes: Any = 0
    """Who keeps all columns: a count, a share, names, a role or a region."""
    peers: Count = 0
    """Others that each node is connected to, drawn evenly; 0: it finds whomever it needs. With few of them it may know nobody who keeps a
    column of its own, and turns good data down; 100 of them know 128 (1 - (31/32)^100) = 123 columns."""
    degree: Count = 8
    """Neighbours of a node in the mesh of each of its columns."""
    copies: Count = 8
    """Neighbours to which a publisher sends each column."""
    patience: Duration = 1_000_000_000
    """A node asks others for the columns that have not come after this long, and again."""
    turns: Count = 3
    """How often it asks; 0: it only waits."""
    proof: Proof = "kzg"
    """kzg: each column proves that it is coded right; merkle: only that it belongs to the data."""
    contents: Literal["modelled", "real"] = "modelled"
    """real: blobs are drawn, committed to, coded, proved and checked by the library ckzg (extra `kzg`), a third of a second a blob."""
    commit: Duration | None = None
    """CPU time in which the publisher codes the data and proves the columns, before anything goes out; by default 5.3 ms a blob to extend
    what its senders have proved (EIP-7594; by itself a publisher would take 320 ms a blob), and none where `seat.cores` is 0."""
    rebuild: Duration | None = None
    """CPU time to rebuild all data from half; by default that of the proof's library, and none where `seat.cores` is 0."""
    vote: Vote = "at-once"
    """Whether a node uses a block - votes for it, builds on it, lets it count for a branch - at once or only when its own columns are there."""
    deadline: Duration = 4_000_000_000
    """A block's data should be there, and nodes satisfied, within this time of its publication; 0: by the end of the run."""

    def check(self) -> None:
        """There is a code with these numbers, and everybody keeps something."""
        if not 1 <= self.enough <= self.columns:
            raise ScenarioError(f"{self.columns} columns are rebuilt from 1 to {self.columns} of them", "enough")
        if max(self.custody, self.samples) < 1:
            raise ScenarioError("a node that keeps no column could not tell anything; give at least 1", "custody")
        for key in ("custody", "samples"):
            if getattr(self, key) > self.columns:
                raise ScenarioError(f"there are only {self.columns} columns", key)
        if self.missing >= max(self.custody, self.samples):
            raise ScenarioError(
                f"a node wants {max(self.custody, self.samples)} columns; if all may be missing it knows nothing", "missing"
            )
        check_spread(self.degree, self.copies, self.patience, self.turns)
        if self.peers > MOST_DEGREE:
            raise ScenarioError(f"no node keeps up with so many; give at most {MOST_DEGREE}, or 0", "peers")
        if self.blob < 1:
            raise ScenarioError("there is nothing to keep in 0 bytes", "blob")
        if self.contents == "real":
            if self.proof != "kzg":
                raise ScenarioError('only commitments are made for real here; write proof = "kzg", or drop the key', "contents")
            if (self.columns, self.enough) != (kzg.CELLS, kzg.ENOUGH):
                raise ScenarioError(f"a real blob has {kzg.CELLS} columns of which {kzg.ENOUGH} are enough", "contents")

    def _shape(self, has_cores: bool) -> Shape:
        usual_ns = (
            rebuild_ns(self.proof, self.blob if self.proof == "merkle" else cells_of(self.blob) * BLOB_BYTES) if has_cores else 0
        )
        return Shape(
            dimensions=1,
            rows=1,
            columns=self.columns,
            need=self.enough,
            need_down=1,
            degree=self.degree,
            copies=self.copies,
            samples=0,
            patience_ns=self.patience,
            turns=self.turns,
            decode_ns=usual_ns if self.rebuild is None else self.rebuild,
            check_ns=check_ns(self.proof, self.blob, self.columns),
            committed=self.proof == "kzg",
            commit_ns=(commit_ns(self.proof, self.blob, proved=True) if has_cores else 0) if self.commit is None else self.commit,
            missing=self.missing,
        )

    def keeper(self, topology: Topology, dice: Dice, has_cores: bool = False) -> Keeper:
        """The rule that moves columns. Raises ScenarioError where nobody is called as `supernodes` says."""
        check_cells(self.columns, topology.n, "columns")
        selector: Selector = self.supernodes
        try:
            supernodes = choose(selector, topology, dice, "supernodes")
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "supernodes") from None
        everything = dict.fromkeys(supernodes)
        wanted = max(self.custody, self.samples)
        keeps = [
            np.arange(self.columns, dtype=np.int64) if seat in everything else columns_of(name, wanted, self.columns, dice)
            for seat, name in enumerate(topology.names)
        ]
        return keeper_of(self._shape(has_cores), keeps, supernodes or (0,), dice, self.peers)

    def behind(self, world: Surroundings) -> Blobs:
        """The run's data behind blocks."""
        share_bytes = -(-self.blob // self.enough) + proof_bytes(self.proof, self.blob, self.columns)
        everybody = list(range(world.topology.n))
        opening = None
        if self.contents == "real":
            kzg.check_installed()
            opening = partial(opened, world.society.dice)
        return Blobs(
            self._shape(bool(world.society.network.costs.cores)),
            world,
            self.blob,
            share_bytes,
            self.vote,
            everybody,
            opening=opening,
        )
