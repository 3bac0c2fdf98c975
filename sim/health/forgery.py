"""The ledger as liars tell it to those who have no copy: every entry altered, every root and header made anew to fit.

All liars of a run tell the same, so their story is whole in itself; only comparing it with what others tell gives it away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sim.ledger.block import GENESIS, Block, Transaction


def altered(transaction: Transaction) -> Transaction:
    """The entry with something else in it, under the name that it then has."""
    return replace(transaction, payload=(*transaction.payload, ("altered", 1)), id="")


class Forgery:
    """Forged blocks by the name of the genuine one."""

    def __init__(self) -> None:
        self._forged: dict[str, Block] = {}

    def of(self, blocks: Sequence[Block]) -> Block:
        """The forged block in place of the last of a chain's genuine ones."""
        start = len(blocks)
        while start and blocks[start - 1].digest not in self._forged:
            start -= 1
        parent = self._forged[blocks[start - 1].digest].digest if start else GENESIS
        for block in blocks[start:]:
            entries = tuple(map(altered, block.transactions))
            made = Block.of(parent, block.height, block.proposer, block.time_ns, entries, block.filler_bytes, block.edges)
            self._forged[block.digest], parent = made, made.digest
        return self._forged[blocks[-1].digest]
