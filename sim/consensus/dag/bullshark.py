"""Bullshark: whoever has Narwhal's graph of certified blocks can read the order off it, without another message.

Spiegelman, Giridharan, Sonnino, Kokoris-Kogias, "Bullshark: the partially synchronous version", arXiv 2209.05633, 2022, figures
1 to 3, on the graph of Danezis et al., "Narwhal and Tusk", EuroSys 2022 (`narwhal.py`). Every second round has an anchor: the block of
one leader. It is committed when f + 1 certified blocks of the next round point to it, and with it, in order, every earlier anchor
below it and all that lies below those. 3 (n - 1) messages a block, three delays a round, six to the commit of an anchor.

Safety rests on one signature an author and round, and on `committed` and `path_of_anchors` (`anchors.py`). Left out: leaders chosen by
reputation (they take turns), and the fallback for asynchrony of the first Bullshark paper.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from sim.consensus.catching_up import when_stalled
from sim.consensus.dag.anchors import Anchors, leader
from sim.consensus.dag.graph import Graph
from sim.consensus.dag.narwhal import Ack, Header, Narwhal
from sim.consensus.dag.rounds import Pen, Rounds
from sim.kernel.part import part
from sim.kernel.units import Duration, Lasting, Least
from sim.node.ballots import Ballots, Blocks
from sim.node.node import Node

KeptRounds = Annotated[int, "count", Least(2, "an anchor orders at least the round before it; write 2 or more")]


@part
class Bullshark:
    """Narwhal and Bullshark: certified blocks by everybody, an anchor every second round; 3(n-1) messages a block."""

    patience: Lasting = 1_000_000_000  # how long a round waits for its anchor, or for votes for the last one
    resend: Lasting = 1_000_000_000  # how long a round may stand still before what was lost is asked for
    rescue: Duration = 5_000_000_000  # how long a transaction waits for its own seat before everybody proposes it
    kept_rounds: KeptRounds = 50  # blocks so much older than an anchor are not ordered any more

    ballots: ClassVar[Ballots] = Ballots(Ack, ("round", "author"), Ack, rises=False, blocks=Blocks(Header, ("round",)))

    async def run(self, node: Node) -> None:
        """Round after round; everything else answers mail."""
        graph: Graph = node.keep.setdefault("graph", Graph())
        anchors: Anchors = node.keep.setdefault("anchors", Anchors(graph, node.n, node.f, self.kept_rounds))
        pen: Pen = node.keep.setdefault("pen", Pen(self.rescue, self.kept_rounds))
        rounds = Rounds(
            node,
            graph,
            self.patience,
            lambda number: anchors.may_leave(number, node.quorum_size),
            lambda number: number % 2 == 0 and leader(number, node.n) == node.id,
        )

        def entered(block: Any) -> None:
            first = len(graph.ordered)
            for slot, each in enumerate(anchors.learn(block), first):
                node.decide(slot, each.digest)

        narwhal = Narwhal(node, graph, pen, rounds, entered)
        for duty in (narwhal.sign, narwhal.learn, narwhal.help, narwhal.help_up, narwhal.straggler.keep_up):
            node.spawn(duty())
        node.spawn(when_stalled(node, self.resend, lambda: rounds.now, narwhal.complain))
        rounds.now = max(pen.written, default=0)
        while True:
            await narwhal.propose()
            await rounds.end()
            node.forget(Header, round=rounds.now - self.kept_rounds)
