"""What became of every transaction that a workload filed: the ground truth about the ledger, kept once for a whole run.

A block is executed when the first node decides it, and looked through once: who is to be told of which entry. What a node knows
is what it has decided; what a user was told is final stays told, even if the node's chain later takes it back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.health.contracts.book import CONTRACTS
from sim.ledger.block import Block, Transaction
from sim.ledger.machine import Machine, State

if TYPE_CHECKING:
    from sim.health.world import WorkloadWorld

NEVER = -1


class Owner(Protocol):
    """Who filed something and wants to hear of it."""

    def settled(self, seat: int, filing: Filing, answer: str, time_ns: int) -> None:
        """A party's node has decided the block that holds the filing; `answer` is the contract's, '' for yes."""

    def undone(self, seat: int, filing: Filing, time_ns: int) -> None:
        """A party's node has taken that block back."""

    def dropped(self, filing: Filing) -> None:
        """There was no room for it, and nobody offers it again."""


@dataclass(eq=False, slots=True)
class Filing:
    """One transaction of a workload and what became of it."""

    transaction: Transaction
    row: str
    """The row of the tables it belongs to."""
    owner: Owner
    parties: tuple[int, ...]
    """Seats beside the submitter whose people act on it."""
    subject: Any = None
    """What it is about, in the workload's own ground truth."""
    patient: bool = False
    """Whether somebody waits and offers it again where there is no room (a closed loop)."""
    told_to_wait: int = 0
    """How often it was told that there is no room."""
    dropped: bool = False
    """There was no room for it, and nobody offers it again."""
    final_ns: int = NEVER
    """When it was last final at its submitter, by the submitter's node; NEVER while it is not."""
    first_final_ns: int = NEVER
    answer: str | None = None
    """The contract's answer where it was last decided; None while nobody has decided it."""
    clerk: int = NEVER
    """The seat whose clerk waits for the answer; NEVER where nobody does."""
    block: str = ""
    """The block that last held it at a party's node."""
    reverted: int = 0
    """How often it was final at its submitter and then taken back."""
    pages: tuple[_Page, ...] = ()
    """The decided blocks that hold it, on whatever fork."""
    lost_ns: int = 0
    """Longest time for which it had been final before it was taken back."""

    @property
    def submitted_ns(self) -> int:
        """When it was filed."""
        return self.transaction.submitted_ns

    @property
    def seat(self) -> int:
        """Whose node submitted it."""
        return self.transaction.submitter

    @property
    def accepted(self) -> bool:
        """Whether it is final at its submitter and the contract took it."""
        return self.final_ns >= 0 and self.answer == ""


@dataclass(eq=False)
class _Page:
    """One decided block as the registrar keeps it."""

    at_ns: NDArray[np.int64]
    """int64[seats]: when each node decided it; NEVER where it has not, or has taken it back."""
    told: dict[int, list[tuple[Filing, str]]] = field(default_factory=dict)
    """What is still to be told to the people at each seat, when its node decides the block."""
    ordered: list[int] | None = None
    changed: bool = True
    taken_back: bool = False
    """Some node took it back, so it may have to tell the same again."""

    @cached_property
    def alone(self) -> tuple[_Page, ...]:
        """Only this page; one tuple for all filings that no other block holds."""
        return (self,)


