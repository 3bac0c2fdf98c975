"""Slow primary: a leader that proposes as late as it can without being given up.

Amir, Coan, Kirsch, Lane, "Prime: Byzantine replication under attack", IEEE TDSC 2011, section 3 (the pre-prepare delay attack on PBFT);
Clement, Wong, Alvisi, Dahlin, Marchetti, "Making Byzantine fault tolerant systems tolerate Byzantine faults", NSDI 2009. As long as each
slot ends within the others' patience there is no view change, no evidence and no check that fails: throughput alone falls, to one block
in `after` and the few delays of a decision where one leader stays (smartbft, raft), and for the attackers' share of slots where it
rotates. A leader of Raft is silent as a whole until then, for its heartbeats carry what has not been answered; with empty ones between
it could be as slow as it likes, since nobody can tell it from a leader who has nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Duration, show_duration
from sim.node.ballots import Logs
from sim.node.surroundings import Behaviour, Surroundings


@part
class SlowPrimary:
    """Show each proposal `after` the seat's last decision or change of view, if it would be there earlier."""

    after: Duration = 1_500_000_000  # somewhat less than the others' patience

    def fits(self, world: Surroundings) -> None:
        """There are leaders, and this one is not given up."""
        protocol = world.protocol
        ballots = getattr(protocol, "ballots", None)
        if getattr(ballots, "proposal", None) is None and not isinstance(ballots, Logs):
            raise ScenarioError(
                "this protocol has no leader that others wait for; use it with pbft, smartbft or raft, or kind late", "kind"
            )
        rules = getattr(protocol, "ordering", protocol)
        patience = getattr(rules, "election_timeout" if isinstance(ballots, Logs) else "patience", None)
        if patience is not None and self.after >= patience:
            why = f"is no shorter than the others' patience, {show_duration(patience)}, so that the leader is given up"
            raise ScenarioError(f"{why}; write less, or kind late", "after")

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Hold proposals back, and nothing else."""
        return world.bend({seat: self._behaviour(seat, world) for seat in seats})

    def _behaviour(self, seat: int, world: Surroundings) -> Behaviour:
        society, loop = world.society, world.society.loop
        since = [loop.now_ns]

        def decided(where: int, slot: int, digest: str) -> None:
            if where == seat:
                since[0] = loop.now_ns

        def noted(time_ns: int, where: int, kind: str, facts: Any) -> None:
            if where == seat and kind == "view-change":
                since[0] = time_ns

        society.hear_decisions(decided)
        society.trace.subscribe("note", noted)

        def slow(to: int, said: Any) -> Iterator[tuple[int, Any]]:
            due_ns = since[0] + self.after
            if to == seat or due_ns <= loop.now_ns or not hasattr(type(said), "carries"):
                yield to, said
            else:
                loop.call_at_ns(due_ns, society.send, seat, to, seat, said)

        return slow
