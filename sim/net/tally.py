"""What has been counted at a seat so far, read from the core's tables: for protocols that must look before a quorum is whole."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sim.net.network import Network


def voters(network: Network, votes: int, lost: Iterable[NDArray[np.uint64]] = ()) -> NDArray[np.uint64]:
    """uint64[votes, words]: for each content of a vote, in the order of their making, whose votes for it ever reached any seat: those that
    it counts, and what `forget` has returned."""
    found: NDArray[np.uint64] = np.bitwise_or.reduce(_counted(network, votes), axis=1)
    for bits in lost:
        found[: len(bits)] |= bits
    return found


def forget(network: Network, seat: int) -> NDArray[np.uint64]:
    """uint64[votes, words]: what a seat has counted until now and counts no more; it hears of each vote anew as if for the first time."""
    bits = _counted(network, network.tallies)[:, seat]
    lost = bits.copy()
    bits[:] = 0
    network.world.tally_count[: network.tallies, seat] = 0
    return lost


def _counted(network: Network, votes: int) -> NDArray[np.uint64]:
    """uint64[votes, seats, words]: the core's own table, for each content of a vote."""
    table = network.world.tally_bits
    n = len(network.world.seats)
    found: NDArray[np.uint64] = table[: votes * n].reshape(votes, n, table.shape[1])
    return found


def counts(network: Network, seat: int, votes: Iterable[int]) -> list[int]:
    """How many identities' votes for each of these contents, given as message numbers, have reached a seat."""
    count_of, letters = network.world.tally_count.item, network.letters
    return [count_of(letters[vote][3], seat) for vote in votes]
