"""The same protocols over real sockets: what is decided is what the simulator decides; when is the machine's affair."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType

import sim
from sim.cli import main
from sim.consensus.pbft import Commit, Prepare, Propose, ViewChange
from sim.kernel.dice import Dice
from sim.kernel.errors import Invalid
from sim.ledger.block import GENESIS, Block, Transaction
from sim.node.message import Certificate, Signed
from sim.sockets.letters import Keys, key_rings
from sim.sockets.lines import frame_of, letter_of
from sim.sockets.live import Company, Lived, _live
from sim.sockets.replica import Replica
from sim.study.build import topology_of
from sim.study.scenario import Scenario

COUNTERS = {"kind": "counters", "first": "20 ms", "every": "50 ms"}


def scene(kind: str, **more: Any) -> Scenario:
    """Four nodes, a transaction every 50 ms, a block every 50 ms."""
    keys: dict[str, Any] = {"kind": kind, "block_interval": "50 ms", **more}
    fault = keys.pop("fault", [])
    text = {
        "duration": "60 s",
        "seed": 5,
        "topology": {"kind": "complete", "seats": 4},
        "link": {"latency": {"kind": "constant", "value": "1 ms"}},
        "consensus": keys,
        "workload": [COUNTERS],
        "fault": fault,
    }
    return sim.loads(as_toml(text))


def as_toml(table: dict[str, Any], path: str = "") -> str:
    """Tables of plain values, as far as these scenes need them."""
    return "\n".join(f"{key} = {inline(value)}" for key, value in table.items())


def inline(value: Any) -> str:
    """A value as TOML writes it in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


def story(blocks: Any) -> dict[int, list[Any]]:
    """What a chain says, whoever proposed which part of it and when: by seat, what its clients submitted, in order."""
    told: dict[int, list[Any]] = {}
    for one in chain.from_iterable(block.transactions for block in blocks):
        told.setdefault(one.submitter, []).append(one.payload)
    return told


def simulated(scene: Scenario) -> list[Block]:
    """The chain that seat 0 decides in the simulator."""
    evidence = sim.run(scene).evidence
    return [evidence.blocks[row[4]] for row in evidence.trace if row[1] == "decide" and row[2] == 0]


@pytest.mark.parametrize(
    "ways",
    [
        {"kind": "pbft", "route": "gossip"},
        {"kind": "qbft", "route": "star", "bodies": "attached"},
        {"kind": "raft", "election_timeout": "400 ms", "heartbeat": "100 ms", "bodies": "attached"},
        {"kind": "tendermint", "propose": "1 s", "commit": "20 ms"},
    ],
    ids=lambda ways: ways["kind"],
)
def test_over_sockets_the_same_is_decided_as_in_the_simulator(ways: dict[str, Any]) -> None:
    """At n = 4: one chain of blocks, and its story is that of the simulated one."""
    one = scene(**ways)
    lived = sim.live(one, 60.0, blocks=5)
    assert lived.verdict == "pass" and not lived.down and not lived.refused
    assert min(map(len, lived.chains)) >= 5
    model = story(simulated(one.but(duration=int((lived.seconds + 1) * 1e9))))
    told = story(lived.chains[0])
    assert sum(map(len, told.values())) >= 2
    for submitter, said in told.items():
        assert said == model[submitter][: len(said)]


def test_who_is_killed_stays_out_and_who_comes_back_catches_up() -> None:
    """One of four is killed and the others go on; in another run it comes back with what it had kept, and follows."""
    crash = {"kind": "crash", "seats": ["seat-2"], "at": "300 ms"}
    killed = sim.live(scene("raft", election_timeout="400 ms", heartbeat="100 ms", fault=[crash]), 60.0, blocks=10)
    assert killed.verdict == "pass" and killed.down == (2,)
    assert len(killed.chains[2]) < 10
    back = sim.live(scene("qbft", patience="500 ms", fault=[{**crash, "lasts": "200 ms"}]), 60.0, blocks=8)
    assert back.verdict == "pass" and back.down == () and len(back.chains[2]) >= 8


def node(keys: Keys, sent: list[tuple[int, bytes]] | None = None) -> Replica:
    """One of four, with nobody at the other ends of its lines."""
    one = scene("pbft", patience="1 h")
    frames = [] if sent is None else sent
    return Replica(one, topology_of(one, Dice(1)), 1, keys, lambda: 0, lambda to, frame: frames.append((to, frame)))