class Registrar:
    """All filings of all workloads of one run, and the machine that executes them."""

    def __init__(self, world: WorkloadWorld) -> None:
        self.machine = Machine(world.chain_of(0).tree, CONTRACTS)
        self.filings: dict[str, Filing] = {}
        self._world = world
        self._seats = len(world.names)
        self._pages: dict[str, _Page] = {}
        world.on_decide(self.decided)
        world.on_revoke(self.revoked)
        world.on_displace(self.displaced)

    @cached_property
    def _honest(self) -> NDArray[np.bool_]:
        return self._world.honest

    def file(self, filing: Filing) -> Filing:
        """Submit a transaction and follow it."""
        self.filings[filing.transaction.id] = filing
        self._offer(filing)
        return filing

    def _offer(self, filing: Filing) -> None:
        """Submit it; where there is no room, who is patient offers it again after a while."""
        world = self._world
        taken = (world.is_up(filing.seat) or not filing.told_to_wait) and world.submit(filing.transaction) >= 0
        if not taken:
            self._turn_away(filing)

    def _turn_away(self, filing: Filing) -> None:
        """There is no room for it."""
        retry_ns = self._world.retry_ns
        if filing.patient and retry_ns:
            filing.told_to_wait += 1
            self._world.at(self._world.now_ns + retry_ns, self._offer, filing)
        else:
            filing.dropped = True
            filing.owner.dropped(filing)

    def displaced(self, transaction: Transaction) -> None:
        """A filing that waited has had to make room."""
        filing = self.filings.get(transaction.id)
        if filing is not None and filing.final_ns < 0:
            self._turn_away(filing)

    def view(self, seat: int) -> State:
        """The state that a node has."""
        return self.machine.at(self._world.chain_of(seat).tip)

    def decided(self, seat: int, block: Block, time_ns: int) -> None:
        """A node decided a block."""
        page = self._pages.get(block.digest)
        if page is None:
            page = self._pages[block.digest] = self._look_through(block)
        page.at_ns[seat] = time_ns
        page.changed = True
        told = page.told.pop(seat, None)
        if told is None and page.taken_back:
            told = self._told_at(seat, block)
        for filing, answer in told or ():
            filing.answer, filing.block = answer, block.digest
            if seat == filing.seat:
                filing.final_ns, filing.dropped = time_ns, False  # a proposer may have had it before it made room
                if filing.first_final_ns < 0:
                    filing.first_final_ns = time_ns
            filing.owner.settled(seat, filing, answer, time_ns)

    def revoked(self, seat: int, block: Block, time_ns: int) -> None:
        """A node took a decision back."""
        page = self._pages.get(block.digest)
        if page is None:
            return
        page.at_ns[seat] = NEVER
        page.changed = page.taken_back = True
        for filing, _ in self._told_at(seat, block):
            if seat == filing.seat and filing.final_ns >= 0:
                filing.reverted += 1
                filing.lost_ns = max(filing.lost_ns, time_ns - filing.final_ns)
                filing.final_ns = NEVER
            filing.owner.undone(seat, filing, time_ns)

    def _look_through(self, block: Block) -> _Page:
        answers = self.machine.execute(block.digest)
        page = _Page(np.full(self._seats, NEVER, np.int64))
        for transaction, answer in zip(block.transactions, answers, strict=True):
            filing = self.filings.get(transaction.id)
            if filing is not None:
                filing.pages = (*filing.pages, page) if filing.pages else page.alone
                for seat in dict.fromkeys((filing.seat, *filing.parties)):
                    page.told.setdefault(seat, []).append((filing, answer))
        return page

    def _told_at(self, seat: int, block: Block) -> list[tuple[Filing, str]]:
        """What a decision of the block tells the people at a seat, found again."""
        told = []
        for transaction, answer in zip(block.transactions, self.machine.execute(block.digest), strict=True):
            filing = self.filings.get(transaction.id)
            if filing is not None and (seat == filing.seat or seat in filing.parties):
                told.append((filing, answer))
        return told

    def seen_ns(self, filing: Filing) -> NDArray[np.int64]:
        """int64[seats]: when each node had the transaction decided; NEVER where it has not."""
        times = np.full(self._seats, NEVER, np.int64)
        for page in filing.pages:
            times = np.where(page.at_ns >= 0, np.where(times >= 0, np.minimum(times, page.at_ns), page.at_ns), times)
        return times

    def everywhere_ns(self, filing: Filing, share: float = 1.0) -> int:
        """When that share of honest nodes had it decided; NEVER if they never had. The last one counts, not the median."""
        if len(filing.pages) == 1:  # one block, no fork: its times are sorted once for all that lies in it
            reached = self._sorted_times(filing.pages[0])
        else:
            seen = self.seen_ns(filing)[self._honest]
            reached = np.sort(seen[seen >= 0]).tolist()
        wanted = ceil(share * int(self._honest.sum()))
        return reached[wanted - 1] if 0 < wanted <= len(reached) else NEVER

    def _sorted_times(self, page: _Page) -> list[int]:
        """The times at which honest nodes decided a block, ascending."""
        if page.changed or page.ordered is None:
            times = page.at_ns[self._honest]
            page.ordered, page.changed = np.sort(times[times >= 0]).tolist(), False
        return page.ordered

    def canonical_tip(self) -> str:
        """The tip that most honest nodes have; among equals the highest, then the one of the lowest seat."""
        tips: dict[str, int] = {}
        for seat in np.flatnonzero(self._world.honest).tolist():
            tip = self._world.chain_of(seat).tip
            tips[tip] = tips.get(tip, 0) + 1
        heights = self.machine.tree.height_of
        return max(tips, key=lambda tip: (tips[tip], heights(tip))) if tips else self._world.chain_of(0).tip


def registrar_of(world: WorkloadWorld) -> Registrar:
    """The run's registrar; made by whoever asks first."""
    found = world.shared.get("registrar")
    if found is None:
        found = world.shared["registrar"] = Registrar(world)
    registrar: Registrar = found
    return registrar
