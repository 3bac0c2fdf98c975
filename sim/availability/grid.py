"""Two dimensions: data coded along rows and along columns, repaired on the fly by everybody who keeps lines of it.

The design studied for full danksharding (Al-Bassam, Sonnino, Buterin 2018, section 5; Krol and others, "Data availability sampling
in Ethereum: analysis of P2P networking requirements", 2023, arXiv 2306.11456; Codex and Ethereum Foundation, arXiv 2407.18085):
a square of `side` x `side` cells (or `height` rows of `side`), any half of a line gives the line. Each validator keeps some rows and columns; a node with many
validators keeps many. A cell that comes is passed on along its row and its column; who has half of a line rebuilds the rest and
passes that on, which may complete lines across. The least that has to be kept back so that nothing can be rebuilt is a square of
(half + 1) x (half + 1) cells, about a quarter (validation V78).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.availability.blobs import Blobs, Vote
from sim.availability.layout import Shape, keeper_of
from sim.availability.limits import check_cells, check_spread
from sim.availability.proofs import Proof, check_ns, commit_ns, rebuild_ns
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net.choose import Selector, choose
from sim.net.keeper import Keeper
from sim.net.topology import Topology
from sim.node.surroundings import Surroundings


def lines_of(name: str, validators: int, rows: int, columns: int, height: int, width: int, dice: Dice) -> NDArray[np.int64]:
    """The lines that a node keeps, ascending, rows first: `rows` and `columns` for each validator, each drawn by itself."""
    found: dict[int, None] = {}
    for way, wanted, count in ((0, rows, height), (1, columns, width)):
        drawn = dice.words("lines", name, way, count=validators * wanted)
        for line in np.unique((drawn >> np.uint64(32)).astype(np.int64) * count >> 32).tolist():
            found[way * height + line] = None
    return np.array(sorted(found), np.int64)


@part
class Grid:
    """Give every block data of `side` x `side` cells, half of each line of which is enough; nodes keep rows and columns.

    Touches: every block published, by consensus or as a rumour, has such data behind it, pushed along the meshes of its rows and
    columns; the block itself still travels by the scenario's gossip. A node is satisfied when all its lines are whole.
    """

    side: Count = 64
    """Columns of the extended matrix, and rows, unless `height` says otherwise."""
    height: Count | None = None
    """Rows of the extended matrix, where it is no square; as many as columns by default."""
    cell: Size = 560
    """Bytes of a cell: its bytes and its proof."""
    rows: Count = 2
    """Rows that each validator keeps."""
    columns: Count = 2
    """Columns that each validator keeps."""
    validators: Count = 1
    """Validators of an ordinary node."""
    heavy: Any = 0
    """Nodes with more validators: a count, a share, names, a role or a region."""
    heavy_validators: Count = 500
    """How many those have."""
    degree: Count = 8
    """Neighbours of a node in the mesh of each of its lines."""
    copies: Count = 8
    """Neighbours to which a publisher sends each cell, on its row and on its column."""
    patience: Duration = 2_000_000_000
    """A node asks others for the cells that have not come after this long, and again."""
    turns: Count = 0
    """How often it asks; 0: it only waits and rebuilds."""
    proof: Proof = "kzg"
    """kzg: each cell proves that it is coded right; merkle: only that it belongs to the data."""
    commit: Duration | None = None
    """CPU time in which the publisher codes the data and proves the shares, before anything goes out; by default that of the proof's
    library, and none where `seat.cores` is 0."""
    rebuild: Duration | None = None
    """CPU time to rebuild a line from half; by default that of the proof's library, and none where `seat.cores` is 0."""
    vote: Vote = "at-once"
    """Whether a node uses a block - votes for it, builds on it, lets it count for a branch - at once or only when its own lines are whole."""
    deadline: Duration = 12_000_000_000
    """A block's data should be there, and nodes satisfied, within this time of its publication; 0: by the end of the run."""

    def check(self) -> None:
        """There is a code with these numbers, and everybody keeps something."""
        for key, count in (("side", self.side), ("height", self._height)):
            if count < 2 or count % 2:
                raise ScenarioError("a line is half data and half code: an even number of at least 2 is wanted", key)
        if self.rows + self.columns < 1 or self.validators < 1:
            raise ScenarioError("a node that keeps no line could not tell anything", "rows" if self.validators else "validators")
        for key, count in (("rows", self._height), ("columns", self.side)):
            if getattr(self, key) > count:
                raise ScenarioError(f"the matrix has only {count} {key}", key)
        if self.heavy_validators < 1:
            raise ScenarioError("a node that keeps no line could not tell anything; give at least 1", "heavy_validators")
        if self.cell < 1:
            raise ScenarioError("there is nothing to keep in cells of 0 bytes", "cell")
        check_spread(self.degree, self.copies, self.patience, self.turns)

    @property
    def _height(self) -> int:
        return self.side if self.height is None else self.height

    @property
    def _blob(self) -> int:
        return self.cell * (self.side // 2) * (self._height // 2)

    def _shape(self, has_cores: bool) -> Shape:
        usual_ns = rebuild_ns(self.proof, self.cell * max(self.side, self._height) // 2) if has_cores else 0
        return Shape(
            dimensions=2,
            rows=self._height,
            columns=self.side,
            need=self.side // 2,
            need_down=self._height // 2,
            degree=self.degree,
            copies=self.copies,
            samples=0,
            patience_ns=self.patience,
            turns=self.turns,
            decode_ns=usual_ns if self.rebuild is None else self.rebuild,
            check_ns=check_ns(self.proof, self.cell, self.side * self._height),
            committed=self.proof == "kzg",
            commit_ns=(commit_ns(self.proof, 2 * self._blob) if has_cores else 0) if self.commit is None else self.commit,
        )

    def keeper(self, topology: Topology, dice: Dice, has_cores: bool = False) -> Keeper:
        """The rule that moves cells. Raises ScenarioError where nobody is called as `heavy` says."""
        check_cells(self.side * self._height, topology.n, "side")
        validators = self._validators_of(topology, dice).tolist()
        keeps = [
            lines_of(name, count, self.rows, self.columns, self._height, self.side, dice)
            for name, count in zip(topology.names, validators, strict=True)
        ]
        return keeper_of(self._shape(has_cores), keeps, (0,), dice)

    def _validators_of(self, topology: Topology, dice: Dice) -> NDArray[np.int64]:
        selector: Selector = self.heavy
        try:
            heavy = choose(selector, topology, dice, "heavy")
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "heavy") from None
        counts = np.full(topology.n, self.validators, np.int64)
        counts[list(heavy)] = self.heavy_validators
        return counts

    def behind(self, world: Surroundings) -> Blobs:
        """The run's data behind blocks."""
        everybody = list(range(world.topology.n))
        weight = self._validators_of(world.topology, world.society.dice)
        return Blobs(
            self._shape(bool(world.society.network.costs.cores)), world, self._blob, self.cell, self.vote, everybody, weight=weight
        )
