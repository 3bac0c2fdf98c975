"""Which votes have come to a seat so far, as numbers of their contents and as a count; nobody is woken for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.net.tally import counted
from sim.node.message import places_of
from sim.node.society import Society


def contents_heard(society: Society, seat: int, kind: type[Any], fields: Mapping[str, Any]) -> list[int]:
    """The numbers of what was said in votes of a kind with these field values, the first field among them, oldest first."""
    asked: Any = kind
    places = places_of(asked)
    wanted = {places[name]: society.value(value) for name, value in fields.items()}
    return counted(society.network.world, seat, society.kind(kind), wanted)


def votes_heard(society: Society, seat: int, kind: type[Any], fields: Mapping[str, Any]) -> int:
    """How many such votes have come; who has said two things is counted twice."""
    world = society.network.world
    numbers = contents_heard(society, seat, kind, fields)
    return int(sum(world.tally_count[world.messages[one]["tally"], seat] for one in numbers))
