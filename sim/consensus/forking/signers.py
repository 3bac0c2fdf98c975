"""Who may seal blocks where authority and not power counts: all seats, or those of some names, roles or regions."""

from __future__ import annotations

from collections.abc import Sequence

from sim.kernel.errors import ScenarioError
from sim.net.choose import seats_called
from sim.node.node import Node


def signers_of(node: Node, words: Sequence[str]) -> tuple[int, ...]:
    """The identities that may sign, ascending; all where no words are given. Raises ScenarioError for a word nobody goes by."""
    nature = node.society.nature
    if "signers" not in nature:
        chosen: dict[int, None] = {}
        for word in words:
            try:
                chosen.update(dict.fromkeys(seats_called(word, node.society.network.topology)))
            except ScenarioError as error:
                raise ScenarioError(error.sentence, "consensus.signers") from None
        nature["signers"] = tuple(sorted(chosen)) or tuple(range(node.n))
    signers: tuple[int, ...] = nature["signers"]
    return signers
