"""Which votes have come to a seat so far, as numbers of their contents and as a count; nobody is woken for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.net.tally import counts
from sim.node.message import field_names
from sim.node.society import Society


def contents_heard(society: Society, seat: int, kind: type[Any], fields: Mapping[str, Any]) -> list[int]:
    """The numbers of what was said in votes of a kind with these field values, the first field among them, oldest first."""
    numbers = _said(society, kind, fields)
    return [number for number, count in zip(numbers, counts(society.network, seat, numbers), strict=True) if count]


def votes_heard(society: Society, seat: int, kind: type[Any], fields: Mapping[str, Any]) -> int:
    """How many such votes have come; who has said two things is counted twice."""
    numbers = _said(society, kind, fields)
    return sum(counts(society.network, seat, numbers)) if numbers else 0


def _said(society: Society, kind: type[Any], fields: Mapping[str, Any]) -> list[int]:
    """What anybody has said in such votes."""
    asked: Any = kind
    names = field_names(asked)
    found = society.votes.get((society.kind(kind), fields[names[0]]), [])
    if found and len(fields) > 1:
        contents = society.contents
        for name in names[1:]:
            if name in fields:
                found = [number for number in found if getattr(contents[number], name) == fields[name]]
    return found
