"""Jolteon, also known as DiemBFT version 4: chained HotStuff with two certificates in a row instead of three.

Gelashvili, Kokoris-Kogias, Sonnino, Spiegelman, Xiang, "Jolteon and Ditto", FC 2022 (arXiv 2106.10362), section 3. The phase
that is saved is paid for after a failed view: the leader shows a quorum's newest certificates, and must propose on top of
the newest of these. So no lock is needed; safety rests on the one vote a view, on `two_in_a_row`, on `newest_reported`, and on not
voting in a view that one has given up (`reports_bind`): what was reported as newest must stay what one has voted for.

In the paper a timeout message tells everybody the sender's newest certificate; here everybody hears the wish for the next
view, and the certificates go to its leader alone, which shows them in its proposal (n - 1 messages more in a failed view). Left out:
Ditto's fallback for asynchrony, and leaders chosen by reputation, as Diem and Aptos do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sim.consensus.hotstuff.chained import ChainedHotStuff, Promises, Propose, Vote, view_of
from sim.consensus.hotstuff.pacemaker import Growth, NewView
from sim.consensus.tree import Tree
from sim.kernel.part import part
from sim.kernel.presets import Preset
from sim.kernel.units import AtLeastOne, Count, Patience
from sim.node.ballots import Ballots
from sim.node.message import Signed


@part
class Jolteon(ChainedHotStuff):
    """Jolteon: a block every two delays, final after two certificates in a row; 2(n-1) messages a block."""

    patience: Patience = 1_500_000_000  # how long a view may take before its leader is given up
    growth: Growth = 1.2  # by what factor patience grows with each view given up in a row
    most_growths: Count = 6  # how often it grows at most
    turn: AtLeastOne = 1  # views in a row of one leader

    presets: ClassVar[Mapping[str, Preset]] = {
        "aptos": Preset("Aptos: 1.5 s times 1.2 up to six times", {"patience": "1500 ms", "growth": 1.2, "most_growths": 6}),
        "diem": Preset("Diem: two contiguous rounds a leader", {"patience": "1 s", "turn": 2}),
        "asonnino": Preset("asonnino/hotstuff, whose timer does not grow", {"patience": "5 s", "growth": 1.0}),
    }
    ballots: ClassVar[Ballots] = Ballots(Vote, ("view",), proposal=Propose, row=2)
    reports_bind: ClassVar[bool] = True
    lacking: ClassVar[str] = "neither the view before nor a quorum's reports justify it"

    def justified(self, proposal: Propose, quorum_size: int) -> bool:
        """The view before was certified, or a quorum's reports know of nothing newer than the proposal stands on."""
        if not ChainedHotStuff.justified(self, proposal, quorum_size):
            return False
        if view_of(proposal.justify) == proposal.view - 1:
            return True
        reporters = {report.sender for report in proposal.reports if report.message.view == proposal.view}
        return len(reporters) >= quorum_size and view_of(proposal.justify) >= newest_reported(proposal.reports, quorum_size)

    def safe(self, proposal: Propose, promises: Promises, tree: Tree) -> bool:
        """What is justified is safe."""
        return True

    def final(self, newest: Vote, promises: Promises) -> str:
        """The block whose parent was certified in the view before."""
        return newest.digest if two_in_a_row(newest) else ""

    def excuse(self, reports: tuple[Signed[NewView], ...]) -> tuple[Signed[NewView], ...]:
        """A leader that was wished for shows every report."""
        return reports


def two_in_a_row(newest: Vote) -> bool:
    """Whether a block and the one below were certified in consecutive views."""
    return newest.below == newest.view - 1


def newest_reported(reports: tuple[Signed[NewView], ...], quorum_size: int) -> int:
    """The view of the newest certificate in the reports."""
    known = [report.message.high for report in reports if report.message.high is not None]
    return max((view_of(high) for high in known if high.proves(Vote, quorum_size)), default=-1)
