"""Selfish mining: keep found blocks to oneself, and show them only when others' blocks have caught up.

Eyal, Sirer, "Majority is not enough: Bitcoin mining is vulnerable", FC 2014, algorithm 1. The pool runs the protocol's own
code: being first to see its own blocks, it mines on them by the ordinary rule. What is bent is when they become known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.adversary.secrecy import Secrets, must_fork
from sim.kernel.part import part
from sim.node.surroundings import Surroundings


@part
class Selfish:
    """Mine in secret with the power of the seats together, and publish so that others' work is wasted."""

    def fits(self, world: Surroundings) -> None:
        """There must be a chain in which work can be wasted."""
        must_fork(world)

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """One pool of all the seats."""
        return Pool(seats, world).disband


class Pool:
    """The private branch of a pool and what it knows of the public one. The names of the states are the paper's."""

    def __init__(self, seats: Sequence[int], world: Surroundings) -> None:
        self.tip = self.public = 0
        """Heights of the pool's branch and of the highest block of others that it has heard of."""
        self.tied = False
        """State 0': two public branches of equal height, one of them the pool's."""
        self.secrets = Secrets(seats, world, self)

    def disband(self) -> None:
        """Show everything and be honest."""
        self.secrets.disband(self.tip)

    def found(self, block: Any) -> bool:
        """The pool has found a block: a tie is won by showing it, everything else stays secret."""
        self.tip = max(self.tip, block.height)
        stays, self.tied = not self.tied, False
        return stays

    def others_found(self, block: Any) -> None:
        """Algorithm 1, on a block of others: give up, race, win outright, or show just enough to keep pace."""
        if block.height <= self.public:
            return
        self.public = block.height
        lead = self.tip - self.public
        self.tied = False
        if lead < 0:
            self.tip = self.public
            self.secrets.blocks.clear()
        elif lead == 0:
            self.tied = bool(self.secrets.blocks)
            self.secrets.show(self.tip)
        elif lead == 1:
            self.secrets.show(self.tip)
        else:
            self.secrets.show(self.public)