def test_a_letter_says_what_was_written_and_nothing_else_is_believed() -> None:
    """Certificates and signed reports come through whole; what is forged, of another type or of another protocol is void."""
    rings = key_rings(4)
    writer, reader = node(rings[1]), node(rings[0])
    vote = Prepare(0, 0, "ab")
    for signer in (1, 2, 3):  # what the writer has heard, each with its signature
        letter = node(rings[signer]).letters.signed(signer, vote)
        assert writer.letters.heard(letter) == (signer, vote)
        writer.society.send(signer, 1, signer, vote)
    writer.loop.run(0)
    [proof] = writer.node.ballots(Prepare, slot=0, view=0)
    said = Propose(0, 1, "ab", (Signed(1, ViewChange(0, 1, proof)),))
    letter = json.loads(json.dumps(writer.letters.signed(1, said)))
    signer, read = reader.letters.heard(letter)
    lock = read.reports[0].message.lock
    assert (signer, read.digest, read.reports[0].sender) == (1, "ab", 1)
    assert isinstance(lock, Certificate) and lock.signers == (1, 2, 3) and lock.proves(Prepare, 3, slot=0, digest="ab")

    plain = letter["say"]
    outer = {"say": plain, "from": 1, "by": letter["by"]}
    assert reader.letters.heard(outer)
    report = plain["fields"][3][0]["signed"]
    forged = [
        {**outer, "from": 2},
        {**outer, "from": "1"},
        {**outer, "by": "00" * 64},
        {**outer, "by": None},
        {**outer, "say": {**plain, "fields": [0, 2, *plain["fields"][2:]]}},
        {**outer, "say": {**plain, "kind": "os:system"}},
        {**outer, "say": report["say"]["fields"][2]},
    ]
    votes = report["say"]["fields"][2]
    wrong = [
        {"kind": plain["kind"], "fields": ["0", 1, "ab", []]},
        {"kind": plain["kind"], "fields": [True, 1, "ab", []]},
        {"kind": plain["kind"], "fields": [1 << 63, 1, "ab", []]},
        {"kind": plain["kind"], "fields": [0, 1, "ab", [votes]]},
        {"kind": plain["kind"], "fields": [0, 1, "ab"]},
        {**votes, "by": {**votes["by"], "0": votes["by"]["1"]}},
        {**votes, "by": {"77": votes["by"]["1"]}},
        {**votes, "certificate": {**votes["certificate"], "fields": [0, 1, "ab"]}},
        {"signed": {**report, "from": 2}},
    ]
    for one in forged:
        with pytest.raises(Invalid):
            reader.letters.heard(one)
    for one in wrong:
        with pytest.raises(Invalid):
            reader.letters.read(one, Any)


def test_bodies_are_what_their_names_say_and_weigh_what_they_should() -> None:
    """An altered block or transaction never enters; a frame is as heavy as the body is in a scenario."""
    sent: list[tuple[int, bytes]] = []
    rings = key_rings(4)
    writer, reader = node(rings[1], sent), node(rings[0])
    paid = Transaction("counter", 1, 400, (("key", "k"),))
    block = Block.of(GENESIS, 1, 1, 0, (paid,), filler_bytes=50_000)
    writer.node.publish(block)
    writer.loop.run(0)
    assert [len(frame) for _, frame in sent] == [block.size_bytes] * 3
    letter = letter_of(sent[0][1])
    assert reader._sound(letter["body"]) == block
    for altered in (
        replace(block, height=2, root="no"),
        replace(block, transactions=(replace(paid, size_bytes=1, id=paid.id),)),
        replace(block, filler_bytes=1 << 40),
        replace(block, filler_bytes=-1),
        replace(paid, family="other"),
        Transaction("counter", 77, 400),
        Commit(0, 0, "ab"),
    ):
        reader.take(1, {"body": writer.letters.plain(altered)})
    assert reader.refused == 7 and not reader._mail


