"""When views begin and end. The HotStuff papers leave this to a pacemaker; this one counts wishes.

Bravo, Chockler, Gotsman, "Making Byzantine consensus live", DISC 2020, section 3: who has waited too long says so to all, and
a quorum of wishes begins the next view everywhere. Wishes are repeated while nothing happens, together with the proof that
the present view has begun, so that views meet again after an outage. A leader's turn lasts `turn` views; giving up a view
gives up the rest of the turn. Patience grows with each view given up in a row, up to a bound, and returns with progress.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from sim.kernel.strand import Strand
from sim.kernel.units import Least
from sim.node.message import Certificate, message, vote
from sim.node.node import Node
from sim.node.terms import Terms, too_hasty

Growth = Annotated[float, Least(1, "must be at least 1: patience that shrinks never ends an outage")]
"""By what factor patience grows with each view given up in a row."""


@vote
class Wish:
    """I have waited too long; let us go on with this view."""

    view: int


@message
class Entered:
    """Why I am in my view, for those who are further behind."""

    proof: Certificate


@message
class NewView:
    """To the leader of a view that is wished for: my newest certificate."""

    view: int
    high: Certificate | None


@dataclass(frozen=True)
class Pace:
    """How long views may take."""

    patience_ns: int
    growth: float
    most_growths: int
    turn: int

    def patience_after(self, failures: int) -> int:
        """Patience in ns after so many views in a row were given up."""
        factor = 1.0
        for _ in range(min(failures, self.most_growths)):
            factor *= self.growth
        return int(self.patience_ns * factor)

    def leader(self, view: int, n: int) -> int:
        """Round robin; each leads `turn` views."""
        return (view // self.turn) % n

    def after_giving_up(self, view: int) -> int:
        """The first view of the next leader's turn."""
        return (view // self.turn + 1) * self.turn


def in_time(patience_ns: int, terms: Terms) -> str:
    """The oddness of giving leaders up before their block is due, or ''."""
    why = "views are given up while their leader waits for the next block to be due"
    return too_hasty(patience_ns, terms, "patience: is", why)


class Pacemaker:
    """One node's views. `opened(view)` is called at the begin of each, `high()` gives what NEW-VIEW reports, and `shown(proof)` takes
    certificates by which others prove to be further on."""

    def __init__(
        self,
        node: Node,
        pace: Pace,
        *,
        opened: Callable[[int], None],
        high: Callable[[int], Certificate | None],
        shown: Callable[[Certificate], Any],
    ) -> None:
        self.node, self.pace = node, pace
        self._opened, self._high, self._shown = opened, high, shown
        self.view: int = node.keep.get("view", 0)
        self.proof: Certificate | None = node.keep.get("proof")
        """What began the present view: a certificate of the view before, or a quorum of wishes."""
        self._failures = self._waited = 0
        self._reported = -1
        self._deadline_ns = self._alarm_ns = 0
        self._alarm: Strand[None] | None = None
        self._hope: Strand[None] | None = None

    @property
    def by_wish(self) -> Certificate | None:
        """The quorum of wishes that began this view, if that is how it began."""
        return self.proof if self.proof is not None and type(self.proof.message) is Wish else None

    def is_mine(self, view: int) -> bool:
        """Whether this node leads a view."""
        return self.leader(view) == self.node.id

    def leader(self, view: int) -> int:
        """Who leads a view."""
        return self.pace.leader(view, self.node.n)

    def start(self) -> None:
        """Begin the view this node is in."""
        self.node.spawn(self._listen())
        self._begin()

    def enter(self, view: int, proof: Certificate | None) -> None:
        """Begin a view that a proof shows to be due; an earlier one is no news."""
        if view <= self.view or proof is None:
            return
        self._failures = self._failures + 1 if type(proof.message) is Wish else 0
        self.view, self.proof = view, proof
        self.node.keep["view"], self.node.keep["proof"] = view, proof
        self._begin()

    def _begin(self) -> None:
        self._waited = 0
        if self._hope is not None:
            self._hope.cancel()
            self._hope = None
        self._deadline_ns = self.node.now + self.pace.patience_after(self._failures)
        if self._alarm is None or self._deadline_ns < self._alarm_ns:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self.node.spawn(self._watch())
        if self.by_wish is not None and self._reported < self.view:
            self._report(self.view)
        self._opened(self.view)

    async def _watch(self) -> None:
        while True:
            left_ns = self._deadline_ns - self.node.now
            if left_ns <= 0:
                left_ns = self.pace.patience_after(self._failures)
                self._deadline_ns = self.node.now + left_ns
                self._expire()
            self._alarm_ns = self.node.now + left_ns
            await self.node.sleep(left_ns)

    def _expire(self) -> None:
        """Patience is over: wish for the next leader's first view, and say it again each time nothing has come of it."""
        node, wanted = self.node, self.pace.after_giving_up(self.view)
        self._waited += 1
        if self._waited == 1:
            node.note("view-change", slot=0, view=wanted)
            self._hope = node.spawn(self._wait_for(wanted))
        elif self.proof is not None:
            node.broadcast(Entered(self.proof))
        node.broadcast(Wish(wanted))
        self._report(wanted)

    def _report(self, view: int) -> None:
        """Tell the leader of a view that is wished for what is certified; again with each wish, for it may be lost."""
        self._reported = view
        self.node.send(self.leader(view), NewView(view, self._high(view)))

    async def _wait_for(self, view: int) -> None:
        proof = await self.node.quorum(Wish, self.node.quorum_size, view=view)
        self._hope = None
        self.enter(view, proof)

    async def _listen(self) -> None:
        while True:
            proof = (await self.node.receive(Entered)).message.proof
            if proof.proves(Wish, self.node.quorum_size):
                self.enter(proof.message.view, proof)
            else:
                self.node.spawn(self._shown(proof))
