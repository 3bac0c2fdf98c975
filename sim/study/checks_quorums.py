"""Quorums judged by signatures: what was decided had one, what was locked had one, and what may be decided binds what comes later.

A liar may sign anything at any time, so every liar counts as a signer of everything; an honest identity counts from the instant it
signed. Thus a run condemns a protocol in which the liars could have broken agreement, whether or not they thought of it. A copy that
was lost counts too: no protocol may rest its safety on a loss. Where more lie than the protocol bears, nothing is promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

from sim.node.ballots import Checkpoints, Logs
from sim.node.genesis import GENESIS
from sim.study.checks_checkpoints import backed_by_links, one_final_chain
from sim.study.checks_logs import majorities
from sim.study.evidence import Evidence, read_once
from sim.study.lineage import compatible, height
from sim.study.metrics_rows import read
from sim.study.sequence import distinct
from sim.study.signatures import GENESIS_PLACE, WHATEVER, Place, Signatures, Vote, signatures
from sim.study.verdict import Verdict, at, short, who


def certificate_soundness(evidence: Evidence) -> Verdict:
    """Each honest decision, and each honest vote of a later phase, had the signatures of a quorum behind it when it was made."""
    name = "certificate-soundness"
    if isinstance(evidence.ballots, Logs):
        return majorities(evidence)
    if isinstance(evidence.ballots, Checkpoints):
        return backed_by_links(evidence)
    signed = signatures(evidence)
    if signed is None or not (signed.first or signed.last):
        return Verdict(name, "unknown", "the protocol does not say which of its votes decide, or none were cast")
    wrong = _unbacked_vote(evidence, signed) or _unbacked_decision(evidence, signed)
    if wrong:
        return Verdict(name, "fail", wrong)
    return Verdict(name, "pass", f"{read(evidence).decisions.slot.size} decisions and the votes before them, each behind a quorum")


def lock_monotonicity(evidence: Evidence) -> Verdict:
    """What a quorum may have decided in one place is never contradicted by what a quorum may certify there or in a later place."""
    name = "lock-monotonicity"
    if isinstance(evidence.ballots, Checkpoints):
        return one_final_chain(evidence)
    signed = signatures(evidence)
    if signed is None or not signed.first:
        return Verdict(name, "unknown", "the protocol does not say which of its votes decide, or none were cast")
    if signed.liars > evidence.faulty_bound:
        return Verdict(name, "unknown", f"{signed.liars} lie, more than the {evidence.faulty_bound} that must be borne")
    final, newest = sorted(decidable(evidence), key=attrgetter("place")), -1
    tops: list[Final] = []
    top = -2  # below whatever `height` says
    for one in final:
        above = height(evidence, one.digest)
        if above > top:
            tops.append(one)
            top = above
    for _, vote in signed.certified:
        while newest + 1 < len(tops) and tops[newest + 1].place <= vote.place:
            newest += 1
        rivals = tops[newest : newest + 1] if signed.ballots.rises else [one for one in final if one.place == vote.place]
        for bound in rivals:
            if bound.digest != vote.digest and bound.place <= vote.place and not compatible(evidence, vote.digest, bound.digest):
                here, there = _told(signed, vote.place), _told(signed, bound.place)
                return Verdict(
                    name,
                    "fail",
                    f"in {here} a quorum with the liars' help certifies {short(vote.digest)}, signed by honest seats "
                    f"{', '.join(map(str, sorted(vote.by)))}, though in {there} it may have decided {short(bound.digest)}",
                )
    return Verdict(name, "pass", f"{len(final)} decisions that a quorum may have made, none contradicted later")


class Final(NamedTuple):
    """A block that signatures may have decided."""

    place: Place
    digest: str
    when_ns: int
    """From when on."""


@read_once
def decidable(evidence: Evidence) -> tuple[Final, ...]:
    """Every block that the liars together with the honest signatures could have shown to be decided; both checks ask."""
    signed = signatures(evidence)
    return () if signed is None else tuple(_decidable(evidence, signed))


def _decidable(evidence: Evidence, signed: Signatures) -> Iterator[Final]:
    if not signed.ballots.row:
        need = signed.need - signed.liars
        for (place, digest), vote in signed.last.items():
            when_ns = vote.reached_ns(need)
            if when_ns is not None and digest != WHATEVER:
                yield Final(place, digest, when_ns)
            elif when_ns is not None:
                for since_ns, below in signed.certified_in.get(place, ()):
                    yield Final(place, below.digest, max(when_ns, since_ns))
        yield from _at_once(signed)
        return
    certified = {vote.digest: (when_ns, vote) for when_ns, vote in signed.certified}
    row = signed.ballots.row
    for top in certified.values():
        found = _row_below(evidence, certified, top[1].digest, row)
        if found:
            lowest = found[row - 1 - signed.ballots.final]
            if lowest is not None:
                when_ns = max(certified[vote.digest][0] for vote in found if vote is not None)
                yield Final(top[1].place, lowest.digest, when_ns)


def _at_once(signed: Signatures) -> Iterator[Final]:
    """Blocks that so many voted for in the first phase that no second is needed."""
    if signed.ballots.fast:
        need = -(-signed.identities * signed.ballots.fast // 100) - signed.liars
        for vote in signed.first.values():
            when_ns = vote.reached_ns(need) if vote.step == 0 else None
            if when_ns is not None:
                yield Final(vote.place, vote.digest, when_ns)


def _row_below(evidence: Evidence, certified: dict[str, tuple[int, Vote]], digest: str, row: int) -> list[Vote | None]:
    """So many certified blocks in consecutive places from `digest` down, the beginning as None; empty if there is a gap."""
    found: list[Vote | None] = []
    while len(found) < row:
        if digest == GENESIS:
            place = GENESIS_PLACE
            found.append(None)
        elif digest in certified:
            place = certified[digest][1].place
            found.append(certified[digest][1])
        else:
            return []
        above = found[-2] if len(found) > 1 else None
        if above is not None and above.place[0] != place[0] + 1:
            return []
        if digest == GENESIS:
            return found if len(found) == row else []
        block = evidence.blocks.get(digest)
        if block is None:
            return []
        digest = block.parent
    return found


def _told(signed: Signatures, place: Place) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(signed.ballots.place, place, strict=False))


def _unbacked_vote(evidence: Evidence, signed: Signatures) -> str:
    """The first vote of a later phase without a quorum of the phase before it."""
    ballots = signed.ballots
    if ballots.step:
        later = [vote for vote in signed.first.values() if vote.step > 0]
    else:
        later = [] if ballots.first is ballots.last else list(signed.last.values())
    for vote in later:
        when_ns = _backed_ns(signed, vote)
        if when_ns is None or when_ns > vote.when_ns[0]:
            kind = ballots.last.__name__ if ballots.last else ""
            return (
                f"{at(vote.when_ns[0])} {who(evidence, vote.by[0])} said {kind} for {short(vote.digest)} in "
                f"{_told(signed, vote.place)}, before {signed.most - signed.liars} honest seats had voted for it in the phase before"
            )
    return ""


def _backed_ns(signed: Signatures, vote: Vote) -> int | None:
    """Since when a quorum of the phase before stood behind a vote, with the liars' help; None never."""
    need = signed.most - signed.liars
    if need <= 0:
        return -1
    if vote.digest == WHATEVER:
        return min((when_ns for when_ns, _ in signed.certified_in.get(vote.place, ())), default=None)
    below = signed.first.get((vote.place, max(0, vote.step - 1), vote.digest))
    return None if below is None else below.reached_ns(need)


def _unbacked_decision(evidence: Evidence, signed: Signatures) -> str:
    """The first honest decision without a quorum for it or, in a chain, for a block on top of it."""
    backed: dict[str, int] = {}
    for one in sorted(decidable(evidence), key=attrgetter("when_ns")):
        digest = one.digest
        while digest not in backed:
            backed[digest] = one.when_ns
            block = evidence.blocks.get(digest)
            if block is None or getattr(block, "loose", False) or block.parent == GENESIS:
                break
            digest = block.parent
    known = read(evidence).decisions
    codes, places, _ = distinct(known.code)  # a block's first decision is its earliest
    first = zip(places.tolist(), known.time_ns[places].tolist(), codes.tolist(), strict=True)
    early = [place for place, time_ns, code in first if backed.get(known.digests[code], time_ns + 1) > time_ns]
    if early:
        place = min(early)
        told = f"decided {short(known.digests[known.code[place]])} for slot {known.slot[place]}, which no quorum had signed by then"
        return f"{at(int(known.time_ns[place]))} {who(evidence, int(known.seat[place]))} {told}"
    return ""
