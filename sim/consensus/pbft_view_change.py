"""PBFT's change of views: what a quorum reports to be locked binds the next leader.

Castro, Liskov, "Practical Byzantine fault tolerance", OSDI 1999, section 4.4, for one slot at a time. A block that any honest node may
have decided is locked at f + 1 honest nodes, so every quorum's reports show it; of several locks that of the highest view counts, for a
quorum has left the lower views. SmartBFT and the Istanbul family change views by the same two rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.node.message import Certificate, Signed, message
from sim.node.node import Node

Locks = Callable[[Certificate], bool]
"""Whether a certificate is one of PREPAREs, and has enough of them to lock what they name."""


@message
class ViewChange:
    """I have given up the view before this one; `lock` is my newest PREPARE certificate."""

    slot: int
    view: int
    lock: Certificate | None


def locked(reports: Sequence[Signed[Any]], slot: int, locks: Locks) -> str | None:
    """The digest locked in the highest view that the reports prove; None leaves the leader free."""
    shown = [report.message.lock for report in reports if report.message.lock is not None]
    votes = [lock.message for lock in shown if locks(lock) and lock.message.slot == slot]
    return max(votes, key=lambda said: int(said.view)).digest if votes else None


def justified(proposal: Any, quorum_size: int, locks: Locks) -> bool:
    """Whether a proposal carries a quorum's reports on its view, and obeys them."""
    place = (proposal.slot, proposal.view)
    reporters = {report.sender for report in proposal.reports if (report.message.slot, report.message.view) == place}
    return len(reporters) >= quorum_size and locked(proposal.reports, proposal.slot, locks) in (None, proposal.digest)


def resume(node: Node, slot: int) -> tuple[int, Certificate | None]:
    """View and lock to start a slot with; after a crash never again a view in which this node may have voted."""
    was, view, lock = node.keep.get("place", (-1, 0, None))
    return (view + 1, lock) if was == slot else (0, None)
