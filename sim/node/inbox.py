"""A node's mail that is not counted in the core: kept per kind until somebody asks for it.

Two rules have their own tests: a cancelled `receive` puts its message back where it was, and every box is bounded; what
no longer fits is dropped and noted in the trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from types import coroutine
from typing import TYPE_CHECKING, Any

from sim.kernel.strand import PAUSED
from sim.node.message import Signed

if TYPE_CHECKING:
    from sim.node.node import Node

MOST_KEPT = 10_000


class Wait:
    """One `receive` or `collect` that is waiting."""

    __slots__ = ("claim", "keeps", "kind", "mail", "need", "sender", "strand")

    def __init__(self, kind: type[Any], sender: int | None, claim: dict[str, Any], need: int, keeps: bool = False) -> None:
        self.kind, self.sender, self.claim, self.need, self.keeps = kind, sender, claim, need, keeps
        self.strand: Any = None
        self.mail: Signed[Any] | None = None

    def wants(self, mail: Signed[Any]) -> bool:
        """Whether a message is the one waited for; a claim is a value or a predicate."""
        if self.sender is not None and mail.sender != self.sender:
            return False
        said = mail.message
        for name, value in self.claim.items():
            found = getattr(said, name)
            if found != value and not (callable(value) and value(found)):
                return False
        return True

    def describe(self) -> str:
        """What is being waited for, for the report of a stuck run."""
        claim = ", ".join(f"{name}={'...' if callable(value) else repr(value)}" for name, value in self.claim.items())
        source = "" if self.sender is None else f" from n{self.sender}"
        return f"{self.need if self.need > 1 else 'a'} × {self.kind.__name__}({claim}){source}"


class Inbox:
    """The boxes of one node, by kind."""

    __slots__ = ("_boxes", "_heard", "_listening", "_node", "_waits")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._boxes: dict[type[Any], list[Signed[Any]]] = {}
        self._waits: dict[type[Any], list[Wait]] = {}
        self._listening = 0
        self._heard: dict[type[Any], Callable[[Signed[Any]], None]] = {}

    def hear(self, kind: type[Any], tell: Callable[[Signed[Any]], None]) -> None:
        """From now on every message of a kind goes to `tell` as it comes: for what comes so often that waiting anew would count."""
        self._heard[kind] = tell
        self._listening |= 1 << self._node.society.kind(kind)
        self._node.society.network.listen(self._node.seat, self._listening)

    def put(self, sender: int, said: Any) -> None:
        """New mail: to the first `receive` that wants it, else into its box; `collect` sees it there."""
        mail = Signed(sender, said)
        kind = type(said)
        if self._heard and kind in self._heard:
            self._node.society.loop.call_soon(self._heard[kind], mail)
            return
        waits = self._waits.get(kind, ())
        for wait in waits:
            if not wait.keeps and wait.strand.paused and wait.wants(mail):
                wait.mail = mail
                wait.strand.wake()
                return
        box = self._boxes.setdefault(kind, [])
        if len(box) >= MOST_KEPT:
            del box[0]
            self._node.overflow(kind.__name__)
        box.append(mail)
        for wait in waits:
            if wait.keeps and wait.strand.paused and len(self._found(wait)) >= wait.need:
                wait.strand.wake()

    def forget(self, kind: type[Any], before: str, value: int) -> None:
        """Drop mail of a kind whose field `before` is below `value`: nobody will ask for it any more."""
        box = self._boxes.get(kind)
        if box:
            self._boxes[kind] = [mail for mail in box if getattr(mail.message, before) >= value]

    @coroutine
    def receive(self, kind: type[Any], sender: int | None, claim: dict[str, Any]) -> Generator[object, Any, Signed[Any]]:
        """The next message that matches, in order of arrival."""
        wait = Wait(kind, sender, claim, 1)
        box = self._boxes.get(kind)
        if box:
            for place, mail in enumerate(box):
                if wait.wants(mail):
                    del box[place]
                    return mail
        self._begin(wait)
        try:
            yield PAUSED
        except asyncio.CancelledError:
            if wait.mail is not None:
                self._boxes.setdefault(kind, []).insert(0, wait.mail)
            raise
        finally:
            self._end(wait)
        assert wait.mail is not None
        return wait.mail

    @coroutine
    def collect(self, kind: type[Any], need: int, claim: dict[str, Any]) -> Generator[object, Any, tuple[Signed[Any], ...]]:
        """The first messages that match from `need` distinct senders; they stay in the box."""
        wait = Wait(kind, None, claim, need, keeps=True)
        found = self._found(wait)
        if len(found) < need:
            self._begin(wait)
            try:
                yield PAUSED
            finally:
                self._end(wait)
            found = self._found(wait)
        return tuple(found)

    def matching(self, kind: type[Any], claim: dict[str, Any]) -> tuple[Signed[Any], ...]:
        """What is there now, one message a sender, without waiting."""
        return tuple(self._found(Wait(kind, None, claim, 1))) if self._boxes.get(kind) else ()

    def waits(self) -> list[str]:
        """What this node waits for."""
        return [wait.describe() for kind in self._waits for wait in self._waits[kind]]

    def _found(self, wait: Wait) -> list[Signed[Any]]:
        first: dict[int, Signed[Any]] = {}
        for mail in self._boxes.get(wait.kind, ()):
            if mail.sender not in first and wait.wants(mail):
                first[mail.sender] = mail
        return list(first.values())

    def _begin(self, wait: Wait) -> None:
        """From now on mail may wake the strand that runs."""
        node = self._node
        wait.strand = node.society.loop.strand
        waits = self._waits.get(wait.kind)
        if waits:
            waits.append(wait)
        else:  # or we listen already
            self._waits[wait.kind] = [wait]
            self._listening |= 1 << node.society.kind(wait.kind)
            node.society.network.listen(node.seat, self._listening)

    def _end(self, wait: Wait) -> None:
        """It waits no longer."""
        waits = self._waits[wait.kind]
        waits.remove(wait)
        if not waits:
            node = self._node
            self._listening &= ~(1 << node.society.kind(wait.kind))
            node.society.network.listen(node.seat, self._listening)
