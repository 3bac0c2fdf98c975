"""Membership as the network needs it, and how it is put beside a network's gossip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sim.net import arena, driver
from sim.net.core import state as st
from sim.net.network import Network

_LOG_ROWS = 4096
Accusation = Callable[[st.World, int, int, bool], None]
"""Who says so, of whom, and whether it is dead or only suspected."""


class Membership:
    """A membership rule (`sim.net.core.members` says how to write one) and what it wants.

    `options` are its parameters, int64; `memory_words` how many it remembers at each seat, `most_actions` how many actions one
    event can ask for at most. `view` is how many words from the beginning of a seat's memory are a view, each a seat plus one or
    0: where it is not 0, gossip that turns to random peers turns to these. `accuse` makes a seat say of a member that it is suspected or
    dead, where the membership has such news.
    """

    def __init__(
        self,
        rule: Any,
        options: Sequence[int],
        memory_words: int,
        most_actions: int,
        *,
        view: int = 0,
        accuse: Accusation | None = None,
    ) -> None:
        self.rule, self.options, self.accuse = rule, options, accuse
        self.memory_words, self.most_actions, self.view = memory_words, most_actions, view


def enter(network: Network, membership: Membership) -> None:
    """Have every seat take part in the membership from the beginning of time."""
    network.membership = membership
    n = network.topology.n
    world = network.world
    rows = max(membership.most_actions, world.actions.shape[0] + membership.view)
    wide = np.tile(np.array([0, 0, 0, -1, -1, 0], np.int64), (rows, 1))
    world.exchange(
        {
            "actions": wide,
            "member_options": np.array(membership.options, np.int64),
            "member_memory": np.zeros((n, membership.memory_words), np.int64),
            "member_log": np.zeros((_LOG_ROWS, 4), np.int64),
        }
    )
    world.setup[st.VIEW] = membership.view
    driver.with_member_rule(arena.grow(world), membership.rule)
    for seat in range(n):
        network.order(st.ENTER, seat)
