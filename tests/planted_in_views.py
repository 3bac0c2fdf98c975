"""Bugs planted in protocols with views and leaders who are replaced."""

from __future__ import annotations

from itertools import count
from typing import Any

from planted import Patch, bug, forgetting

from sim.consensus import pbft, pbft_view_change, smartbft, tendermint
from sim.consensus.hotstuff import basic, chained, jolteon


@bug("pbft", "certificate-soundness")
def quorum_of_two_f() -> list[Patch]:  # M01
    async def run(self: Any, node: Any, genuine: Any = pbft.PBFT.run) -> None:
        node.quorum_size -= 1
        await genuine(self, node)

    return [(pbft.PBFT, "run", run)]


@bug("pbft", "certificate-soundness")
def one_prepare_less() -> list[Patch]:
    return [(pbft.PBFT, "prepares", lambda self, node: node.quorum_size - 2)]


@bug("pbft", "certificate-soundness")
def decides_when_prepared() -> list[Patch]:  # M04
    async def run(self: Any, node: Any) -> None:
        for slot in count():
            voting = node.spawn(self.vote(node, slot))
            proof = await node.quorum(pbft.Prepare, self.prepares(node), slot=slot)
            await node.fetch(proof.message.digest)
            voting.cancel()
            node.decide(slot, proof.message.digest)

    return [(pbft.PBFT, "run", run)]


@bug("pbft", "lock-monotonicity", first=10)
def new_view_ignores_locks() -> list[Patch]:  # M05
    return [(place, "locked", lambda reports, slot, locks: None) for place in (pbft, pbft_view_change)]


@bug("pbft", "lock-monotonicity", first=34)
def lock_lost_by_a_crash() -> list[Patch]:
    genuine = pbft.resume
    return [(pbft, "resume", lambda node, slot: (genuine(node, slot)[0], None))]


@bug("pbft", "leader-uniqueness")
def place_lost_by_a_crash() -> list[Patch]:
    return [(pbft, "resume", lambda node, slot: (0, None))]


@bug("pbft", "leader-uniqueness")
def two_think_they_lead() -> list[Patch]:
    return [(pbft, "leader", lambda node, slot, view: (slot + view + node.id // 3) % node.n)]


@bug("qbft", "certificate-soundness")
def prepares_counted_across_views() -> list[Patch]:
    async def talk(self: Any, node: Any, slot: int, view: int, lock: Any, genuine: Any = pbft.PBFT.talk) -> Any:
        voting = node.spawn(genuine(self, node, slot, view, lock))
        try:
            return await node.quorum(pbft.Prepare, self.prepares(node) - 1, slot=slot)
        finally:
            voting.cancel()

    return [(pbft.PBFT, "talk", talk)]


@bug("smartbft", "lock-monotonicity")
def any_proposal_is_justified() -> list[Patch]:
    return [(smartbft, "justified", lambda said, quorum_size: True)]


@bug("smartbft", "lock-monotonicity")
def view_data_binds_nobody() -> list[Patch]:
    return [(smartbft, "locked", lambda reports, slot, quorum_size: None)]


@bug("tendermint", "lock-monotonicity")
def no_lock() -> list[Patch]:  # M13
    return [(tendermint, "may_prevote", lambda digest, polka_round, locked, locked_round: True)]


@bug("tendermint", "one-vote")
def votes_lost_by_a_crash() -> list[Patch]:  # M17
    async def run(self: Any, node: Any, genuine: Any = tendermint.Tendermint.run) -> None:
        node.keep.pop("locks", None)
        await genuine(self, node)

    return [(tendermint.Tendermint, "run", run)]


@bug("hotstuff", "lock-monotonicity")
def no_safe_node() -> list[Patch]:  # M22
    return [(basic.HotStuff, "safe", lambda self, justify, lock, extends_lock: True)]


@bug("hotstuff", "one-vote")
def more_than_one_vote_a_view() -> list[Patch]:  # M23
    return [(basic, "Promises", forgetting(basic.Promises))]


@bug("chained-hotstuff", "certificate-soundness")
def three_not_in_a_row() -> list[Patch]:  # M24
    return [(chained, "three_in_a_row", lambda newest, middle: True)]


@bug("chained-hotstuff", "certificate-soundness")
def two_for_three() -> list[Patch]:
    return [(chained.ChainedHotStuff, "final", jolteon.Jolteon.final)]


@bug("jolteon", "certificate-soundness")
def two_not_in_a_row() -> list[Patch]:  # M24
    return [(jolteon, "two_in_a_row", lambda newest: True)]


@bug("jolteon", "one-vote")
def jolteon_votes_again() -> list[Patch]:  # M23
    return [(chained, "Promises", forgetting(chained.Promises))]


@bug("jolteon", "lock-monotonicity", first=213)
def votes_in_a_view_given_up() -> list[Patch]:
    return [(jolteon.Jolteon, "reports_bind", False)]
