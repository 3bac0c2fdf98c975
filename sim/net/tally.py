"""What has been counted at a seat so far, read from the core's tables: for protocols that must look before a quorum is whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.net.core.votes import chain_of


def voters(world: Any, votes: int) -> NDArray[np.uint64]:
    """uint64[votes, words]: for each content of a vote, in the order of their making, whose votes for it reached any seat."""
    n = len(world.seats)
    bits = world.tally_bits[: votes * n].reshape(votes, n, world.tally_bits.shape[1])
    found: NDArray[np.uint64] = np.bitwise_or.reduce(bits, axis=1)
    return found


def counted(world: Any, seat: int, kind: int, wanted: Mapping[int, int]) -> list[int]:
    """The votes of a kind with these values (by the field's place) heard at a seat, as message numbers, oldest first.

    The first field's value must be among them: the core's index of votes goes by it.
    """
    found = []
    number = int(world.alike[chain_of(kind, wanted[0])])
    while number >= 0:
        row = world.messages[number]
        if row["kind"] == kind and world.tally_count[row["tally"], seat]:
            fields = world.fields[number]
            if all(fields[place] == value for place, value in wanted.items()):
                found.append(number)
        number = int(row["next_alike"])
    return found[::-1]
