"""Honest seats move on and never back, and each place has one leader: judged from what they signed."""

from __future__ import annotations

from operator import itemgetter

from sim.node.ballots import Ballots, Blocks, Logs
from sim.study.checks_logs import one_leader, rising_terms
from sim.study.evidence import Evidence
from sim.study.signatures import Place, Signatures, Vote, place_of, signatures
from sim.study.verdict import Verdict, at, short, who


def view_monotonicity(evidence: Evidence) -> Verdict:
    """An honest identity votes in rising places (slot and view), once in each; an old vote may be said again, not altered.

    A deciding vote may be for a place before the newest, if it is for the same block: who sees a decision joins it.
    """
    name = "view-monotonicity"
    if isinstance(evidence.ballots, Logs):
        return rising_terms(evidence)
    signed = signatures(evidence)
    if signed is None or not (signed.ballots.rises and signed.ballots.in_order) or not signed.first:
        return Verdict(name, "unknown", "the protocol's votes have no order, or none were cast")
    one_kind, votes = bool(signed.ballots.step), signed.votes
    late = None if one_kind else signed.ballots.last
    newest: dict[int, Vote] = {}
    newest_late: dict[int, Vote] = {}
    for row, (identity, number) in enumerate(zip(*signed.cast.T[1:].tolist(), strict=True)):
        vote = votes[number]
        of_kind = newest_late if vote.kind is late else newest
        before = of_kind.get(identity)
        if before is None or vote.place > before.place or (one_kind and vote.place == before.place and vote.step > before.step):
            of_kind[identity] = vote
        elif vote.kind is not late or vote.place == before.place or vote.digest not in ("", before.digest):
            here, there = [(*one.place, one.step) if one_kind else one.place for one in (vote, before)]
            said = f"{who(evidence, identity)} is honest and said {vote.kind.__name__} for {short(vote.digest)} in place {here}"
            return Verdict(name, "fail", f"{at(int(signed.cast[row, 0]))} {said}, after {short(before.digest)} in place {there}")
    return Verdict(name, "pass", f"{len(signed.cast)} votes of honest seats, each in a later place than the one before")


def leader_uniqueness(evidence: Evidence) -> Verdict:
    """In a place (slot and view) one honest identity proposes at most, and one block; no honest vote is for what nobody proposed."""
    name = "leader-uniqueness"
    ballots = evidence.ballots
    if isinstance(ballots, Logs):
        return one_leader(evidence)
    authored = ballots if isinstance(ballots, Blocks) else ballots.blocks if isinstance(ballots, Ballots) else None
    if authored is not None:
        return _one_block_each(evidence, authored)
    signed = signatures(evidence)
    if signed is None or not isinstance(ballots, Ballots) or ballots.proposal is None:
        return Verdict(name, "unknown", "the protocol has no leaders that it names")
    leaders: dict[Place, tuple[int, str]] = {}
    for time_ns, identity, proposed in signed.proposed:
        here = (identity, proposed.digest)
        first = leaders.setdefault(proposed.place, here)
        if first != here:
            return Verdict(
                name,
                "fail",
                f"{at(time_ns)} {who(evidence, identity)} is honest and proposed {short(proposed.digest)} in place {proposed.place}, where "
                f"{who(evidence, first[0])} had proposed {short(first[1])}",
            )
    stray = _stray_vote(evidence, signed)
    if stray:
        return Verdict(name, "fail", stray)
    return Verdict(
        name, "pass" if leaders else "unknown", f"{len(leaders)} places in which an honest leader proposed, one block in each"
    )


def _one_block_each(evidence: Evidence, blocks: Blocks) -> Verdict:
    """Where everybody proposes: no honest author says two blocks in one place."""
    name = "leader-uniqueness"
    first: dict[tuple[int, Place], str] = {}
    for time_ns, identity, _, number in evidence.spoken.tolist():
        said = evidence.contents[number]
        if type(said) is blocks.block and evidence.honest[identity]:
            place = place_of(said, blocks.place)
            before = first.setdefault((identity, place), said.digest)
            if before != said.digest:
                event = f"{at(time_ns)} {who(evidence, identity)} is honest and proposed {short(said.digest)} in place {place}"
                return Verdict(name, "fail", f"{event}, after {short(before)}")
    return Verdict(name, "pass" if first else "unknown", f"{len(first)} places of honest authors, one block in each")


def _stray_vote(evidence: Evidence, signed: Signatures) -> str:
    """The first honest vote for a block that nobody had proposed in its place, or not whom the votes before it followed."""
    led: dict[Place, list[int]] = {}
    for time_ns, vote in sorted([(vote.when_ns[0], vote) for vote in signed.first.values() if not vote.step], key=itemgetter(0)):
        sources = [one for one, when_ns in signed.proposals.get((vote.place, vote.digest), {}).items() if when_ns <= time_ns]
        before = led.get(vote.place)
        leads = sources if before is None else [one for one in before if one in sources]
        if not leads:
            why = "whose proposer is not whom the votes before it followed" if sources else "which nobody had proposed there"
            voter = who(evidence, vote.by[0])
            return f"{at(time_ns)} {voter} is honest and voted for {short(vote.digest)} in place {vote.place}, {why}"
        led[vote.place] = leads
    return ""
