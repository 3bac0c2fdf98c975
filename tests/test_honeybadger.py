"""HoneyBadgerBFT: its delays exactly, its rules one by one, no clock that could be outrun, and what breaks it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from worlds import DELAY_NS, agreeing

import sim
from sim.consensus import binary_agreement, honeybadger
from sim.consensus.binary_agreement import Aux, BVal, Coin, Done, estimate, settled
from sim.consensus.common_subset import Echo, Propose, Ready
from sim.consensus.honeybadger import Decrypt, HoneyBadger
from sim.ledger.block import LOOSE, Block
from sim.net.topology import numbered
from sim.study.report import Report
from sim.testing import Stage, check_consensus

PATIENT = {"resend": "9999 s"}


def verdict(report: Report, name: str) -> str:
    return next(str(one["verdict"]) for one in report.to_dict()["checks"] if one["name"] == name)


def liars(count: int, n: int) -> list[dict[str, Any]]:
    return [{"kind": "equivocate", "seats": list(numbered("seat", n)[:count])}]


def rounds_of(report: Report) -> dict[int, int]:
    """Rounds of the slowest agreement of each epoch."""
    rounds: dict[int, int] = defaultdict(int)
    for row in report.evidence.trace:
        if row[1] == "note" and row[3] == "agreed":
            facts = dict(row[4])
            rounds[facts["epoch"]] = max(rounds[facts["epoch"]], facts["rounds"])
    return rounds


@pytest.mark.parametrize("n", [4, 7])
def test_delays_of_an_epoch(n: int) -> None:
    """Three to broadcast, three a round of the slowest agreement, one to decrypt; all batches are decided together."""
    report = sim.run(agreeing("honeybadger", n, "80 s", consensus=PATIENT))
    rounds = rounds_of(report)
    begun = {row[3]: (row[0], report.evidence.blocks[row[3]].height) for row in report.evidence.trace if row[1] == "publish"}
    seen = defaultdict(set)
    for row in report.evidence.trace:
        if row[1] == "decide":
            begun_ns, epoch = begun[row[4]]
            seen[epoch].add((row[0] - begun_ns) // DELAY_NS)
    assert len(seen) >= 3 and len(set(rounds.values())) > 1
    assert seen == {epoch: {3 + 3 * rounds[epoch] + 1} for epoch in seen}


@pytest.mark.parametrize("n", [4, 7])
def test_votes_of_an_epoch(n: int) -> None:
    """The broadcasts: n (n - 1) proposals, n^2 (n - 1) ECHO and as many READY; AUX and COIN so many each round of each agreement."""
    report = sim.run(agreeing("honeybadger", n, "200 s", consensus={**PATIENT, "block_interval": "150 s"}))
    kinds = {kind: copies for kind, (copies, _) in report.evidence.by_kind.items()}
    epochs = 2
    assert kinds["Propose"] == epochs * n * (n - 1)
    assert kinds["Echo"] == kinds["Ready"] == kinds["Done"] == epochs * n * n * (n - 1)
    assert kinds["Decrypt"] == epochs * n * n * (n - 1)
    rounds = [dict(row[4])["rounds"] for row in report.evidence.trace if row[1] == "note" and row[3] == "agreed"]
    assert kinds["Coin"] == (n - 1) * sum(rounds) <= kinds["Aux"] <= kinds["BVal"]


def test_a_network_that_is_never_timely_does_not_stop_it() -> None:
    """Delays of a minute's order: PBFT's patience of two seconds only ever changes views, here every batch is decided."""
    slow = {"link": {"latency": {"kind": "exponential", "mean": "20 s"}}, "heal": "1 s", "duration": "1500 s"}
    calm = sim.run(agreeing("honeybadger", 4, consensus=PATIENT, **slow))
    assert calm.to_dict()["consensus"]["decided"] >= 9
    hasty = sim.run(agreeing("pbft", 4, consensus={"patience": "2 s"}, **slow))
    assert hasty.to_dict()["consensus"]["decided"] < calm.to_dict()["consensus"]["decided"]


def test_what_was_cut_off_is_said_again() -> None:
    halves = [{"kind": "partition", "at": "5 s", "lasts": "60 s", "groups": [list(numbered("seat", 4)[:2])]}]
    report = sim.run(agreeing("honeybadger", 4, "150 s", consensus={"resend": "5 s"}, fault=halves, heal="65 s"))
    decided = [row[0] // DELAY_NS for row in report.evidence.trace if row[1] == "decide"]
    assert not [at for at in decided if 8 < at < 65]
    assert verdict(report, "termination") == verdict(report, "agreement") == "pass"


QUICK = {"latency": {"kind": "constant", "value": "100 ms"}}


@pytest.mark.parametrize(("n", "f"), [(4, 1), (7, 2)])
def test_f_equivocators_never_break_it(n: int, f: int) -> None:
    kept = sim.run(agreeing("honeybadger", n, "10 s", consensus=PATIENT, adversary=liars(f, n), link=QUICK))
    assert [verdict(kept, name) for name in ("agreement", "prefix-order", "integrity", "termination")] == ["pass"] * 4
    assert "Done" in kept.evidence.by_kind and kept.to_dict()["consensus"]["decided"] >= 2 * n - 2 * f


def test_one_more_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lying about batches they have both halves decide differently; lying about bits too, that one half finds every batch out."""
    n, f = 7, 2
    lied_to = agreeing("honeybadger", n, "10 s", consensus=PATIENT, adversary=liars(f + 1, n), link=QUICK)
    bits: dict[tuple[int, int], set[int]] = defaultdict(set)
    for row in sim.run(lied_to).evidence.trace:
        if row[1] == "note" and row[3] == "agreed" and row[2] > f:
            facts = dict(row[4])
            bits[facts["epoch"], facts["proposer"]].add(facts["bit"])
    assert {0, 1} in bits.values()
    for kind in (BVal, Aux, Done):
        monkeypatch.delattr(kind, "conflicting")
    assert verdict(sim.run(lied_to), "agreement") == "fail"


