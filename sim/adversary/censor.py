"""Censor: as a proposer the node leaves some transactions out of its blocks, and is honest in all else.

With a leader that changes, what is left out waits for the next honest one; with one that stays it waits until somebody loses patience.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.node.node import Node
from sim.node.surroundings import Surroundings


@part
class Censor:
    """Never include what these seats submit, or what is of this family; one of the two keys must say something."""

    victims: object = ()  # whose transactions: a count, a share, names, a role or a region
    family: str = ""  # which transactions, such as "consent"
    without_consensus: ClassVar[str] = "nobody chooses what goes into blocks; use kind selective"

    def check(self) -> None:
        """There must be something to leave out."""
        if not self.family and self.victims in ((), [], ""):
            raise ScenarioError('nothing is censored: name victims, such as ["clinic-1"], or a family of transactions', "victims")

    def fits(self, world: Surroundings) -> None:
        """The victims must be seats of this network."""
        if self.victims not in ((), [], ""):
            try:
                world.choose(self.victims, "censor")  # type: ignore[arg-type]
            except ScenarioError as error:
                raise ScenarioError(error.sentence, "victims") from None

    def corrupt(self, seats: Sequence[int], world: Surroundings) -> Callable[[], None]:
        """Put a filter before the seat's choice of transactions."""
        chosen = () if self.victims in ((), [], "") else world.choose(self.victims, "censor")  # type: ignore[arg-type]
        victims = frozenset(chosen)

        def tolerated(transaction: Any) -> bool:
            return transaction.submitter not in victims and transaction.family != self.family

        nodes = [world.nodes[seat] for seat in seats]
        for node in nodes:
            _filter(node, tolerated)

        def release() -> None:
            for node in nodes:
                del node.next_batch, node.next_bundle, node.batch

        return release


def _filter(node: Node, tolerated: Callable[[Any], bool]) -> None:
    """Let a node propose only what is tolerated, whichever way its protocol asks for a block."""
    next_batch, next_bundle, society = node.next_batch, node.next_bundle, node.society

    def both(wanted: Callable[[Any], bool] | None) -> Callable[[Any], bool]:
        return tolerated if wanted is None else lambda transaction: tolerated(transaction) and wanted(transaction)

    def batch(parent: str | None = None, wanted: Any = None) -> Coroutine[Any, Any, Any]:
        return next_batch(parent, both(wanted))

    def bundle(height: int, edges: Callable[[], tuple[str, ...]], wanted: Any = None) -> Coroutine[Any, Any, Any]:
        return next_bundle(height, edges, both(wanted))

    node.next_batch = batch  # type: ignore[method-assign]
    node.next_bundle = bundle  # type: ignore[method-assign]
    node.batch = lambda parent=None: society.batch(node, parent, tolerated)  # type: ignore[method-assign]
