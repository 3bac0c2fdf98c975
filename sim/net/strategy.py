"""A gossip strategy as the network needs it: a rule, its parameters, and how bodies are cut into pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.net.keeper import Keeper

Cut = Callable[[int], tuple[int, int, int]]


class Strategy:
    """A gossip strategy as the network needs it: the rule (`sim.net.core.relay` says how to write one) and what it wants.

    `options` are the rule's parameters, int64; `memory_words` how many it remembers at each seat, `most_actions` how many
    actions one event can ask for at most. `starts` has it called at every seat when time begins, `tells_copies` at every
    repeated body, `screens` before a body is looked at and after one that failed its check. `samples` says that it turns to random
    peers, so that a membership with a view of its own can say which. `cut(size in bytes)` gives pieces, how many of them are enough for the whole, and bytes of each.
    """

    def __init__(
        self,
        rule: Any,
        options: Sequence[int] = (),
        memory_words: int = 0,
        most_actions: int = 1,
        *,
        starts: bool = False,
        tells_copies: bool = False,
        screens: bool = False,
        samples: bool = False,
        cut: Cut | None = None,
    ) -> None:
        self.rule = rule
        self.options = options
        self.memory_words = memory_words
        self.most_actions = most_actions
        self.starts, self.tells_copies, self.cut = starts, tells_copies, cut
        self.screens, self.samples = screens, samples
        self.keeper: Keeper | None = None
        """The rule for what lies behind blocks in shares, if the scenario keeps any."""

    @property
    def room(self) -> tuple[int, int]:
        """Most actions that one event can ask for, and words of parameters, the keeper's included."""
        most, words = max(1, self.most_actions), len(self.options)
        return (most, words) if self.keeper is None else (max(most, self.keeper.most_actions), words + len(self.keeper.options))


def chunks_of(chunk_bytes: int) -> Cut:
    """Cut a body into equal pieces of at most `chunk_bytes`, all of them needed, each with a Merkle path of 32 bytes a level."""

    def cut(size_bytes: int) -> tuple[int, int, int]:
        pieces = max(1, -(-size_bytes // chunk_bytes))
        return pieces, pieces, -(-size_bytes // pieces) + 32 * (pieces - 1).bit_length()

    return cut
