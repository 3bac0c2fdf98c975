"""A replicated state machine: every distinct block is executed once, and every node reads the state at its own tip.

Nothing is copied and nothing is undone. A key keeps all values it was ever given, each with the block that gave it, and a
reader at some tip sees the newest value whose block lies on the chain that ends there (multiversion storage: Reed, "Naming and
synchronization in a decentralized computer system", 1978). A fork is therefore two readers at two tips, and a rollback is a tip
that moves. Contracts are plain functions; a transaction that a contract refuses stays in its block and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sim.ledger.block import GENESIS, Block, Transaction
from sim.ledger.tree import BlockTree

Key = tuple[Any, ...]
Contract = Callable[["State", Transaction], str]
"""Reads and writes the state; answers '' where the transaction took effect, else why it did not."""


class State:
    """The state that a chain leaves behind, as one reader or one transaction under execution sees it."""

    __slots__ = ("_machine", "_new", "height", "time_ns", "tip")

    def __init__(self, machine: Machine, tip: str, height: int, time_ns: int) -> None:
        self._machine = machine
        self._new: dict[Key, Any] = {}
        self.tip, self.height = tip, height
        self.time_ns = time_ns
        """The time stated in the block under execution (its proposer's clock)."""

    def get(self, key: Key, default: Any = None) -> Any:
        """The value under `key`, or `default`."""
        if key in self._new:
            return self._new[key]
        return self._machine.value(key, self.tip, default)

    def put(self, key: Key, value: Any) -> None:
        """Set the value under `key`; it counts if the contract accepts the transaction. Values must not be changed later."""
        self._new[key] = value

    def layer(self, written: Mapping[Key, Any]) -> None:
        """Forget what was put and see `written`, which earlier transactions of the block left."""
        self._new = _Layer(written)

    @property
    def put_so_far(self) -> Mapping[Key, Any]:
        """What this transaction has put."""
        return self._new


class Machine:
    """All states of one run. `contracts` names the function that executes each family; other families take effect as they are."""

    def __init__(self, tree: BlockTree, contracts: Mapping[str, Contract]) -> None:
        self.tree = tree
        self.contracts = contracts
        self.executed = 0
        """How many distinct blocks were executed."""
        self._history: dict[Key, list[tuple[int, str, Any]]] = {}
        self._answers: dict[str, tuple[str, ...]] = {GENESIS: ()}
        self._line: list[str] = [GENESIS]

    def found(self, key: Key, value: Any) -> None:
        """Put something into the state before the first block. Raises ValueError once a block was executed."""
        if self.executed:
            raise ValueError("the founding state cannot change after the first block")
        self._history[key] = [(0, GENESIS, value)]

    def value(self, key: Key, tip: str, default: Any = None) -> Any:
        """The value under `key` on the chain that ends in `tip`."""
        versions = self._history.get(key)
        if versions is None:
            return default
        top = self._hold(tip)
        line = self._line
        for height, digest, value in reversed(versions):
            if height <= top and line[height] == digest:
                return value
        return default

    def versions(self, key: Key, tip: str) -> list[tuple[int, Any]]:
        """Every (height, value) that `key` had on the chain ending in `tip`, oldest first."""
        top = self._hold(tip)
        line = self._line
        found = self._history.get(key, ())
        return [(height, value) for height, digest, value in found if height <= top and line[height] == digest]

    def at(self, tip: str) -> State:
        """The state at a tip that the tree knows, for reading; what is not executed yet is executed now."""
        self.execute(tip)
        return State(self, tip, self.tree.height_of(tip), 0)

    def execute(self, tip: str) -> tuple[str, ...]:
        """Execute a block and what lies under it; the contracts' answers, one for each transaction of the block."""
        missing = []
        digest = tip
        while digest not in self._answers:
            missing.append(digest)
            digest = self.tree.parent_of(digest)
        for digest in reversed(missing):
            self._answers[digest] = self._apply(self.tree.blocks[digest], digest)
            self.executed += 1
        return self._answers[tip]

    def answer(self, transaction_id: str, tip: str) -> str | None:
        """What the contract answered on the chain ending in `tip`; None where that chain does not hold the transaction."""
        top = self._hold(tip)
        for digest, height, index in self.tree.places(transaction_id):
            if height <= top and self._line[height] == digest:
                return self.execute(digest)[index]
        return None

    def _apply(self, block: Block, digest: str) -> tuple[str, ...]:
        state = State(self, block.parent, block.height - 1, block.time_ns)
        written: dict[Key, Any] = {}
        answers = []
        for transaction in block.transactions:
            contract = self.contracts.get(transaction.family)
            state.layer(written)
            try:
                answer = "" if contract is None else contract(state, transaction)
            except KeyError as missing:  # anybody may submit anything: a transaction without its facts is refused, not obeyed
                answer = f"malformed: it does not say {missing}"
            if not answer:
                written.update(state.put_so_far)
            answers.append(answer)
        for key, value in written.items():
            self._history.setdefault(key, []).append((block.height, digest, value))
        return tuple(answers)

    def _hold(self, tip: str) -> int:
        """Have the line of digests by height pass through `tip`; its height."""
        height = self.tree.height_of(tip)
        line = self._line
        if height < len(line) and line[height] == tip:
            return height
        undo, do = self.tree.way(line[-1], tip)
        del line[len(line) - len(undo) :]
        line.extend(do)
        return height


class _Layer(dict[Any, Any]):
    """What one transaction writes, on top of what the block's earlier ones wrote."""

    def __init__(self, below: Mapping[Any, Any]) -> None:
        super().__init__()
        self._below = below

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self._below

    def __missing__(self, key: Any) -> Any:
        return self._below[key]


def facts_of(transaction: Transaction) -> dict[str, Any]:
    """The visible facts by name."""
    return dict(transaction.payload)


def refused(reasons: Iterable[tuple[bool, str]]) -> str:
    """The first reason whose condition holds, or ''."""
    return next((why for holds, why in reasons if holds), "")
