"""Bullshark and Mysticeti: their delays and messages exactly, their rules on small graphs, and what breaks them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from worlds import DELAY_NS, agreeing

import sim
from sim.consensus.dag import anchors, leaders, narwhal
from sim.consensus.dag.anchors import Anchors
from sim.consensus.dag.bullshark import Bullshark
from sim.consensus.dag.graph import Graph, whole
from sim.consensus.dag.leaders import OPEN, SKIP, Leaders
from sim.consensus.dag.mysticeti import Mysticeti
from sim.consensus.dag.narwhal import Ack, Certified, Header
from sim.consensus.dag.rounds import Pen
from sim.kernel.dice import Dice
from sim.kernel.part import part
from sim.ledger.block import LOOSE, Block, Transaction
from sim.net.topology import numbered
from sim.node.surroundings import Surroundings
from sim.study.report import Report
from sim.study.scenario import Consensus, Corruption, Scenario
from sim.testing import check_consensus

KINDS = ("bullshark", "mysticeti")
PATIENT = {"patience": "100 s", "resend": "9999 s"}
QUICK = {"latency": {"kind": "constant", "value": "100 ms"}}
UNEVEN = {"latency": {"kind": "exponential", "mean": "200 ms"}}


def verdict(report: Report, name: str) -> str:
    return next(str(one["verdict"]) for one in report.to_dict()["checks"] if one["name"] == name)


def liars(count: int, n: int) -> list[dict[str, Any]]:
    return [{"kind": "equivocate", "seats": list(numbered("seat", n)[:count])}]


def leads(kind: str, block: Any, n: int) -> bool:
    if kind == "mysticeti":
        return bool(block.proposer == leaders.leader(block.height, n))
    return block.height % 2 == 0 and bool(block.proposer == anchors.leader(block.height, n))


@pytest.mark.parametrize("n", [4, 7, 31])
@pytest.mark.parametrize(("kind", "delays", "interval", "messages"), [("bullshark", 6, 3, 3), ("mysticeti", 3, 1, 1)])
def test_delays_and_messages_of_a_leaders_block(kind: str, delays: int, interval: int, messages: int, n: int) -> None:
    report = sim.run(agreeing(kind, n, "25 s", consensus=PATIENT))
    published = {row[3]: row[0] for row in report.evidence.trace if row[1] == "publish"}
    blocks = report.evidence.blocks
    since = {row[0] - published[row[4]] for row in report.evidence.trace if row[1] == "decide" and leads(kind, blocks[row[4]], n)}
    assert since == {delays * DELAY_NS}
    starts = sorted({published[digest] for digest in blocks})
    assert {later - earlier for earlier, later in itertools.pairwise(starts)} == {interval * DELAY_NS}
    longer = sim.run(agreeing(kind, n, "37 s", consensus=PATIENT))
    copies = [sum(count for count, _ in one.evidence.by_kind.values()) for one in (report, longer)]
    assert copies[1] - copies[0] == messages * (n - 1) * (len(longer.evidence.blocks) - len(blocks))
    decided = [row[3] for row in report.evidence.trace if row[1] == "decide" and row[2] == 0]
    assert decided == list(range(len(decided))) and len(decided) > 3 * n


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "f"), [(4, 1), (7, 2)])
def test_f_equivocators_never_break_it(kind: str, n: int, f: int) -> None:
    for latency in (QUICK, UNEVEN):
        kept = sim.run(agreeing(kind, n, "30 s", adversary=liars(f, n), link=latency))
        assert [verdict(kept, name) for name in ("agreement", "prefix-order", "integrity", "termination")] == ["pass"] * 4


@pytest.mark.parametrize(("n", "f"), [(4, 1), (7, 2)])
def test_f_plus_one_equivocators_break_mysticeti(n: int, f: int) -> None:
    assert verdict(sim.run(agreeing("mysticeti", n, "30 s", adversary=liars(f + 1, n), link=QUICK)), "agreement") == "fail"


@part
class TwoCertificates:
    """Show two blocks a round, sign both for each other, and show each half the certificate of its own."""

    both_to_all: bool = False

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """One story for each half; the liars know both."""
        honest = [seat for seat in range(world.topology.n) if seat not in seats]
        fooled = frozenset(honest[len(honest) // 2 :])
        twins: dict[str, str] = {}
        society = world.society

        def twin(digest: str) -> str:
            if digest not in twins:
                block = society.blocks[digest]
                made = replace(
                    block, filler_bytes=block.filler_bytes + 1, edges=tuple(twins.get(edge, edge) for edge in block.edges)
                )
                twins[digest] = made.digest
                society.blocks[made.digest] = made
                society.trace.record("publish", block.proposer, made.digest, made.size_bytes, "block")
            return twins[digest]

        def behaviour(seat: int) -> Callable[[int, Any], Iterator[tuple[int, Any]]]:
            def told(to: int, said: Any) -> Iterator[tuple[int, Any]]:
                if isinstance(said, Header):
                    other = Header(said.round, twin(said.digest))
                    yield from (
                        (to, each) for each in ((said, other) if self.both_to_all else (other,) if to in fooled else (said,))
                    )
                elif isinstance(said, Ack) and to in seats:
                    yield to, said
                    yield to, Ack(said.round, said.author, twin(said.digest))
                elif isinstance(said, Certified) and to in fooled:
                    ballots = society.nodes[seat].ballots(Ack, round=said.round, author=seat, digest=twin(said.digest))
                    for proof in ballots:
                        if proof.count >= society.nodes[seat].quorum_size:
                            yield to, Certified(said.round, seat, proof.message.digest, proof)
                else:
                    yield to, said

            return told

        for seat in seats:
            world.add_behaviour(seat, behaviour(seat))
        return lambda: None


def two_certificates(n: int, count: int, both_to_all: bool = False) -> Scenario:
    scenario = agreeing("bullshark", n, "30 s", link=QUICK)
    lying = TwoCertificates(both_to_all=both_to_all)
    changed: Scenario = scenario.but(adversary=(Corruption(part=lying, seats=numbered("seat", n)[:count]),))
    return changed


@pytest.mark.parametrize(("n", "f"), [(4, 1), (7, 2)])
def test_two_certificates_take_f_plus_one_liars(n: int, f: int) -> None:
    assert verdict(sim.run(two_certificates(n, f)), "agreement") == "pass"
    assert verdict(sim.run(two_certificates(n, f + 1)), "agreement") == "fail"


@part
class TooFew(Bullshark):
    """Bullshark with a planted bug: f + 1 signatures certify."""

    async def run(self, node: Any) -> None:
        """Count too few everywhere."""
        node.quorum_size = node.f + 1
        await Bullshark.run(self, node)


def test_a_planted_certificate_of_f_plus_one_is_caught() -> None:
    """One liar and one honest signer are enough for a certificate, so each half can be shown its own."""
    sound = two_certificates(7, 2)
    assert verdict(sim.run(sound), "agreement") == "pass"
    broken = sound.but(consensus=Consensus(protocol=TooFew(), bodies="attached"))
    assert verdict(sim.run(broken), "agreement") == "fail"


class Forgetful(dict[Any, Any]):
    """Remembers nothing that it is given."""

    def __setitem__(self, key: Any, value: Any) -> None:
        return


def test_a_planted_second_signature_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two blocks of one author and round are shown to all; who signs both has both certified."""
    assert verdict(sim.run(two_certificates(4, 1, both_to_all=True)), "agreement") == "pass"
    made = narwhal.Narwhal.__init__

    def forgetting(self: Any, *args: Any) -> None:
        made(self, *args)
        self.signed = Forgetful()

    monkeypatch.setattr(narwhal.Narwhal, "__init__", forgetting)
    assert verdict(sim.run(two_certificates(4, 1, both_to_all=True)), "agreement") == "fail"


