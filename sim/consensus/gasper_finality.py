"""What a chain says of its epochs: which checkpoints the attestations inside its blocks justify, and which are final.

Buterin and others, "Combining GHOST and Casper", arXiv 2003.03052, sections 4.3 to 4.5; `process_attestation` and
`weigh_justification_and_finalization` of Ethereum's consensus specifications (phase 0). Each branch counts what its own blocks hold and
nothing else, so two branches may justify differently. A state is true for everybody who knows the block, and kept once a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sim.consensus.gasper_votes import Aggregate, Attestation, Bits
from sim.node.genesis import GENESIS
from sim.node.message import Certificate


class Checkpoint(NamedTuple):
    """The block on a chain that is the newest at the first slot of an epoch."""

    epoch: int
    digest: str


BEGINNING = Checkpoint(0, GENESIS)


def later(one: Checkpoint, other: Checkpoint) -> Checkpoint:
    """That of the later epoch; of two of the same epoch the one that was there first, but any before the genesis, which has no slot."""
    return other if other.epoch > one.epoch or one == BEGINNING else one


class State(NamedTuple):
    """Where a chain stands in an epoch: who has voted for its checkpoints of this epoch and of the one before."""

    epoch: int = 0
    border: str = GENESIS
    voted: Bits = 0
    border_before: str = GENESIS
    voted_before: Bits = 0
    justified: Checkpoint = BEGINNING
    """From here on votes for this epoch's checkpoint lead."""
    justified_before: Checkpoint = BEGINNING
    """The same of the epoch before."""
    final: Checkpoint = BEGINNING
    epochs: tuple[int, ...] = (0,)
    """Which of the last few epochs are justified."""


def weighed(state: State, validators: int) -> State:
    """The state if its epoch ended now: votes of two thirds justify, and a link over justified epochs only makes its source final."""
    justified, final, epochs = state.justified, state.final, state.epochs
    before = state.epoch - 1, state.border_before, state.voted_before, state.justified_before
    for epoch, border, voted, source in (before, (state.epoch, state.border, state.voted, state.justified)):
        if 3 * voted.bit_count() < 2 * validators:
            continue
        justified, epochs = Checkpoint(epoch, border), (*epochs[-4:], epoch)
        if epoch - source.epoch <= 2 and all(middle in epochs for middle in range(source.epoch + 1, epoch)):
            final = later(final, source)
    return state._replace(justified=justified, final=final, epochs=epochs)


def entered(state: State, epoch: int, tip: str, validators: int) -> State:
    """The state of a chain that ends in the block `tip` once an epoch has begun without another."""
    while state.epoch < epoch:
        ended = weighed(state, validators)
        state = State(
            state.epoch + 1, tip, 0, state.border, state.voted, ended.justified, state.justified, ended.final, ended.epochs
        )
    return state


@dataclass(frozen=True)
class Rules:
    """By what a chain counts; times in slots."""

    validators: int
    slot_ns: int
    slots_per_epoch: int
    inclusion_slots: int
    most_attestations: int

    def slot_of(self, block: Any) -> int:
        """The slot of a block."""
        return int(block.time_ns // self.slot_ns)

    def epoch_of(self, slot: int) -> int:
        """The epoch of a slot."""
        return slot // self.slots_per_epoch

    def in_time(self, voted: int, included: int) -> bool:
        """Whether a vote of one slot may lie in a block of another."""
        return 0 <= voted < included <= voted + self.inclusion_slots

    def fits(self, state: State, said: Attestation, slot: int) -> bool:
        """Whether a block of that slot may hold a vote: in time, of this epoch or the last, from what its chain had justified then."""
        source = Checkpoint(said.source_epoch, said.source)
        back = state.epoch - self.epoch_of(said.slot)
        return self.in_time(said.slot, slot) and back <= 1 and source == (state.justified_before if back else state.justified)

    def counted(self, state: State, votes: Certificate) -> State:
        """The state with these votes in a block; for another checkpoint than the chain's own they count nothing."""
        said = votes.message
        if self.epoch_of(said.slot) == state.epoch:
            return state._replace(voted=state.voted | votes.bits) if said.target == state.border else state
        return state._replace(voted_before=state.voted_before | votes.bits) if said.target == state.border_before else state


class Branches:
    """The states of all blocks. `known`: by digest, after the block, shared by all nodes of a run; `blocks`: all that were published."""

    def __init__(self, rules: Rules, known: dict[str, State], blocks: dict[str, Any]) -> None:
        self.rules, self.known, self.blocks = rules, known, blocks
        known.setdefault(GENESIS, State())

    def at(self, digest: str, slot: int) -> State:
        """The state of the chain that ends in a block, in a slot after it."""
        return entered(self._after(digest), self.rules.epoch_of(slot), digest, self.rules.validators)

    def weighed(self, digest: str) -> State:
        """After a block, if its epoch ended with it."""
        return weighed(self._after(digest), self.rules.validators)

    def _after(self, digest: str) -> State:
        missing = []
        while digest not in self.known:
            missing.append(self.blocks[digest])
            digest = missing[-1].parent
        for block in reversed(missing):
            slot = self.rules.slot_of(block)
            state = self.at(block.parent, slot)
            if slot % self.rules.slots_per_epoch == 0:
                state = state._replace(border=block.digest)
            for held in block.seals:
                state = self.rules.counted(state, held.votes)
            self.known[block.digest] = state
            digest = block.digest
        return self.known[digest]

    def flaw(self, block: Any) -> str:
        """What is wrong with the attestations in a block whose parent is known, or ''."""
        if len(block.seals) > self.rules.most_attestations:
            return "it holds too many attestations"
        slot = self.rules.slot_of(block)
        state = self.at(block.parent, slot) if block.seals else State()
        for held in block.seals:
            said = held.votes.message if isinstance(held, Aggregate) else None
            if not isinstance(said, Attestation) or not self.rules.fits(state, said, slot):
                return "it holds what does not fit its chain"
        return ""

    def lacking(self, parent: str, slot: int, ballots: Iterable[Certificate]) -> tuple[Aggregate, ...]:
        """What a block on `parent` should hold of these: votes that fit and that its chain lacks, most first, as many as it may."""
        state, held = self.at(parent, slot), dict[Attestation, Bits]()
        for votes in self._held(parent, (state.epoch - 1) * self.rules.slots_per_epoch):
            held[votes.message] = held.get(votes.message, 0) | votes.bits
        new = [((votes.bits & ~held.get(votes.message, 0)).bit_count(), votes) for votes in ballots]
        wanted = [(many, votes) for many, votes in new if many and self.rules.fits(state, votes.message, slot)]
        wanted.sort(key=lambda one: -one[0])
        return tuple(Aggregate(votes) for _, votes in wanted[: self.rules.most_attestations])

    def _held(self, digest: str, since: int) -> Iterator[Certificate]:
        """The votes in a chain's blocks from some slot on, newest block first."""
        while digest != GENESIS and self.rules.slot_of(self.blocks[digest]) >= since:
            yield from (held.votes for held in self.blocks[digest].seals)
            digest = self.blocks[digest].parent

    def stands_on(self, digest: str, below: str) -> bool:
        """Whether a block is another one or stands above it."""
        height = 0 if below == GENESIS else self.blocks[below].height
        while digest != GENESIS and self.blocks[digest].height > height:
            digest = self.blocks[digest].parent
        return digest == below
