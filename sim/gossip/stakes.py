"""What seats have at stake, and bodies cut into coded pieces: two things that several coded relays want in the same form."""

from __future__ import annotations

from collections.abc import Mapping

from sim.kernel.errors import ScenarioError
from sim.net.choose import seats_called
from sim.net.strategy import Cut
from sim.net.topology import Topology

MOST_STAKE = 2**31 - 1  # a draw of 32 bits times the sum of all stakes must fit 63 bits
HASH_BYTES = 32
SIGNATURE_BYTES = 64


def stakes_of(stake: Mapping[str, int], topology: Topology) -> list[int]:
    """The stake of each seat, by name, role or region; 1 where none is given. Raises ScenarioError for what cannot be drawn from."""
    stakes = [1] * topology.n
    for word, amount in stake.items():
        try:
            seats = seats_called(word, topology)
        except ScenarioError as error:
            raise ScenarioError(error.sentence, f"stake.{word}") from None
        if amount < 1:
            raise ScenarioError("a stake of 0 could never be drawn; give at least 1", f"stake.{word}")
        for seat in seats:
            stakes[seat] = amount
    if sum(stakes) > MOST_STAKE:
        raise ScenarioError(f"the stakes add up to {sum(stakes):,}, more than {MOST_STAKE:,}; give them in a larger unit", "stake")
    return stakes


def coded(originals: int, repairs: int) -> Cut:
    """Cut a body into `originals` equal pieces and add `repairs` coded ones: any `originals` of them are the whole (MDS code).

    Each piece carries its Merkle path of 32 bytes a level and the publisher's signature of 64 bytes on the root.
    """

    def cut(size_bytes: int) -> tuple[int, int, int]:
        pieces = originals + repairs
        path_bytes = HASH_BYTES * (pieces - 1).bit_length()
        return pieces, originals, -(-size_bytes // originals) + path_bytes + SIGNATURE_BYTES

    return cut
