"""What the author of a protocol sees. Effects are calls, waits are coroutines, and there is no third kind.

Durations are whole nanoseconds everywhere in Python; scenario files write them with units.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator
from functools import cached_property
from itertools import starmap
from types import coroutine
from typing import Any, TypeVar

from sim.kernel.errors import Invalid
from sim.kernel.strand import PAUSED, Strand, pause
from sim.net.core.state import QUORUM, UP
from sim.net.tally import forget
from sim.node.deadline import Deadline
from sim.node.fetching import AGAIN_NS, brought, usable
from sim.node.genesis import GENESIS
from sim.node.heard import contents_heard, votes_heard
from sim.node.inbox import Inbox
from sim.node.memory import Memory
from sim.node.message import Certificate, Signed, field_names
from sim.node.society import Society, Wanted

T = TypeVar("T")
Wait = Coroutine[Any, Any, T]
"""What must be awaited."""


class Node(Memory):
    """One participant's whole world."""

    genesis = GENESIS
    """The digest of what lies below the first block: a `parent` for `next_batch` and `accepts` like any other."""

    __slots__ = ()

    def __init__(self, society: Society, seat: int) -> None:
        self.society = society
        self.seat = self.id = seat
        self.n, self.f, self.quorum_size = society.n, society.f, society.quorum_size
        self.dice = society.dice
        self.outbound = ()
        self._begin()

    # who and when ---------------------------------------------------------------------------------------------------
    @cached_property
    def peers(self) -> tuple[int, ...]:
        """The identities of all others."""
        return tuple(peer for peer in range(self.n) if peer != self.id)

    @property
    def now(self) -> int:
        """Virtual nanoseconds since the start of the run."""
        return self.society.loop.now_ns

    # effects --------------------------------------------------------------------------------------------------------
    def send(self, to: int, message: Any) -> None:
        """One copy to one node, outside the overlay; to itself at once."""
        if self.outbound:
            for target, said in self._bent([(to, message)]):
                self.society.send(self.seat, target, self.id, said)
            return
        self.society.send(self.seat, to, self.id, message)

    def broadcast(self, message: Any, *, centre: int | None = None, need: int | None = None) -> None:
        """To every node, itself included, along the scenario's route.

        `centre` is where a star's votes meet: there they become a certificate of `need` signers (by default a quorum),
        which goes to everybody instead of the votes. Other routes pay no attention to it.
        """
        if centre is not None and self.society.route == "star":
            self.send(centre, message)
            if centre == self.id:
                self.spawn(self.gather(message, need or self.quorum_size))
            return
        if self.outbound:
            for target, said in self._bent([(peer, message) for peer in range(self.n)]):
                self.society.send(self.seat, target, self.id, said)
            return
        self.society.broadcast(self.seat, self.id, message)

    def publish(self, block: Any, saying: Any = None) -> str:
        """Make a block known by gossip or inside the message that names it; with `saying` who holds it has heard that message."""
        return self.society.publish(self, block, saying)

    def decide(self, slot: int, digest: str) -> None:
        """State that `digest` is final at `slot`."""
        self.society.trace.record("decide", self.seat, slot, digest)
        for tell in self.society.on_decide:
            tell(self.seat, slot, digest)

    def revoke(self, slot: int, digest: str) -> None:
        """Take back what this node decided last, `digest` at `slot`: its finality was only probable. The newest goes first."""
        self.society.trace.record("revoke", self.seat, slot, digest)
        for tell in self.society.on_revoke:
            tell(self.seat, slot, digest)

    def note(self, kind: str, **facts: Any) -> None:
        """Leave a remark in the trace."""
        self.society.trace.record("note", self.seat, kind, facts)

    def invalid(self, mail: Signed[Any], why: str) -> None:
        """Record that a message breaks the protocol's rules; it is then ignored."""
        self.society.trace.record("invalid", self.seat, type(mail.message).__name__, mail.sender, why)

    def overflow(self, what: str) -> None:
        """Record that mail was dropped because its box was full."""
        self.society.trace.record("overflow", self.seat, what)

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Strand[T]:
        """Let a coroutine run beside this one; it ends with the node."""
        return Strand(self.society.loop, coroutine, self._strands)

    def forget(self, kind: type[Any], **before: int) -> None:
        """Drop mail of a kind whose field (`slot=7`, `epoch=7`) is below the value."""
        for name, value in before.items():
            self.inbox.forget(kind, name, value)

    # waits ----------------------------------------------------------------------------------------------------------
    def receive(self, kind: type[T], *, sender: int | None = None, **fields: Any) -> Wait[Signed[T]]:
        """The next message of a kind with these field values."""
        return self.inbox.receive(kind, sender, fields)

    def collect(self, kind: type[T], need: int, **fields: Any) -> Wait[tuple[Signed[T], ...]]:
        """Messages of a kind, that may differ, from `need` identities (all that are there by then)."""
        return self.inbox.collect(kind, need, fields)

    @coroutine
    def quorum(self, kind: type[Any], need: int, **fields: Any) -> Generator[object, Any, Certificate]:
        """Proof that `need` identities said the same; votes are counted in the core, once an identity."""
        society = self.society
        network = society.network
        number, mask, values = society.claim(kind, fields)
        probe = network.watch(self.seat, QUORUM, number, need, mask, values, society.loop.strand.wake)
        self._pending[probe] = (kind, need, fields)
        try:
            said = yield PAUSED
        finally:
            del self._pending[probe]
            network.unwatch(probe)
        return Certificate(society.contents[said], said, network.signers(self.seat, said))

    def ballots(self, kind: type[Any], **fields: Any) -> tuple[Certificate, ...]:
        """The votes of a kind with these field values that have come so far: a certificate, however small, for each content."""
        return tuple(map(self._certificate, contents_heard(self.society, self.seat, kind, fields)))

    def _certificate(self, said: int) -> Certificate:
        """The votes for a content, by its number, that have come so far."""
        society = self.society
        return Certificate(society.contents[said], said, society.network.signers(self.seat, said))

    def heard(self, kind: type[Any], **fields: Any) -> int:
        """How many votes of a kind with these field values have come so far; who has said two things is counted twice."""
        return votes_heard(self.society, self.seat, kind, fields)

    @coroutine
    def fetch(self, digest: str, ask_after_ns: int = AGAIN_NS) -> Generator[object, Any, Any]:
        """The block of that digest; asks one peer after another if it does not come by itself."""
        society = self.society
        if not society.network.has(self.seat, digest):
            yield from brought(self, digest, ask_after_ns)
        if society.behind is not None:
            yield from society.behind.confirm(self, digest)
        return society.blocks[digest]

    def accepts(self, block: Any, parent: str | None = None) -> bool:
        """Whether a block is well formed and stands on `parent` (by default this node's last decision)."""
        judge = self.society.accepts
        return judge is None or judge(self, block, parent)

    def mail(self, kind: type[T], **fields: Any) -> tuple[Signed[T], ...]:
        """What has come and is still there, one message a sender, without waiting."""
        return self.inbox.matching(kind, fields)

    def has_mail(self, kind: type[Any], **fields: Any) -> bool:
        """Whether a message of a kind with these field values has come and nobody has taken it yet."""
        return bool(self.inbox.matching(kind, fields))

    def block(self, digest: str) -> Any:
        """The block of that digest, which must be here."""
        if not self.holds(digest):
            raise RuntimeError(f"n{self.id} looks into block {digest}, which it does not hold")
        return self.society.blocks[digest]

    def holds(self, digest: str) -> bool:
        """Whether the block of that digest is here, and may be used where the scheme of availability has a say in it."""
        return usable(self, digest)

    async def next_batch(self, parent: str | None = None, wanted: Wanted | None = None) -> Any:
        """A block of waiting transactions on top of `parent` (by default this node's last decision), when it is due."""
        service = self.society.next_batch
        if service is None:
            raise RuntimeError("this world has no ledger: give the stage a next_batch")
        return await (service(self, parent) if wanted is None else service(self, parent, wanted))

    async def next_request(self) -> Any:
        """The next transaction that a client submits at this seat."""
        return await self.society.requests.next(self.seat)

    async def next_bundle(self, height: int, edges: Callable[[], tuple[str, ...]], wanted: Wanted | None = None) -> Any:
        """A loose block, whose place is settled by being decided: see `Block`. `edges` is asked when the block is due."""
        service = self.society.next_bundle
        if service is None:
            raise RuntimeError("this world has no ledger: give the stage a next_bundle")
        return await service(self, height, edges, wanted)

    def batch(self, parent: str | None = None) -> Any:
        """A block of waiting transactions on top of `parent` at once, whether or not one is due by the scenario's interval."""
        return self.society.batch(self, parent)

    def waiting(self) -> Iterator[Any]:
        """The transactions that are here and that this node has not seen decided, oldest first."""
        return iter(()) if self.society.waiting is None else self.society.waiting(self)

    @coroutine
    def sleep(self, duration_ns: int) -> Generator[object, Any, None]:
        """Let so much virtual time pass."""
        loop = self.society.loop
        turn = loop.call_at_ns(loop.now_ns + duration_ns, loop.strand.wake)
        try:
            yield PAUSED
        finally:
            turn.cancel()

    def forever(self) -> Wait[None]:
        """Wait to be cancelled."""
        return pause()

    def timeout(self, duration_ns: int) -> Deadline:
        """`async with node.timeout(ns):` raises TimeoutError in its block when the time is up."""
        loop = self.society.loop
        return Deadline(loop, loop.now_ns + duration_ns)

    # life -----------------------------------------------------------------------------------------------------------
    def start(self, program: Callable[[Node], Coroutine[Any, Any, None]]) -> None:
        """Run a protocol."""
        self.spawn(self._run(program))

    def crash(self) -> None:
        """Lose everything but `keep` and held bodies, the votes counted so far included; what arrives from now on is lost too."""
        self.society.trace.record("crash", self.seat)
        self.society.lost_votes.append(forget(self.society.network, self.seat))
        self.society.network.set_flag(self.seat, UP, False)
        self._drop_strands()

    def restart(self, program: Callable[[Node], Coroutine[Any, Any, None]]) -> None:
        """Come back with an empty memory; whatever still ran is over, for crashes may overlap."""
        self._drop_strands()
        self.society.trace.record("restart", self.seat)
        self.society.network.set_flag(self.seat, UP, True)
        self.inbox = Inbox(self)
        self.start(program)

    def _drop_strands(self) -> None:
        for strand in list(self._strands):
            strand.cancel()
        self._strands.clear()

    def stop(self) -> None:
        """End of the run: close every coroutine, and let go of all that points in a circle."""
        for strand in list(self._strands):
            strand.close()
        self.inbox = None  # type: ignore[assignment]  # it points back here

    def waits(self) -> list[str]:
        """What this node waits for, in words."""
        return [*starmap(_told, self._pending.values()), *self.inbox.waits()]

    async def _run(self, program: Callable[[Node], Coroutine[Any, Any, None]]) -> None:
        try:
            await program(self)
        except Invalid as error:
            self.note("invalid", why=str(error))

    async def gather(self, message: Any, need: int) -> None:
        """As the centre of a star: turn equal votes into a certificate for everybody."""
        kind: Any = type(message)
        claim = {name: getattr(message, name) for name in field_names(kind)}
        self.society.broadcast(self.seat, self.id, await self.quorum(type(message), need, **claim))

    def _bent(self, traffic: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        for behaviour in self.outbound:
            traffic = [altered for to, said in traffic for altered in behaviour(to, said)]
        return traffic


def _told(kind: Any, need: int, claim: dict[str, Any]) -> str:
    if isinstance(kind, str):
        return f"the {kind} of {claim['of'][:12]}"
    return f"{need} × {kind.__name__}({', '.join(f'{name}={value!r}' for name, value in claim.items())})"