@pytest.mark.parametrize(
    ("said", "together", "bits"),
    [({1: 3}, 0, (1,)), ({1: 2}, 0, ()), ({0: 2, 1: 2}, 3, (0, 1)), ({0: 2, 1: 2}, 2, ()), ({0: 3, 1: 1}, 4, (0,)), ({}, 0, ())],
)
def test_which_bits_the_auxiliary_messages_settle(said: dict[int, int], together: int, bits: tuple[int, ...]) -> None:
    assert settled(said, together, 3) == bits


def test_only_a_single_bit_that_the_coin_shows_is_decided() -> None:
    assert estimate((1,), 1) == (1, True)
    assert estimate((1,), 0) == (1, False)
    assert estimate((0, 1), 1) == (1, False)


def on_stage() -> tuple[Stage, Block]:
    stage = Stage(HoneyBadger(resend=10**12), seat=3)
    block = Block.of(LOOSE, 0, 0, 0)
    return stage, block


def said(stage: Stage, kind: type[Any]) -> list[Any]:
    return [message for to, message in stage.sent if isinstance(message, kind) and to == 0]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a stage there is no ledger: the node proposes nothing itself."""
    whole = honeybadger.Epoch.propose

    async def propose(self: Any) -> None:
        if self.node.society.next_bundle is not None:
            await whole(self)

    monkeypatch.setattr(honeybadger.Epoch, "propose", propose)


def test_one_echo_a_proposer_and_ready_after_enough() -> None:
    stage, block = on_stage()
    other = block.twin()
    for one in (block, other):
        stage.deliver(0, Propose(0, stage.publish(0, one)))
    assert said(stage, Echo) == [Echo(0, block.digest)]
    stage.deliver(0, Echo(0, block.digest))
    assert said(stage, Ready) == []
    stage.deliver(1, Echo(0, block.digest))
    assert said(stage, Ready) == [Ready(0, block.digest)]


def test_ready_from_f_plus_one_is_enough_to_join_and_delivery_takes_the_body() -> None:
    stage, block = on_stage()
    for voter in (0, 1):
        stage.deliver(voter, Ready(0, block.digest))
    assert said(stage, Ready) == [Ready(0, block.digest)]
    stage.deliver(2, Ready(0, block.digest))
    assert said(stage, BVal) == []
    stage.publish(0, block)
    assert said(stage, BVal) == [BVal(0, 0, 1)]


def test_no_coin_is_looked_at_before_f_plus_one_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[tuple[int, int]] = []
    monkeypatch.setattr(binary_agreement, "toss", lambda node, instance, turn: looked.append((instance, turn)) or 1)
    stage, block = on_stage()
    stage.publish(0, block)
    for voter in (0, 1, 2):
        stage.deliver(voter, Ready(0, block.digest))
        stage.deliver(voter, BVal(0, 0, 1))
        stage.deliver(voter, Aux(0, 0, 1))
    assert said(stage, Aux) == [Aux(0, 0, 1)] and said(stage, Coin) == [Coin(0, 0)]
    assert looked == [] and said(stage, Done) == []
    stage.deliver(0, Coin(0, 0))
    assert looked == [(0, 0)] and said(stage, Done) == [Done(0, 1)]


def test_no_batch_is_looked_into_before_f_plus_one_shares() -> None:
    stage, _ = on_stage()
    judged: list[str] = []
    stage.society.accepts = lambda node, block, parent: judged.append(block.digest) or True
    blocks = [Block.of(LOOSE, 0, proposer, 0) for proposer in range(3)]
    for proposer, block in enumerate(blocks):
        stage.publish(proposer, block)
        for voter in (0, 1, 2):
            stage.deliver(voter, Ready(proposer, block.digest))
    for proposer, bit in enumerate((1, 1, 1, 0)):
        for voter in (0, 1):
            stage.deliver(voter, Done(proposer, bit))
    digests = tuple(block.digest for block in blocks)
    assert said(stage, Decrypt) == [Decrypt(instance, digest) for instance, digest in enumerate(digests)]
    stage.deliver(1, Decrypt(1, digests[1]))
    assert judged == [] and stage.decided == []
    for instance in (0, 2):
        stage.deliver(1, Decrypt(instance, digests[instance]))
    assert judged == list(digests)
    assert stage.decided == list(enumerate(digests))


def test_a_planted_agreement_that_takes_one_voice_for_a_quorum_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """One AUX instead of n - f, backed by nobody: a liar's bit becomes somebody's, and agreements end differently."""
    slow = {"latency": {"kind": "exponential", "mean": "300 ms"}}
    lied_to = agreeing("honeybadger", 4, "60 s", consensus=PATIENT, adversary=liars(1, 4), link=slow)

    def verdicts() -> set[str]:
        reports = [sim.run(lied_to, seed) for seed in range(1, 6)]
        return {verdict(report, name) for report in reports for name in ("agreement", "prefix-order")}

    assert verdicts() == {"pass"}

    async def hasty(self: Any, turn: int) -> tuple[int, ...]:
        proof = await self.node.quorum(Aux, 1, instance=self.instance, round=turn)
        return (proof.message.bit,)

    monkeypatch.setattr(binary_agreement.Agreement, "auxiliary", hasty)
    assert "fail" in verdicts()


@pytest.mark.parametrize("scene", ["f seats tell two stories", "cut in two and healed"])
def test_it_stands_the_hard_conformance_scenes(scene: str) -> None:
    check_consensus(HoneyBadger(), seats=4, seeds=1, scene=scene)


@pytest.mark.thorough
@pytest.mark.parametrize("n", [4, 7])
def test_it_stands_the_conformance_scenes(n: int) -> None:
    check_consensus(HoneyBadger(), seats=n, seeds=1)
