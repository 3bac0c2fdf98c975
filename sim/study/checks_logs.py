"""Protocols whose leader copies its log, judged by what was sent: Raft's five properties (Ongaro, Ousterhout 2014, figure 3).

A leader's log is read from its appends: each names the entry it builds on, so that all below is known from earlier ones. An entry is
committed once a majority has acknowledged an entry of the leader's own term at or above it (5.4.2); from then on every leader of a
later term must have it. No node is asked what it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sim.node.ballots import Logs
from sim.study.evidence import Evidence, read_once
from sim.study.metrics_rows import read
from sim.study.verdict import Verdict, at, short, who

Entry = tuple[int, int]
"""Index, counted from 1, and term: with log matching this names an entry and all below it."""


@dataclass
class Ledger:
    """What the appends and answers of a run say."""

    below: dict[Entry, tuple[int, str]] = field(default_factory=dict)
    """Of each entry the term of the one before it, and its digest."""
    clash: str = ""
    """Two appends that tell different stories of one entry."""
    lost: str = ""
    """An honest follower that no longer has what it acknowledged in the same term."""
    two_leaders: str = ""
    two_votes: str = ""
    back: str = ""
    """An honest seat that speaks in an older term than before."""
    tips: dict[int, dict[Entry, str]] = field(default_factory=dict)
    """Per term the entries that its leader named, each with when and by whom, in words."""
    committed: list[tuple[int, int, Entry]] = field(default_factory=list)
    """When, in which term, and the newest entry that was committed then."""


def log_matching(evidence: Evidence) -> Verdict:
    """If two logs hold an entry with the same index and term, they are alike up to it; and what was acknowledged stays."""
    return _judged(evidence, "log-matching", lambda ledger: ledger.clash or ledger.lost, "entries, each with one past")


def leader_completeness(evidence: Evidence) -> Verdict:
    """What is committed in a term is in the log of every leader of a later term."""
    return _judged(
        evidence, "leader-completeness", lambda ledger: _incomplete(ledger), "entries, none of the committed ones replaced"
    )


def one_leader(evidence: Evidence) -> Verdict:
    """At most one honest seat leads in a term, and nobody honest votes twice in one."""
    return _judged(
        evidence, "leader-uniqueness", lambda ledger: ledger.two_votes or ledger.two_leaders, "entries, one leader a term"
    )


def rising_terms(evidence: Evidence) -> Verdict:
    """No honest seat leads or follows in an older term than it has been in."""
    return _judged(evidence, "view-monotonicity", lambda ledger: ledger.back, "entries, and terms that rise")


def majorities(evidence: Evidence) -> Verdict:
    """What an honest seat decides has been committed by then: a majority acknowledged it, or a later entry of its leader's own term."""
    return _judged(
        evidence, "certificate-soundness", lambda ledger: _too_early(evidence, ledger), "entries, each decided after a majority"
    )


def _judged(evidence: Evidence, name: str, wrong: Any, right: str) -> Verdict:
    if not isinstance(evidence.ballots, Logs):
        return Verdict(name, "unknown", "the protocol keeps no log that a leader copies")
    ledger = ledger_of(evidence)
    sentence = wrong(ledger)
    if sentence:
        return Verdict(name, "fail", sentence)
    return Verdict(name, "pass" if ledger.below else "unknown", f"{len(ledger.below)} {right}")


@read_once
def ledger_of(evidence: Evidence) -> Ledger:
    """Read everything that was said, once a run."""
    assert isinstance(evidence.ballots, Logs)
    ledger, kinds = Ledger(), evidence.ballots
    voted: dict[Entry, int] = {}
    leaders: dict[int, int] = {}
    newest: dict[int, int] = {}
    acknowledged: dict[Entry, int] = {}
    majority = evidence.identities // 2 + 1
    reached: dict[int, int] = {}
    for time_ns, identity, to, number in evidence.spoken.tolist():
        said, honest = evidence.contents[number], bool(evidence.honest[identity])
        kind = type(said)
        if kind in (kinds.append, kinds.ack) and honest:
            if said.term < newest.get(identity, 0) and not ledger.back:
                ledger.back = (
                    f"{at(time_ns)} {who(evidence, identity)} is honest and spoke in term {said.term}, after {newest[identity]}"
                )
            newest[identity] = max(said.term, newest.get(identity, 0))
        if kind is kinds.append:
            if honest and leaders.setdefault(said.term, identity) != identity and not ledger.two_leaders:
                ledger.two_leaders = (
                    f"{at(time_ns)} {who(evidence, identity)} leads term {said.term}, which seat {leaders[said.term]} led"
                )
            _read_append(ledger, said, f"{at(time_ns)} {who(evidence, identity)}")
        elif kind is kinds.ack:
            known = acknowledged.get((identity, said.term), 0)
            if said.ok and said.index > known:
                acknowledged[identity, said.term] = said.index
            elif honest and not said.ok and 0 < said.index < known and not ledger.lost:
                ledger.lost = (
                    f"{at(time_ns)} {who(evidence, identity)} had acknowledged entry {known} in term {said.term} and lacks it"
                )
        elif kind in (kinds.request, kinds.ballot) and honest and not said.trial and getattr(said, "granted", True):
            choice = identity if kind is kinds.request else to
            if voted.setdefault((identity, said.term), choice) != choice and not ledger.two_votes:
                other = voted[identity, said.term]
                ledger.two_votes = f"{at(time_ns)} {who(evidence, identity)} is honest and voted for seats {other} and {choice} in term {said.term}"
        if kind in (kinds.append, kinds.ack):
            _commit(ledger, said.term, acknowledged, leaders.get(said.term), majority, reached, time_ns)
    return ledger


