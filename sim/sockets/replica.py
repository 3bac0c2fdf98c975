"""One node in real time: a world with one inhabitant, turned by the clock on the wall, with a post office at its border."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from sim.kernel.dice import Dice
from sim.kernel.errors import Invalid
from sim.kernel.trace import Trace
from sim.ledger.block import Block, Transaction
from sim.net.topology import Topology
from sim.node.nodes import Nodes
from sim.node.society import Society
from sim.node.surroundings import Surroundings
from sim.node.terms import bounds
from sim.sockets.letters import Keys, Letters, canonical, kinds_of
from sim.sockets.lines import Letter, frame_of
from sim.sockets.seam import EVERYBODY, Inhabited, PacedLoop
from sim.study.bookkeeping import Bookkeeping
from sim.study.marketplace import Marketplace
from sim.study.scenario import Scenario

MOST_PASSED_ON = 100_000
HEAVIEST = 1 << 31


class Clients(Marketplace):
    """The clients of one seat: of what a workload submits only their part enters here, the rest comes through the sockets."""

    def __init__(self, seat: int, pool: dict[str, Transaction], *rest: Any) -> None:
        super().__init__(*rest)
        self._seat, self._pool = seat, pool

    def submit(self, transaction: Transaction) -> int:
        """Give it to its submitter's seat, if that is here."""
        if transaction.submitter != self._seat:
            return 0
        self._pool[transaction.id] = transaction
        return super().submit(transaction)