async def test_strangers_are_shown_the_door() -> None:
    """No greeting, another's greeting, a text or rubbish: the line is cut, and the nodes go on."""
    one = scene("qbft")
    company = Company(one, topology_of(one, Dice(5)), 5)
    await company.open()
    address = f"http://127.0.0.1:{company.lines[0].port}/"
    stolen = company.replicas[1].greeting(2)  # said to somebody else
    rubbish = (
        b"",
        b"\0\0\0\7",
        b"\xff" * 50,
        b'\0\0\0\x0b{"say":NaN}',
        frame_of({"ask": "ab"}),
        frame_of(stolen),
        frame_of({"hello": [1, 0], "by": "00"}),
    )
    try:
        async with ClientSession() as session:
            for frame in (*rubbish, "text"):
                async with session.ws_connect(address) as socket:
                    await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
                    assert (await socket.receive(5)).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
        assert company.lines[0].refused == len(rubbish) + 1
        assert all(lines.host == "127.0.0.1" for lines in company.lines)
        await company.last(60.0, [], blocks=2)
        assert company.lived(one).ok()
    finally:
        await company.close()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (["topology.seats=99"], "topology"),
        (['consensus.kind="nakamoto"'], "consensus.kind"),
        (['consensus.filler="9 MB"'], "consensus.max_block"),
        (['availability.kind="erasure"'], "availability"),
        (['fault=[{kind="slow", factor=2.0}]'], "fault[0].kind"),
        (['adversary=[{kind="silent"}]'], "adversary"),
        (['workload=[{kind="rumour"}]'], "workload[0].kind"),
        (
            ['consensus.kind="aura"', 'consensus.block_interval="0 s"'],
            "--seconds: 'aura' decides nothing before 10.0 s have passed",
        ),
        (
            ['consensus.kind="praos"', 'consensus.block_interval="0 s"', 'consensus.slot="200 s"'],
            "--seconds: 'praos' decides nothing within 600 s",
        ),
    ],
)
def test_what_cannot_be_lived_through_is_told_in_one_sentence(
    settings: list[str], key: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, before a port is opened."""
    file = tmp_path / "four.toml"
    file.write_text(
        'duration = "5 s"\n[topology]\nkind = "complete"\nseats = 4\n[consensus]\nkind = "pbft"\nblock_interval = "50 ms"\n'
    )
    arguments = ["live", str(file), "--quiet", *chain.from_iterable(("--set", one) for one in settings)]
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1 and told.err.startswith(f"medgossip: {key}") and told.out == ""


def test_the_command_prints_one_document_and_refuses_no_time(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What was decided, by seat; 0 and endless seconds are refused; a protocol's own complaint is one sentence too."""
    file = tmp_path / "four.toml"
    file.write_text(
        'duration = "5 s"\n[topology]\nkind = "complete"\nseats = 4\n[consensus]\nkind = "qbft"\nblock_interval = "50 ms"\n'
    )
    assert main(["live", str(file), "--quiet", "--json", "--seconds", "60", "--blocks", "2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["agreement"] == "pass" and all(seat["decided"] and seat["up"] for seat in told["seats"])
    for seconds in ("0", "-1", "nan", "inf", "1e9"):
        assert main(["live", str(file), "--quiet", "--seconds", seconds]) == 2
    assert main(["live", str(file), "--quiet", "--blocks", "0"]) == 2
    assert main(["live", str(file), "--quiet", "--set", 'consensus.kind="snowman"']) == 2


def test_an_interruption_while_the_core_is_compiled_is_heard_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a loop is open it would come when the loop turns next, which was after the compiling; beside a notebook's loop the run is over."""
    reached: list[str] = []

    def compiling(*_: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        reached.append("the end of it")

    monkeypatch.setattr("sim.sockets.live.check_patience", compiling)
    with pytest.raises(KeyboardInterrupt):
        sim.live(scene("pbft"))
    assert not reached
    monkeypatch.setattr("sim.sockets.live.check_patience", lambda *_: None)
    monkeypatch.setattr("sim.sockets.live.Company", lambda *_: pytest.fail("it lived all the same"))
    with pytest.raises(KeyboardInterrupt):
        _live(scene("pbft"), 1.0, 1, None, None, [], over=[True])


async def test_it_works_in_a_notebook_where_a_loop_is_running() -> None:
    """As `sim.run` does."""
    assert sim.live(scene("qbft"), 60.0, blocks=2).ok()


def test_two_histories_would_be_noticed() -> None:
    """The verdict is of the chains themselves; where decisions are only probably final it is open."""
    left, right = Block.of(GENESIS, 1, 0, 0), Block.of(GENESIS, 1, 1, 0)
    split = Lived(("a", "b"), ((left,), (right,)), (), 0, 0, 1.0, ())
    assert split.verdict == "fail" and not split.ok() and "DIFFER" in split.text()
    assert replace(split, certain=False).verdict == "unknown"
    assert not Lived(("a", "b"), ((), ()), (), 0, 0, 1.0, ()).ok()