def _read_append(ledger: Ledger, said: Any, event: str) -> None:
    """Enter what an append says of its leader's log."""
    index, term = said.previous, said.previous_term
    tips = ledger.tips.setdefault(said.term, {})
    if index:
        tips.setdefault((index, term), event)
    for entry_term, digest in said.entries:
        index += 1
        entry, past = (index, entry_term), (term, digest)
        if ledger.below.setdefault(entry, past) != past and not ledger.clash:
            ledger.clash = (
                f"{event} has {short(digest)} as entry {index} of term {entry_term} after term {term}, elsewhere it is "
                + (f"{short(ledger.below[entry][1])} after term {ledger.below[entry][0]}")
            )
        tips.setdefault(entry, event)
        term = entry_term


def _commit(
    ledger: Ledger,
    term: int,
    acknowledged: dict[Entry, int],
    leader: int | None,
    majority: int,
    reached: dict[int, int],
    time_ns: int,
) -> None:
    """Note when more of a term's own entries are on a majority; the leader holds all it has sent."""
    own = [index for index, of_term in ledger.tips.get(term, ()) if of_term == term]
    if not own:
        return
    held = {identity: index for (identity, of_term), index in acknowledged.items() if of_term == term}
    held[-1 if leader is None else leader] = max(own)
    index = sorted(held.values(), reverse=True)[majority - 1] if len(held) >= majority else 0
    index = max((one for one in own if one <= index), default=0)
    if index > reached.get(term, 0):
        reached[term] = index
        ledger.committed.append((time_ns, term, (index, term)))


def path(ledger: Ledger, entry: Entry) -> Iterator[tuple[Entry, str]]:
    """An entry and all below it, with their digests, as far as is known."""
    while entry in ledger.below:
        term, digest = ledger.below[entry]
        yield entry, digest
        entry = (entry[0] - 1, term)


def _incomplete(ledger: Ledger) -> str:
    """The first later leader whose log lacks or contradicts a committed entry."""
    bound: dict[int, tuple[int, int]] = {}  # index: (term of the entry, term in which it was committed)
    for _, term, entry in ledger.committed:
        for (index, of_term), _ in path(ledger, entry):
            if index in bound and bound[index][1] <= term:
                break
            bound[index] = (of_term, term)
    for term in sorted(ledger.tips):
        for entry, event in ledger.tips[term].items():
            for (index, of_term), digest in path(ledger, entry):
                due = bound.get(index)
                if due is not None and due[1] < term and due[0] != of_term:
                    return (
                        f"{event} leads term {term} with {short(digest)} of term {of_term} as entry {index}, where one of term {due[0]} "
                        + (f"had been committed in term {due[1]}")
                    )
                if due is not None and due[1] < term:
                    break  # all below it is alike
    return ""


def _too_early(evidence: Evidence, ledger: Ledger) -> str:
    """The first honest decision that nothing on a majority stands for."""
    when: dict[tuple[int, str], int] = {}
    for time_ns, _, entry in ledger.committed:
        for (index, _), digest in path(ledger, entry):
            if (index - 1, digest) in when:
                break
            when[index - 1, digest] = time_ns
    known = read(evidence).decisions
    for time_ns, seat, slot, code in zip(
        known.time_ns.tolist(), known.seat.tolist(), known.slot.tolist(), known.code.tolist(), strict=True
    ):
        digest = known.digests[code]
        if when.get((slot, digest), time_ns + 1) > time_ns:
            return f"{at(time_ns)} {who(evidence, seat)} decided {short(digest)} for slot {slot}, which no majority had acknowledged by then"
    return ""
