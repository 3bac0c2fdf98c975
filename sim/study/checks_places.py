"""Honest seats move on and never back, and each place has one leader: judged from what they signed."""

from __future__ import annotations

from sim.node.ballots import Ballots, Blocks, Logs
from sim.study.checks_logs import one_leader, rising_terms
from sim.study.evidence import Evidence
from sim.study.signatures import Place, Signatures, place_of, signatures
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
    one_kind, last = bool(signed.ballots.step), signed.ballots.last
    newest: tuple[dict[int, tuple[Place, str]], ...] = ({}, {})
    for time_ns, identity, number in signed.cast:
        vote = signed.votes[number]
        place = (*vote.place, vote.step) if one_kind else vote.place
        late = vote.kind is last and not one_kind
        before = newest[late].get(identity)
        if before is None or place > before[0]:
            newest[late][identity] = (place, vote.digest)
        elif not (late and place < before[0] and vote.digest in ("", before[1])):
            said = f"{who(evidence, identity)} is honest and said {vote.kind.__name__} for {short(vote.digest)} in place {place}"
            return Verdict(name, "fail", f"{at(time_ns)} {said}, after {short(before[1])} in place {before[0]}")
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
    for vote in sorted(signed.first.values(), key=lambda vote: vote.when_ns[0]):
        if vote.step:
            continue
        time_ns = vote.when_ns[0]
        sources = [one for one, when_ns in signed.proposals.get((vote.place, vote.digest), {}).items() if when_ns <= time_ns]
        leads = [one for one in led.get(vote.place, sources) if one in sources]
        if not leads:
            why = "whose proposer is not whom the votes before it followed" if sources else "which nobody had proposed there"
            voter = who(evidence, vote.by[0])
            return f"{at(time_ns)} {voter} is honest and voted for {short(vote.digest)} in place {vote.place}, {why}"
        led[vote.place] = leads
    return ""
