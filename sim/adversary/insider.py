"""Insider: an organisation whose node keeps to the protocol and whose people abuse the application.

The ledger agrees on what it is told. What these deeds come to depends on what was agreed when, and on what the reader checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.node.surroundings import Surroundings

OCCASIONS = {
    "ignore-revocation": "consent",
    "leak-keys": "consent",
    "bill-twice": "claims",
    "pay-and-deny": "claims",
    "sell-twice": "supply",
    "alter-protocol": "trials",
    "rewrite-log": "provenance",
    "replay-credential": "credentials",
    "replay-alarm": "monitoring",
    "forge-advisory": "public-health",
}
"""Which of our workloads gives occasion for each deed."""


@part
class Insider:
    """Commit one deed: read against a revocation, bill or sell twice, alter a protocol, rewrite a log, replay what is no longer valid.

    `ignore-revocation`: admits every read (consent). `leak-keys`: gives the keys of its patients' summaries to whoever keeps a copy
    (consent). `bill-twice`: files every claim a second time, with another payer (claims).
    `pay-and-deny`: signs both answers to a claim (claims). `sell-twice`: ships cloned units to a second buyer (supply).
    `alter-protocol`: publishes another outcome than the registered one (trials). `rewrite-log`: changes a log entry after its root
    was anchored (provenance). `replay-credential`: presents a revoked credential (credentials). `replay-alarm`: sends old alarms again
    (monitoring). `forge-advisory`: issues an advisory without being an agency (public-health).
    """

    deed: Literal[
        "ignore-revocation", "leak-keys", "bill-twice", "pay-and-deny", "sell-twice", "alter-protocol", "rewrite-log", "replay-credential",
        "replay-alarm", "forge-advisory",
    ]  # fmt: skip
    """What they do."""

    def fits(self, world: Surroundings) -> None:
        """A workload gives occasion for the deed."""
        if self.deed not in world.open_to:
            others = [deed for deed in OCCASIONS if deed in world.open_to]
            rest = f", or a deed that is possible here: {', '.join(others)}" if others else ""
            raise ScenarioError(
                f'no workload gives occasion for it; write a [[workload]] of kind "{OCCASIONS[self.deed]}"{rest}', "deed"
            )

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Begin; the workloads ask for it."""
        for seat in seats:
            world.deeds[seat] = (*world.deeds.get(seat, ()), self.deed)

        def release() -> None:
            for seat in seats:
                deeds = list(world.deeds[seat])
                deeds.remove(self.deed)  # once: others may do the same for longer
                world.deeds[seat] = tuple(deeds)

        return release
