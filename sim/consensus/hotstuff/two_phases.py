"""HotStuff-2: HotStuff in two phases, because a leader that may have missed a lock waits until it cannot have.

Malkhi, Nayak, "HotStuff-2: optimal two-phase responsive BFT", 2023 (eprint 2023/397), section 4. A certificate of the first
phase locks its block, one of the second decides it. A leader that holds the certificate of the view before proposes at once;
any other waits `delta`, the longest delay assumed, and proposes on the newest certificate it has then. Safety rests on the one
vote a phase and on `as_new_as_the_lock`; the wait is for liveness alone. Left out: the paper's own way of bringing views together;
here views change as in the other flavours (`pacemaker.py`).
"""

from __future__ import annotations

from typing import ClassVar

from sim.consensus.hotstuff.basic import HotStuff, Propose, Vote
from sim.consensus.hotstuff.chained import view_of
from sim.consensus.hotstuff.pacemaker import NewView
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration
from sim.node.ballots import Ballots
from sim.node.message import Certificate, Signed
from sim.node.node import Node


@part
class HotStuff2(HotStuff):
    """HotStuff-2: two phases through the leader; 5(n-1) messages, four delays to the leader's decision, five to all."""

    delta: Duration = 500_000_000  # what is assumed to be the longest delay; a leader waits so long after a failed view

    phases: ClassVar[int] = 2
    ballots: ClassVar[Ballots] = Ballots(Vote, ("view",), Vote, Propose, step="phase", steps=2)

    def check(self) -> None:
        """The wait must leave time for the view."""
        if self.delta >= self.patience:
            raise ScenarioError("must be shorter than patience, or every view after a failed one fails too", "delta")

    async def wait_for_reports(self, node: Node, view: int) -> tuple[Signed[NewView], ...]:
        """After `delta`, what every honest node that gave up the view before has reported."""
        await node.sleep(self.delta)
        return node.mail(NewView, view=view)

    def safe(self, justify: Certificate | None, lock: Certificate | None, extends_lock: bool) -> bool:
        """Whether the lock allows a vote."""
        return as_new_as_the_lock(view_of(justify), view_of(lock))


def as_new_as_the_lock(justify_view: int, lock_view: int) -> bool:
    """The paper's vote rule: what a proposal stands on is certified no earlier than one's lock."""
    return justify_view >= lock_view
