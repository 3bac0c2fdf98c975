"""An adversary's hold on the network: a seat's traffic bent from outside, bodies that are not what they say, packets out of turn."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sim.kernel.errors import TooMuch
from sim.net import arena
from sim.net.core import state as st
from sim.net.network import Network

MOST_GROUPS = 62


def bend(network: Network, seat: int, column: int, value: int) -> None:
    """Set a column of a seat's row in `bends` (SHUNS, SILENCES, LATE_NS or ROT_BELOW); a row of zeros is straight again."""
    _room(network)
    row = network.world.bends[seat]
    row[column] = value
    straight = not any(row[other] for other in (st.SHUNS, st.SILENCES, st.LATE_NS, st.ROT_BELOW))
    network.set_flag(seat, st.BENT, not straight)


def bent(network: Network, seat: int, column: int) -> int:
    """What a column of a seat's row in `bends` says."""
    _room(network)
    return int(network.world.bends[seat, column])


def mark(network: Network, seats: Iterable[int]) -> int:
    """Put seats into a new group; returns its bit, for SHUNS and SILENCES."""
    _room(network)
    number = int(np.bitwise_or.reduce(network.world.bends[:, st.BELONGS])).bit_length()
    if number >= MOST_GROUPS:
        raise TooMuch(f"more than {MOST_GROUPS} groups of victims in one run")
    group = 1 << number
    for seat in seats:
        network.world.bends[seat, st.BELONGS] |= group
    return group


def spoil(network: Network, seat: int, target: int, size_bytes: int) -> None:
    """Send a body of no item, which will fail its check."""
    network.order(st.SPOIL, seat, target, size_bytes)


def say(network: Network, seat: int, target: int, word: int, size_bytes: int) -> None:
    """Send a control packet about no item, whatever the gossip rule wants."""
    network.order(st.SAY, seat, target, word, size_bytes)


def _room(network: Network) -> None:
    if network.world.bends.shape[0] < network.topology.n:
        arena.enlarge(network.world, {"bends": network.topology.n})