# the rules alone, on graphs drawn by lot -------------------------------------------------------------------------------


N, F, Q = 7, 2, 5


def drawn_graph(dice: Dice, rounds: int, even: bool) -> list[Block]:
    """Blocks of 6 or 7 authors a round; each points to 5 or 6 of the round before.

    Two authors a round are slow: few point to their blocks, so that these may be heard long after the next rounds. If `even`, seven of nine point to the
    leader's block; else in every other pair of rounds hardly any but the slow ones do.
    """
    blocks: list[Block] = []
    below: list[Block] = []
    for number in range(rounds):
        layer = []
        slow = dice.choice(N - Q, N, "slow", number)
        for author in dice.choice(N - (dice.below(4, "present", number) == 0), N, "authors", number):
            wanted = min(len(below), Q + dice.below(8, "edges", number, author) // (4 if even else 7))
            fond = (
                dice.below(9, "fond", number, author) > 1
                if even
                else number % 4 >= 2 or author in slow or dice.below(9, "fond", number, author) == 0
            )
            unloved = dice.choice(N - Q, N, "slow", number - 1)
            fates = {
                block.digest: (
                    not fond and led(block),
                    block.proposer in unloved,
                    dice.uniform("fate", number, author, block.proposer),
                )
                for block in below
            }
            chosen = sorted(fates, key=lambda digest: fates[digest])[:wanted]
            layer.append(Block.of(LOOSE, number, author, 0, (), 0, tuple(chosen)))
        blocks += layer
        below = layer
    return blocks


def led(block: Block) -> bool:
    """Whether either protocol has its author lead the round."""
    return leads("mysticeti", block, N) or leads("bullshark", block, N)


def orders(kind: str, seed: int) -> list[list[str]]:
    """What each of four observers decides, who hear of one graph's blocks in different orders, some of them at the very end."""
    dice = Dice(seed)
    blocks = drawn_graph(dice, 16, kind == "mysticeti")
    decided = []
    for observer in range(4):
        graph, said = Graph(), []
        rule: Any = Anchors(graph, N, F, 50) if kind == "bullshark" else Leaders(graph, N, Q)
        late = [
            99 * (dice.uniform("late", observer, place) < 0.25) + dice.uniform("when", observer, place)
            for place in range(len(blocks))
        ]
        for place in sorted(range(len(blocks)), key=lambda place: blocks[place].height + late[place]):
            for new in graph.add(blocks[place]):
                found = rule.learn(new)
                if kind == "mysticeti":
                    found = [block for chosen in rule.settled() for block in graph.order(chosen, 0)]
                said += [block.digest for block in found]
        decided.append(said)
    return decided


def contradictions(kind: str, seeds: int = 150) -> int:
    """Graphs on which two observers' orders are not one the beginning of the other."""
    wrong = 0
    for seed in range(seeds):
        found = sorted(orders(kind, seed), key=len)
        wrong += any(later[: len(earlier)] != earlier for earlier, later in itertools.pairwise(found))
    return wrong


@pytest.mark.parametrize("kind", KINDS)
def test_observers_of_one_graph_never_contradict_each_other(kind: str) -> None:
    assert contradictions(kind) == 0
    lengths = [len(order) for seed in range(20) for order in orders(kind, seed)]
    assert sum(length > 20 for length in lengths) > 40


@pytest.mark.parametrize(
    ("kind", "place", "name", "planted"),
    [
        ("bullshark", anchors, "committed", lambda votes, f: votes > 0),
        ("bullshark", anchors, "path_of_anchors", lambda graph, anchor, newest, n: [anchor]),
        ("bullshark", Graph, "reaches", lambda self, origin, goals, lowest: True),
        ("mysticeti", leaders, "certifies", lambda block, one, q: any(edge in one.votes for edge in block.edges)),
        ("mysticeti", Leaders, "direct", lambda self, number: SKIP if self.blames.get(number) else direct(self, number)),
    ],
    ids=["one vote commits", "skipped anchors forgotten", "any anchor reached", "one vote certifies", "one blame skips"],
)
def test_a_planted_rule_makes_observers_contradict(
    kind: str, place: Any, name: str, planted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, name, planted)
    assert contradictions(kind) > 0


direct = Leaders.direct


def layer(number: int, below: Sequence[Block], authors: Sequence[int] = range(4), without: Sequence[Block] = ()) -> list[Block]:
    """Blocks of a round that point to all of the round before but `without`."""
    edges = tuple(block.digest for block in below if block not in without)
    return [Block.of(LOOSE, number, author, 0, (), 0, edges) for author in authors]


def heard(*layers: Sequence[Block]) -> Leaders:
    graph = Graph()
    rule = Leaders(graph, 4, 3)
    for block in itertools.chain(*layers):
        for new in graph.add(block):
            rule.learn(new)
    return rule


def test_three_certifying_blocks_commit_and_two_leave_open() -> None:
    zero = layer(0, ())
    one = layer(1, zero)
    two = layer(2, one)
    assert heard(zero, one, two[:3]).direct(0) is zero[0]
    assert heard(zero, one, two[:2]).direct(0) is OPEN


def test_three_blocks_without_a_vote_skip_and_two_leave_open() -> None:
    zero = layer(0, ())
    unloving = layer(1, zero, without=zero[:1])
    assert heard(zero, unloving[:3]).direct(0) is SKIP
    assert heard(zero, unloving[:2]).direct(0) is OPEN


def test_a_later_leader_settles_what_is_open() -> None:
    """Round 0 has one certifying block: who commits the leader of round 3 above it commits, who does not have it below skips."""
    zero = layer(0, ())
    one = [*layer(1, zero, (0, 1, 2)), *layer(1, zero, (3,), without=zero[:1])]
    certifying = layer(2, one, (0,))
    others = layer(2, one, (1, 2, 3), without=one[:1])
    assert heard(zero, one, certifying, others).direct(0) is OPEN

    def above(two: list[Block]) -> list[Any]:
        three = layer(3, two)
        four = layer(4, three)
        five = layer(5, four)
        return heard(zero, one, certifying, others, three, four, five).verdicts()

    assert above([*certifying, *others[:2]])[0] is zero[0]
    assert above(others)[0] is SKIP


def test_a_block_enters_after_what_it_points_to_and_only_if_it_fits() -> None:
    zero = layer(0, ())
    one, thin = layer(1, zero), layer(1, zero[:2], (3,))[0]
    graph = Graph()
    assert graph.add(one[0]) == [] and graph.lacking() == [block.digest for block in zero]
    entered = [new for block in zero for new in graph.add(block)]
    assert entered == [*zero, one[0]]
    assert graph.add(thin, lambda block: whole(graph, block, 3)) == []
    assert graph.count(1) == 1 and whole(graph, one[1], 3)


def test_a_pen_writes_once_a_round_and_takes_up_its_own_transactions_first() -> None:
    asked: list[Any] = []

    class Seat:
        id, now = 1, 10

        async def next_bundle(self, number: int, edges: Any, wanted: Any) -> Block:
            found = [Transaction("note", seat, 100, (), submitted_ns=at) for seat, at in ((1, 9), (2, 9), (2, 1))]
            asked.append(tuple(one for one in found if wanted(one)))
            return Block.of(LOOSE, number, 1, 0, asked[-1], 0, edges())

        def publish(self, block: Block) -> str:
            return block.digest

    def write(pen: Pen, number: int) -> str:
        writing = pen.write(Seat(), number, tuple)  # type: ignore[arg-type]
        try:
            writing.send(None)
        except StopIteration as done:
            return str(done.value)
        raise AssertionError("it waited")

    pen = Pen(rescue_ns=5, kept_rounds=3)
    assert write(pen, 0) == write(pen, 0)
    assert [(one.submitter, one.submitted_ns) for one in asked[0]] == [(1, 9), (2, 1)]
    write(pen, 1)
    assert asked[1] == ()
    write(pen, 3)
    assert asked[2] == asked[0]


@pytest.mark.parametrize("protocol", [Bullshark(), Mysticeti()], ids=KINDS)
def test_they_stand_the_conformance_scenes(protocol: Any) -> None:
    check_consensus(protocol, seats=4, seeds=1)


@pytest.mark.thorough
@pytest.mark.parametrize("protocol", [Bullshark(), Mysticeti()], ids=KINDS)
def test_they_stand_them_among_seven(protocol: Any) -> None:
    check_consensus(protocol, seats=7, seeds=2)
