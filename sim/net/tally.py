"""What has been counted at a seat so far, read from the core's tables: for protocols that must look before a quorum is whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.net.core.votes import chain_of


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
