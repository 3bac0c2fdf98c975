"""What has been counted at a seat so far, read from the core's tables: for protocols that must look before a quorum is whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.net.network import Network


def voters(world: Any, votes: int) -> NDArray[np.uint64]:
    """uint64[votes, words]: for each content of a vote, in the order of their making, whose votes for it reached any seat."""
    n = len(world.seats)
    bits = world.tally_bits[: votes * n].reshape(votes, n, world.tally_bits.shape[1])
    found: NDArray[np.uint64] = np.bitwise_or.reduce(bits, axis=1)
    return found


def counts(network: Network, seat: int, votes: Iterable[int]) -> list[int]:
    """How many identities' votes for each of these contents, given as message numbers, have reached a seat."""
    count_of, letters = network.world.tally_count.item, network.letters
    return [count_of(letters[vote][3], seat) for vote in votes]
