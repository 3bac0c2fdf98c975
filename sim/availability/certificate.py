"""Availability certificates: signatures of so many seats that enough honest ones among them hold the data.

Narwhal (Danezis, Kokoris-Kogias, Sonnino, Spiegelman, "Narwhal and Tusk: a DAG-based mempool and efficient BFT consensus", EuroSys
2022, section 4.1): everybody gets the whole, 2 f + 1 signatures show that f + 1 honest seats hold it. In coded form (Cachin,
Tessaro, "Asynchronous verifiable information dispersal", SRDS 2005): seat i gets the i-th of n shares, n - 2 f of which are the
data, and of n - f signers n - 2 f are honest. Fewer signatures prove nothing: with f + 1 of them one honest share may be all.

Simplified: signers see their own share only, so shares that are no code of anything are certified too, and found out by nobody before
somebody reads; the report counts them as wrongly accepted.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from sim.availability.blobs import Blobs, Vote
from sim.availability.certificate_rule import ACK_BYTES, ACKS, CODED, OPTION_WORDS, rule
from sim.availability.layout import Shape
from sim.availability.proofs import HASH_BYTES
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration, Size
from sim.net.keeper import Keeper
from sim.net.topology import Topology
from sim.node.message import AGGREGATE_BYTES, HEADER_BYTES, SIGNATURE_BYTES
from sim.node.surroundings import Surroundings


@part
class Certificate:
    """Give every block data of `blob` bytes that its publisher spreads itself, and that counts once enough seats have signed for it.

    Touches: every block published, by consensus or as a rumour, has such data behind it, sent by its publisher straight to each seat;
    the block itself still travels by the scenario's gossip. A seat is satisfied when it holds the certificate.
    """

    blob: Size = 1_000_000
    """Data behind each block."""
    way: Literal["coded", "whole"] = "coded"
    """coded: seat i gets the i-th share (AVID); whole: everybody gets all (Narwhal)."""
    enough: Count | None = None
    """Shares that give the data; n - 2 f by default, for f = (n - 1) / 3. Without effect where everybody gets all."""
    signers: Count | None = None
    """Signatures that make a certificate; n - f by default."""
    vote: Vote = "at-once"
    """Whether a node uses a block - votes for it, builds on it, lets it count for a branch - at once or only when it holds the certificate."""
    deadline: Duration = 4_000_000_000
    """A block's data should be there, and nodes satisfied, within this time of its publication; 0: by the end of the run."""

    def check(self) -> None:
        """What is given makes sense by itself."""
        if self.blob < 1:
            raise ScenarioError("there is nothing to keep in 0 bytes", "blob")
        for key in ("enough", "signers"):
            if getattr(self, key) == 0:
                raise ScenarioError("0 would prove nothing; give at least 1", key)
        if self.enough is not None and self.way == "whole":
            raise ScenarioError('has no effect where everybody gets all; drop it, or write way = "coded"', "enough")

    def _bounds(self, n: int) -> tuple[int, int]:
        """(shares that are enough, signatures of a certificate) among n seats."""
        f = (n - 1) // 3
        enough = 1 if self.way == "whole" else n - 2 * f if self.enough is None else self.enough
        signers = n - f if self.signers is None else self.signers
        for key, value in (("enough", enough), ("signers", signers)):
            if value > n:
                raise ScenarioError(f"there are only {n} seats", key)
        return enough, signers

    def keeper(self, topology: Topology, dice: Dice, has_cores: bool = False) -> Keeper:
        """The rule that disperses and certifies. Raises ScenarioError where more is wanted than there are seats."""
        _, signers = self._bounds(topology.n)
        options = np.zeros(OPTION_WORDS, np.int64)
        options[[ACKS, CODED, ACK_BYTES]] = signers, int(self.way == "coded"), HEADER_BYTES + HASH_BYTES + SIGNATURE_BYTES
        return Keeper(rule, options, topology.n + 1)

    def behind(self, world: Surroundings) -> Blobs:
        """The run's data behind blocks."""
        n = world.topology.n
        enough, _ = self._bounds(n)
        coded = self.way == "coded"
        share_bytes = -(-self.blob // enough) + (HASH_BYTES * (1 + (n - 1).bit_length()) if coded else 0)
        shape = Shape.plain(columns=n if coded else 1, need=enough)
        certificate_bytes = HEADER_BYTES + HASH_BYTES + AGGREGATE_BYTES + (n + 7) // 8
        return Blobs(shape, world, self.blob, share_bytes, self.vote, list(range(n)), certificate_bytes)
