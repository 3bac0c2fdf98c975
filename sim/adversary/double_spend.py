"""Double spending: pay, wait for the goods while mining a branch without the payment in secret, then show the longer branch.

Nakamoto, "Bitcoin", 2008, section 11, and Rosenfeld, "Analysis of hashrate-based double spending", 2014, sections 2 to 4. The
merchant hands the goods over once the payment's block and `confirmations` - 1 on it stand on the public chain. The pool begins one
block ahead (Rosenfeld's premined block), so that it succeeds whenever its later blocks draw level with the public ones:
1 - sum over m <= z of C(m + z - 1, m) (p^z q^m - p^m q^z), z confirmations, q the pool's share of the power, p = 1 - q.

The pool runs the protocol's own code. What is bent is when its blocks become known and, during an attempt, which branch it stays on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.adversary.secrecy import Secrets, must_fork
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count
from sim.node.surroundings import Surroundings


@part
class DoubleSpend:
    """One attempt after another to have the goods and the money back, with the power of the seats together."""

    confirmations: Count = 6  # blocks the merchant wants to see, the payment's own among them
    give_up: Count = 40  # an attempt ends when the pool's branch is so many blocks behind

    def check(self) -> None:
        """There must be something to wait for, and a way to fall behind while the merchant waits."""
        if not self.confirmations:
            raise ScenarioError("must be at least 1: without a confirmation there is nothing to undo", path="confirmations")
        if self.give_up <= self.confirmations:
            raise ScenarioError(f"must be more than the {self.confirmations} confirmations", path="give_up")

    def fits(self, world: Surroundings) -> None:
        """There must be a chain that forks."""
        must_fork(world)

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """One pool of all the seats."""
        return Thief(self, seats, world).disband


class Thief:
    """The present attempt: where its branch leaves the public chain, and how far both have come."""

    def __init__(self, terms: DoubleSpend, seats: Sequence[int], world: Surroundings) -> None:
        self.terms, self.seats, self.world = terms, tuple(seats), world
        self.fork = -1
        """Height of the last common block; -1 between attempts."""
        self.tip = self.public = 0
        """Heights of the pool's branch and of the highest block of others that it has heard of."""
        self.rules: dict[int, Any] = {}
        """What each seat's forest would choose by itself, while it is told to stay where it is."""
        self.secrets = Secrets(seats, world, self)

    def disband(self) -> None:
        """Show everything and be honest."""
        self._end()
        self.secrets.disband(self.tip)

    def found(self, block: Any) -> bool:
        """The pool has found a block. The first one of an attempt is the moment to pay."""
        self.tip = block.height
        if self.fork < 0:
            self.fork = block.height - 1
            self._stay()
        self.world.society.loop.call_soon(self._look)  # once the finder itself has taken it
        return True

    def others_found(self, block: Any) -> None:
        """The public chain may have grown."""
        if block.height > self.public:
            self.public = block.height
            self._look()

    def _look(self) -> None:
        """Is it time to show the branch, or to give it up?"""
        if self.fork < 0 or not self.secrets.at_work:
            return
        served = self.public - self.fork >= self.terms.confirmations
        if served and self.tip > self.public:
            self._note("won")
            self.secrets.show(self.tip)
            self.public = self.tip
            self._end()
        elif self.public - self.tip >= self.terms.give_up:
            self._note("lost")
            self.secrets.blocks.clear()
            self._end()

    def _note(self, outcome: str) -> None:
        self.world.society.nodes[self.seats[0]].note("double-spend", outcome=outcome, confirmed=self.public - self.fork)

    def _stay(self) -> None:
        """Whatever is heavier: the pool builds on its own branch."""
        for seat in self.seats:
            forest = self.world.nodes[seat].keep["forest"]
            self.rules[seat] = forest.choose
            forest.choose = _the_same

    def _end(self) -> None:
        """The attempt is over: every seat of the pool follows what it would have followed."""
        self.fork = -1
        for seat, rule in self.rules.items():
            forest = self.world.nodes[seat].keep["forest"]
            forest.choose = rule
            for digest in (digest for height in sorted(forest.beside) for digest in tuple(forest.beside[height])):
                if not forest.follows(digest, forest.height_of(digest)):
                    forest.move(rule(forest, forest.block(digest)))
        self.rules.clear()


def _the_same(forest: Any, block: Any) -> str:
    return str(forest.head)
