"""Casper FFG judged by signatures and blocks alone: what is final had its links, no two final checkpoints contradict each other, who is slashed.

Buterin, Griffith, "Casper the friendly finality gadget", arXiv 1710.09437, 2017: two thirds justify the target of a link from a
justified source, and a link to the next checkpoint makes its source final (or over one justified in between, as Gasper has it). Nobody may
sign two votes for one epoch, or one whose link surrounds another's. Liars count as signers of everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.node.ballots import Checkpoints
from sim.node.genesis import GENESIS
from sim.study.evidence import Evidence, read_once
from sim.study.lineage import compatible
from sim.study.metrics_rows import read
from sim.study.verdict import Verdict, at, short, who

Checkpoint = tuple[int, str]
"""Epoch and digest."""
Link = tuple[Checkpoint, Checkpoint]
Offence = tuple[Any, Any, NDArray[np.bool_]]
"""A vote, another that contradicts it, and bool[seats]: which identities signed both."""


def backed_by_links(evidence: Evidence) -> Verdict:
    """Each honest decision lies on or below a checkpoint that votes of two thirds made final, as they lie in the blocks of one chain."""
    name = "certificate-soundness"
    known = read(evidence).decisions
    if not known.slot.size:
        return Verdict(name, "unknown", "no honest seat decided anything")
    by_votes, by_blocks = (backed(evidence, found) for found in (finals(evidence), written(evidence)))
    for time_ns, seat, slot, code in zip(
        known.time_ns.tolist(), known.seat.tolist(), known.slot.tolist(), known.code.tolist(), strict=True
    ):
        digest = known.digests[code]
        if digest not in by_votes or digest not in by_blocks:
            lacks = "votes made final" if digest not in by_votes else "the votes that lie in its chain in time made final"
            told = f"{at(time_ns)} {who(evidence, seat)} decided {short(digest)} for slot {slot}, below no checkpoint that {lacks}"
            return Verdict(name, "fail", told)
    return Verdict(name, "pass", f"{known.slot.size} decisions, each below a checkpoint that two thirds made final")


def backed(evidence: Evidence, final: Iterable[Checkpoint]) -> dict[str, None]:
    """The blocks on and below some checkpoints."""
    found: dict[str, None] = {}
    for _, digest in final:
        while digest not in found and digest in evidence.blocks:
            found[digest] = None
            digest = evidence.blocks[digest].parent
    return found


def one_final_chain(evidence: Evidence) -> Verdict:
    """No two checkpoints that votes may have made final contradict each other."""
    name = "lock-monotonicity"
    liars = int((~evidence.honest[: evidence.identities]).sum())
    if liars > evidence.faulty_bound:
        return Verdict(name, "unknown", f"{liars} lie, more than the {evidence.faulty_bound} that must be borne")
    final = finals(evidence)
    for one, other in combinations(final, 2):
        if not compatible(evidence, one[1], other[1]):
            told = " and ".join(f"{short(digest)} of epoch {epoch}" for epoch, digest in (one, other))
            return Verdict(name, "fail", f"votes may have made {told} final, which contradict each other")
    return Verdict(
        name, "pass" if final else "unknown", f"{len(final)} checkpoints that votes may have made final, all on one chain"
    )


@read_once
def finals(evidence: Evidence) -> tuple[Checkpoint, ...]:
    """The checkpoints that votes, with all liars' help, made final; the beginning apart."""
    rules = evidence.ballots
    assert isinstance(rules, Checkpoints)
    support: dict[Link, NDArray[np.bool_]] = {}
    liars = ~evidence.honest & (np.arange(evidence.seats) < evidence.identities)
    for said, signers in _attestations(evidence, rules):
        link = (said.source_epoch, said.source), (said.slot // rules.slots_per_epoch, said.target)
        support[link] = support.get(link, liars) | signers
    return tuple(made_final({link: int(signers.sum()) for link, signers in support.items()}, evidence))


def made_final(support: Mapping[Link, int], evidence: Evidence) -> dict[Checkpoint, None]:
    """What links with so many votes each make final, over justified checkpoints of the same branch; the beginning apart."""
    justified: dict[Checkpoint, None] = {(0, GENESIS): None}
    final: dict[Checkpoint, None] = {}
    for (source, target), votes in sorted(support.items(), key=lambda item: (item[0][1][0], item[0])):
        if source in justified and 3 * votes >= 2 * evidence.identities:
            justified[target] = None
            below = [epoch for epoch, digest in justified if compatible(evidence, digest, target[1])]
            between = all(middle in below for middle in range(source[0] + 1, target[0]))
            if 0 < target[0] - source[0] <= 2 and between and source[1] != GENESIS:
                final[source] = None
    return final


def written(evidence: Evidence) -> Iterator[Checkpoint]:
    """The checkpoints that are final by what lies in the blocks of any one chain, each vote in time and for that chain's own blocks."""
    rules, blocks = evidence.ballots, evidence.blocks
    assert isinstance(rules, Checkpoints)
    parents = {block.parent for block in blocks.values()}
    for tip in blocks:
        if tip in parents:
            continue
        chain: list[Any] = []
        digest = tip
        while digest in blocks:
            chain.append(blocks[digest])
            digest = blocks[digest].parent
        yield from made_final({link: bits.bit_count() for link, bits in _links_in(chain[::-1], rules).items()}, evidence)


def _links_in(chain: Sequence[Any], rules: Checkpoints) -> dict[Link, int]:
    """Who voted for each link, as a bit set, by what lies in the blocks of a chain from its beginning."""
    links: dict[Link, int] = {}
    border: dict[int, str] = {}
    epoch, tip = -1, GENESIS
    for block in chain:
        slot = block.time_ns // rules.slot_ns
        while epoch < slot // rules.slots_per_epoch:
            epoch += 1
            border[epoch] = block.digest if slot == epoch * rules.slots_per_epoch else tip
        for held in block.seals:
            said = held.votes.message
            target = said.slot // rules.slots_per_epoch, said.target
            in_time = said.slot < slot <= said.slot + rules.inclusion_slots and target[0] >= epoch - 1
            if in_time and border.get(target[0]) == said.target:
                link = (said.source_epoch, said.source), target
                links[link] = links.get(link, 0) | held.votes.bits
        tip = block.digest
    return links


def slashable(evidence: Evidence, rules: Checkpoints) -> Iterator[Offence]:
    """Two votes for one epoch, or one that surrounds another, by the same identity."""
    votes = [(said.slot // rules.slots_per_epoch, said, signers) for said, signers in _attestations(evidence, rules)]
    by_link: dict[tuple[int, int], list[tuple[Any, NDArray[np.bool_]]]] = {}
    by_epoch: dict[int, list[tuple[Any, NDArray[np.bool_]]]] = {}
    for epoch, said, signers in votes:
        by_epoch.setdefault(epoch, []).append((said, signers))
        by_link.setdefault((said.source_epoch, epoch), []).append((said, signers))
    pairs = [pair for same in by_epoch.values() for pair in combinations(same, 2)]
    for (source, epoch), outer in by_link.items():
        for (later, earlier), inner in by_link.items():
            if source < later and earlier < epoch:
                pairs += [(one, other) for one in outer for other in inner]
    for (one, signed_one), (other, signed_other) in pairs:
        both = signed_one & signed_other
        if both.any():
            yield one, other, both


def _attestations(evidence: Evidence, rules: Checkpoints) -> Iterator[tuple[Any, NDArray[np.bool_]]]:
    for number, said in enumerate(evidence.said):
        if type(said) is rules.attestation:
            lanes = np.unpackbits(evidence.said_by[number].view(np.uint8), bitorder="little")
            yield said, lanes[: evidence.seats].astype(np.bool_)
