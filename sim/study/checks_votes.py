"""Who voted twice: judged from signatures that reached somebody, and from which seats an adversary holds.

Two votes of a kind contradict each other where all their whole numbers agree (slot, view, phase) and a digest or a flag differs.
A kind in which that is no offence says so (`may_differ`), as NotarFallback of Alpenglow does. Kinds that exclude each other, and links
that surround each other, are named by the protocol (`ballots`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, product
from typing import Any

import numpy as np

from sim.node.ballots import Ballots, Checkpoints
from sim.node.message import field_names, reader_of
from sim.study.checks_checkpoints import Offence, slashable
from sim.study.evidence import Evidence, read_once
from sim.study.metrics_rows import read
from sim.study.signatures import place_of
from sim.study.verdict import Verdict, short, who


def one_vote(evidence: Evidence) -> Verdict:
    """No honest identity signed two votes that contradict each other, whatever it was told."""
    name = "one-vote"
    if not evidence.said:
        return Verdict(name, "unknown", "no votes were counted")
    for one, other, signers in _offences(evidence):
        honest = np.flatnonzero(signers & evidence.honest)
        if honest.size:
            return Verdict(name, "fail", f"{who(evidence, int(honest[0]))} is honest and signed {_told(one)} and {_told(other)}")
    return Verdict(name, "pass", f"{len(evidence.said)} different votes, and no honest seat contradicted itself")


def accountability(evidence: Evidence) -> Verdict:
    """Evidence of double votes names the guilty only; and where agreement broke, more than the fault bound are convicted.

    Without a break nothing need be proved. Crash-tolerant protocols and probable finality convict nobody.
    """
    name = "accountability"
    guilty = sorted({seat for _, _, signers in _offences(evidence) for seat in np.flatnonzero(signers).tolist()})
    innocent = [seat for seat in guilty if evidence.honest[seat]]
    if innocent:
        return Verdict(name, "fail", f"{who(evidence, innocent[0])} is honest and would be convicted of voting twice")
    convicted = f"{len(guilty)} convicted of voting twice"
    if not _split(evidence):
        return Verdict(name, "pass" if evidence.said else "unknown", f"{convicted}, none of them honest")
    if 3 * evidence.faulty_bound >= evidence.seats or evidence.finality != "certain" or not evidence.said:
        return Verdict(name, "unknown", f"agreement broke under a protocol that keeps no proofs of guilt; {convicted}")
    if len(guilty) > evidence.faulty_bound:
        return Verdict(name, "pass", f"agreement broke, and {convicted}, more than the {evidence.faulty_bound} that must be borne")
    return Verdict(name, "unknown", f"agreement broke with {convicted}; what did it is not a double vote that two seats can show")


@read_once
def _offences(evidence: Evidence) -> tuple[Offence, ...]:
    """All offences of a run; both checks ask."""
    return tuple(_found(evidence))


def _found(evidence: Evidence) -> Iterator[Offence]:
    """Each pair of contradicting votes with a common signer."""
    first: dict[tuple[Any, ...], int] = {}
    groups: dict[int, list[int]] = {}
    kinds: Any = dict.fromkeys(map(type, evidence.said))
    readers = {kind: reader_of(kind) for kind in kinds if not getattr(kind, "may_differ", False)}
    for number, said in enumerate(evidence.said):
        kind: Any = type(said)
        if kind in readers:
            values = readers[kind](said)
            place = [value for value in values if type(value) is int]
            if len(place) < len(values):
                earliest = first.setdefault((kind, *place), number)
                if earliest != number:
                    groups.setdefault(earliest, [earliest]).append(number)
    pairs = [pair for _, numbers in sorted(groups.items()) for pair in combinations(numbers, 2)]
    for earlier, number in chain(pairs, _excluded(evidence)):
        both = evidence.said_by[earlier] & evidence.said_by[number]
        if both.any():
            signers = np.unpackbits(both.view(np.uint8), bitorder="little")[: evidence.seats].astype(np.bool_)
            yield evidence.said[earlier], evidence.said[number], signers
    if isinstance(evidence.ballots, Checkpoints):
        yield from slashable(evidence, evidence.ballots)


def _excluded(evidence: Evidence) -> Iterator[tuple[int, int]]:
    """Votes of kinds of which nobody says both in one place, by their numbers."""
    ballots = evidence.ballots
    if not isinstance(ballots, Ballots) or not ballots.excludes:
        return
    groups: dict[tuple[Any, ...], list[int]] = {}
    for number, said in enumerate(evidence.said):
        if any(type(said) in pair for pair in ballots.excludes):
            groups.setdefault((type(said), place_of(said, ballots.place)), []).append(number)
    for one, other in ballots.excludes:
        for (kind, place), numbers in groups.items():
            if kind is one:
                yield from product(numbers, groups.get((other, place), ()))


def _split(evidence: Evidence) -> bool:
    return read(evidence).split >= 0


def _told(said: Any) -> str:
    kind: Any = type(said)
    facts = ((name, getattr(said, name)) for name in field_names(kind))
    told = ", ".join(f"{name}={short(value) if isinstance(value, str) else value}" for name, value in facts)
    return f"{kind.__name__}({told})"