class Replica:
    """A node, its world, and what comes and goes. `send(to, frame)` puts a frame on a line; `clock()` is ns since the start."""

    def __init__(
        self,
        scenario: Scenario,
        topology: Topology,
        seed: int,
        keys: Keys,
        clock: Callable[[], int],
        send: Callable[[int, bytes], None],
    ) -> None:
        self.seat = seat = keys.seat
        consensus = scenario.consensus
        self._program, self._keys, self._clock, self._send = consensus.protocol.run, keys, clock, send
        dice = Dice(seed)
        self.loop = PacedLoop()  # type: ignore[abstract]
        self.network = Inhabited(topology, dice, seat, self)
        self.loop.source = self.network
        self.trace = self.network.trace = Trace(self.loop, "decisions")
        f, quorum = bounds(consensus.protocol, topology.n)
        ways: dict[str, Any] = {"route": consensus.route, "bodies": consensus.bodies}
        self.society = Society(self.network, self.loop, self.trace, dice, **ways, faulty_bound=f, quorum_size=quorum)
        self.society.nodes = Nodes(self.society)
        self.society.block_interval_ns = consensus.block_interval
        terms = (consensus.block_interval, consensus.max_block, consensus.filler)
        self.books = Bookkeeping(self.society, *terms, scenario.mempool)
        self.letters = Letters(keys, kinds_of(consensus.protocol), self.society)
        self.node = self.society.nodes[seat]
        self.neighbours = tuple(topology.neighbours[topology.offsets[seat] : topology.offsets[seat + 1]].tolist())
        self.refused = 0
        """Letters that were not what their sender or their content says."""
        self.up = True
        self.trouble: Exception | None = None
        """What has gone wrong inside; nothing happens after it."""
        self._pool: dict[str, Transaction] = {}
        self._passed_on: dict[bytes, None] = {}
        self._mail: deque[Callable[[], None]] = deque()
        self._turn: asyncio.Handle | None = None
        self._submit(scenario, topology)

    def _submit(self, scenario: Scenario, topology: Topology) -> None:
        around = Surroundings(self.society, topology, self._program)
        honest = [False] * topology.n
        for number, workload in enumerate(scenario.workload):
            clients = Clients(self.seat, self._pool, around, self.books, scenario.duration, honest, True, number)
            workload.setup(clients)
            workload.start(clients)

    # time -----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run the protocol from now on."""
        self.node.start(self._program)
        self.turn()

    def turn(self) -> None:
        """Let happen what is due by the clock, take in what has come, and come back when the next timer is due."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        real = asyncio.get_running_loop()
        try:
            self.loop.run(max(self.loop.now_ns, self._clock()))
            while self._mail:
                self._mail.popleft()()
                self.loop.run(self.loop.now_ns)
        except Exception as error:  # a callback has nobody to raise it to: whoever drives the run looks here
            self.trouble = error
            return
        due_ns = self.loop.due_ns
        if due_ns is not None:
            self._turn = real.call_later(max(0, due_ns - self._clock()) / 1e9, self.turn)

    def _soon(self, deliver: Callable[[], None]) -> None:
        """Take something in, outside of whatever task has received it."""
        self._mail.append(deliver)
        if len(self._mail) == 1:
            if self._turn is not None:
                self._turn.cancel()
            self._turn = asyncio.get_running_loop().call_soon(self.turn)

    def crash(self) -> None:
        """Lose everything but what the node has kept."""
        self.up = False
        self.node.crash()
        self._mail.clear()

    def restart(self) -> None:
        """Come back."""
        self.up = True
        self.loop.run(max(self.loop.now_ns, self._clock()))
        self.node.restart(self._program)
        self.turn()

    def stop(self) -> None:
        """The end."""
        if self._turn is not None:
            self._turn.cancel()
        self._mail.clear()
        self.node.stop()
        self.loop.close()

    # out ------------------------------------------------------------------------------------------------------------

    def say(self, to: int, signer: int, message: int) -> None:
        """A message, with the block it names where blocks travel inside."""
        said = self.society.contents[message]
        letter = self.letters.signed(signer, said)
        carried = getattr(type(said), "carries", None)
        block = None if carried is None or self.society.bodies != "attached" else self.society.blocks.get(getattr(said, carried))
        self._post(to, letter, block)

    def spread(self, item: int) -> None:
        """A body to all neighbours, with the message that goes with it; they pass it on."""
        row, family = self.network.world.items[item], self.network.families[item]
        message = int(row["message"])
        letter: Letter = {} if message < 0 else self.letters.signed(int(row["signer"]), self.society.contents[message])
        for peer in self.neighbours:
            self._post(peer, {**letter, "pass": True}, None if family == "vote" else self._thing(item))

    def ask(self, peer: int, item: int) -> None:
        """Request a block."""
        self._send(peer, frame_of({"ask": str(self.network.item_names[item])}))

    def hand_over(self, to: int, item: int) -> None:
        """A transaction or a block to one seat."""
        self._post(to, {}, self._thing(item))

    def _thing(self, item: int) -> Block | Transaction | None:
        name: Any = self.network.item_names[item]
        return self._pool.get(name) if self.network.families[item] == "tx" else self.society.blocks.get(name)

    def _post(self, to: int, letter: Letter, thing: Block | Transaction | None) -> None:
        if thing is not None:
            letter = {**letter, "body": self.letters.plain(thing)}
        frame = frame_of(letter, 0 if thing is None else thing.size_bytes)
        for peer in self.node.peers if to == EVERYBODY else (to,):
            self._send(peer, frame)

    # in -------------------------------------------------------------------------------------------------------------

    def greeting(self, to: int) -> Letter:
        """Opens a line: who I am and whom I mean, signed."""
        return {"hello": [self.seat, to], "by": self._keys.sign(canonical(["hello", self.seat, to]))}

    def knows(self, letter: Letter) -> int:
        """Whose greeting it is; raises Invalid where it is nobody's."""
        named = letter.get("hello")
        if not (isinstance(named, list) and len(named) == 2 and type(named[0]) is int and named[1:] == [self.seat]):
            raise Invalid("no greeting")
        if not self._keys.verifies(named[0], canonical(["hello", *named]), letter.get("by")):
            raise Invalid("a greeting that nobody has signed")
        return int(named[0])

    def take(self, peer: int, letter: Letter) -> None:
        """A letter has come; what is wrong with it makes it void. What is sound is delivered in its turn."""
        if not self.up:
            return
        try:
            thing = self._sound(letter["body"]) if "body" in letter else None
            heard = self.letters.heard(letter) if "say" in letter else None
            asked = letter.get("ask")
        except (Invalid, RecursionError):
            self.refused += 1
            return
        if isinstance(asked, str):
            self._soon(partial(self._answer, peer, asked))
        if thing is not None:
            self._soon(partial(self._hold, thing))
        if heard is not None:
            self._soon(partial(self.society.send, heard[0], self.seat, *heard))
        if letter.get("pass") is True and (thing is not None or heard is not None):
            self._pass_on(peer, letter, thing)

    def _sound(self, plain: Any) -> Block | Transaction:
        """A body that is what its name says; raises Invalid for another."""
        thing = self.letters.body(plain)
        inner = thing.transactions if isinstance(thing, Block) else (thing,)
        weights = [one.size_bytes for one in inner] + ([thing.filler_bytes] if isinstance(thing, Block) else [])
        if not all(0 <= weight < HEAVIEST for weight in weights) or not all(0 <= one.submitter < self.society.n for one in inner):
            raise Invalid("a body of an impossible weight, or by nobody")
        if not (thing.well_formed() if isinstance(thing, Block) else thing.genuine):
            raise Invalid("a body that is not what its name says")
        return thing

    def _hold(self, thing: Block | Transaction) -> None:
        """From now on the node has it."""
        if isinstance(thing, Block):
            if thing.digest not in self.society.blocks:
                self.society.blocks[thing.digest] = thing
            item = self.society.block_item(thing)
        else:
            item = self.network.item(thing.id, "tx", thing.size_bytes)
            if self._pool.setdefault(thing.id, thing) is thing:
                self.books.mempool.add(thing, item)
        self.network.publish(self.seat, item, False)

    def _answer(self, peer: int, digest: str) -> None:
        block = self.society.blocks.get(digest)
        if block is not None and self.node.holds(digest):
            self._post(peer, {}, block)

    def _pass_on(self, peer: int, letter: Letter, thing: Block | Transaction | None) -> None:
        """To all other neighbours, the first time."""
        content = canonical(letter)
        if content in self._passed_on:
            return
        self._passed_on[content] = None
        if len(self._passed_on) > MOST_PASSED_ON:
            del self._passed_on[next(iter(self._passed_on))]
        frame = frame_of(letter, 0 if thing is None else thing.size_bytes)
        for other in self.neighbours:
            if other != peer:
                self._send(other, frame)
