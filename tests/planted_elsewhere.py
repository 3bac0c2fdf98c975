"""Bugs planted in chains, graphs, logs and committees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planted import Patch, bug, forgetting

from sim.consensus import (
    algorand,
    common_subset,
    gasper,
    gasper_choice,
    gasper_finality,
    raft,
    raft_election,
    raft_log,
    raft_replication,
    simplex,
    snowball,
    streamlet,
    votor,
    votor_pool,
)
from sim.consensus.dag import mysticeti, narwhal
from sim.node.message import Certificate


@bug("simplex", "lock-monotonicity")
def views_between_need_no_nullification() -> list[Patch]:
    return [(simplex, "connected", lambda parent_view, view, nulls: parent_view < view)]


@bug("simplex", "one-vote")
def finalises_what_it_has_nullified() -> list[Patch]:
    def learn(self: Any, proof: Any, genuine: Any = simplex.Replica.learn) -> None:
        nullified, self.known.nullified = self.known.nullified, -1
        genuine(self, proof)
        self.known.nullified = nullified

    return [(simplex.Replica, "learn", learn)]


@bug("simplex", "one-vote")
def notarises_again() -> list[Patch]:
    return [(simplex, "Known", forgetting(simplex.Known))]


@bug("streamlet", "lock-monotonicity")
def votes_for_shorter_chains() -> list[Patch]:
    return [(streamlet.Chains, "extends_a_longest", lambda self, block: True)]


@bug("streamlet", "certificate-soundness")
def three_of_any_epochs() -> list[Patch]:
    return [
        (streamlet.Chains, "epoch_of", lambda self, digest: self.tree.blocks[digest].height if digest in self.tree.blocks else -1)
    ]


@bug("algorand", "certificate-soundness")
def two_thirds_are_enough() -> list[Patch]:
    return [(algorand.Algorand, "need", lambda self, node, step: 2 * node.n // 3)]


@bug("snowman", "agreement", first=5)
def any_answer_is_a_majority() -> list[Patch]:
    def record(self: Any, votes: Any, genuine: Any = snowball.Snowballs.record) -> None:
        self.alpha_confidence = 1
        genuine(self, votes)

    return [(snowball.Snowballs, "record", record)]


@bug("alpenglow", "one-vote", first=13)
def final_after_a_fallback_vote() -> list[Patch]:
    def may_finalise(self: Any) -> bool:
        return self.notar is not None and self.notar == self.notarised and not self.over

    return [(votor_pool.Slot, "may_finalise", may_finalise)]


@bug("alpenglow", "one-vote")
def skips_what_is_settled_and_forgotten() -> list[Patch]:
    def skip_window(self: Any, slot: int, genuine: Any = votor.Duty.skip_window) -> None:
        final, self.pool.final_slot = self.pool.final_slot, -1
        genuine(self, slot)
        self.pool.final_slot = final

    return [(votor.Duty, "skip_window", skip_window)]


@bug("alpenglow", "certificate-soundness", first=7)
def sixty_per_cent_at_once() -> list[Patch]:
    return [(votor, "share", lambda n, percent: votor_pool.share(n, 60))]


@bug("mysticeti", "leader-uniqueness")
def blocks_lost_by_a_crash() -> list[Patch]:
    async def run(self: Any, node: Any, genuine: Any = mysticeti.Mysticeti.run) -> None:
        node.keep.pop("pen", None)
        await genuine(self, node)

    return [(mysticeti.Mysticeti, "run", run)]


@bug("gasper", "one-vote")
def attests_twice_an_epoch() -> list[Patch]:
    def committee(self: Any, slot: int) -> list[int]:
        return list(range(self.node.n))

    return [(gasper.Duty, "committee", committee)]


@bug("gasper", "certificate-soundness")
def half_are_enough() -> list[Patch]:
    genuine = gasper_finality.weighed
    return [(gasper_finality, "weighed", lambda state, validators: genuine(state, validators - 1))]


@bug("gasper", "certificate-soundness")
def counts_votes_for_another_branch() -> list[Patch]:
    def counted(self: Any, state: Any, votes: Any, genuine: Any = gasper_finality.Rules.counted) -> Any:
        now = self.epoch_of(votes.message.slot) == state.epoch
        own = replace(votes.message, target=state.border if now else state.border_before)
        return genuine(self, state, Certificate(own, votes.number, votes.bits))

    return [(gasper_finality.Rules, "counted", counted)]


@bug("gasper", "agreement")
def branches_weighed_from_the_genesis() -> list[Patch]:  # M64
    def head(self: Any, forest: Any, slot: int, genuine: Any = gasper_choice.Choice.head) -> str:
        justified, self.justified = self.justified, gasper_finality.BEGINNING
        found: str = genuine(self, forest, slot)
        self.justified = justified
        return found

    return [(gasper_choice.Choice, "head", head)]


@bug("fabric", "leader-uniqueness", first=142)
def orderers_forget_their_vote() -> list[Patch]:
    async def run(self: Any, node: Any, genuine: Any = raft.Raft.run) -> None:
        node.keep.pop("voted_for", None)
        await genuine(self, node)

    return [(raft.Raft, "run", run)]


@bug("algorand", "lock-monotonicity")
def goes_on_without_what_was_certified() -> list[Patch]:
    genuine = algorand.Algorand.say

    def say(self: Any, node: Any, ledger: Any, kind: Any, digest: str, *turn: int) -> None:
        genuine(self, node, ledger, kind, "" if kind is algorand.Next else digest, *turn)

    return [(algorand.Algorand, "say", say)]


@bug("honeybadger", "one-vote")
def echoes_everything() -> list[Patch]:  # M51
    async def echo(self: Any, proposer: int, instance: int) -> None:
        while True:
            mail = await self.node.receive(common_subset.Propose, sender=proposer, epoch=self.number)
            self.node.broadcast(common_subset.Echo(instance, mail.message.digest))

    return [(common_subset.CommonSubset, "echo", echo)]


@bug("bullshark", "one-vote")
def signs_every_header() -> list[Patch]:
    def judge(self: Any, mail: Any, block: Any) -> None:
        self.node.send(mail.sender, narwhal.Ack(mail.message.round, mail.sender, mail.message.digest))

    return [(narwhal.Narwhal, "judge", judge)]


@bug("raft", "certificate-soundness")
def a_majority_less_one() -> list[Patch]:
    return [(raft_replication, "committed", lambda held, log, term, majority: raft_log.committed(held, log, term, majority - 1))]


@bug("raft", "certificate-soundness", first=136)
def old_entries_committed_by_counting() -> list[Patch]:  # M37
    return [(raft_replication, "committed", lambda held, log, term, majority: sorted(held, reverse=True)[majority - 1])]


@bug("raft", "leader-uniqueness", first=107)
def vote_lost_by_a_crash() -> list[Patch]:  # M38
    async def run(self: Any, node: Any, genuine: Any = raft.Raft.run) -> None:
        node.keep.pop("voted_for", None)
        await genuine(self, node)

    return [(raft.Raft, "run", run)]


@bug("raft", "leader-completeness")
def acknowledges_before_it_is_written() -> list[Patch]:  # M40
    async def run(self: Any, node: Any, genuine: Any = raft.Raft.run) -> None:
        node.keep["log"] = list(node.keep.get("log", ())[:-1])
        node.keep["applied"] = min(node.keep.get("applied", 0), len(node.keep["log"]))
        await genuine(self, node)

    return [(raft.Raft, "run", run)]


@bug("raft", "certificate-soundness")
def logs_need_not_meet() -> list[Patch]:
    return [(raft_replication, "consistent", lambda log, previous, previous_term: True)]


@bug("raft", "certificate-soundness", first=128)
def logs_need_only_be_long_enough() -> list[Patch]:
    return [(raft_replication, "consistent", lambda log, previous, previous_term: len(log) >= previous)]


@bug("raft", "leader-completeness", first=84)
def votes_for_shorter_logs() -> list[Patch]:
    return [(raft_election, "up_to_date", lambda last_term, last_index, own_term, own_index: True)]
