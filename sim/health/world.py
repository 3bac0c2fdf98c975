"""What a workload may see and do: the run and the node implement it, a test implements a small one of its own.

A workload is a part with four verbs. `setup(world)` looks around and subscribes, `start(world)` schedules, `check(world)`
returns its verdicts, `outcome(world)` the table for the report. The part itself is frozen and may serve many runs, so what it
remembers of one run lies in `world.memory`. `open_to` names the deeds that it asks about (`world.commits`), and "tamper" where it
asks for records that may be altered (`world.serve_alters`): enemies without an occasion are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.ledger.block import Block, Transaction
from sim.ledger.chain import Chain
from sim.node.storage import Storage


class Recorder(Protocol):
    """Where rows of the trace go."""

    def record(self, kind: str, seat: int, *fields: Any) -> None:
        """Note that something happened at `seat` now."""


class WorkloadWorld(Protocol):
    """One run as one of its workloads sees it."""

    dice: Dice
    has_ledger: bool
    """Whether anything is agreed upon; without consensus no block is ever decided."""
    number: int
    """The workload's place among those of the scenario."""
    names: tuple[str, ...]
    roles: tuple[str, ...]
    regions: tuple[str, ...]
    duration_ns: int
    memory: dict[str, Any]
    """Empty at first; belongs to one workload of one run."""
    shared: dict[str, Any]
    """Empty at first; belongs to all workloads of one run."""
    retry_ns: int
    """How long somebody who was told that there is no room waits before he offers the same again; 0: nobody is told."""

    @property
    def now_ns(self) -> int:
        """The present instant."""

    @property
    def trace(self) -> Recorder:
        """The record of the run."""

    @property
    def honest(self) -> NDArray[np.bool_]:
        """bool[seats], for judging only."""

    @property
    def storage(self) -> Storage | None:
        """What keeps objects in shares, where the scenario has such a scheme of availability; None: whole copies lie at their holders."""

    def at(self, time_ns: int, function: Callable[..., None], *args: Any) -> None:
        """Call `function(*args)` at that instant."""

    def submit(self, transaction: Transaction) -> int:
        """Give it to its submitter's seat and let the gossip spread it; its item index, or -1 where there was no room."""

    def publish_record(self, seat: int, digest: str, size_bytes: int, placement: tuple[int, ...], *, stored: bool = False) -> None:
        """Store a ciphertext at `seat` and send copies to the seats of `placement`; they arrive when the network lets them.

        What is to be `stored` lies as the scenario's scheme of availability has it, where there is one; all else is sent whole.
        """

    def fetch_record(
        self,
        reader: int,
        digest: str,
        holders: tuple[int, ...],
        deadline_ns: int,
        on_done: Callable[[str, int], None],
    ) -> None:
        """Ask the holders in order, until the instant `deadline_ns`; then on_done('served' | 'unavailable', waited_ns), once."""

    def place_record(self, seats: tuple[int, ...], digest: str, size_bytes: int) -> None:
        """Let seats have a record from before the run; nothing travels."""

    def send_record(self, seat: int, digest: str, targets: tuple[int, ...]) -> None:
        """Send a record that `seat` holds to more seats, or to the same ones again."""

    def arrived_ns(self, seat: int, digest: str) -> int:
        """When a record was whole at a seat; -1 while it is not."""

    def clock_ns(self, seat: int) -> int:
        """What the clock on the wall says at a seat: the present instant, or what a wrong clock makes of it."""

    def is_up(self, seat: int) -> bool:
        """Whether the seat runs now."""

    def serves(self, seat: int) -> bool:
        """Whether the seat answers requests."""

    def holds(self, seat: int, name: str) -> bool:
        """Whether the seat has the whole of what was published under that name."""

    def choose(self, selector: Any) -> tuple[int, ...]:
        """Seats by count, share, names, role or region."""

    def on_publish(self, callback: Callable[[int, str], None]) -> None:
        """Have callback(time_ns, name) called whenever something is published that all are to have."""

    def chain_of(self, seat: int) -> Chain:
        """The decided chain as this node has it."""

    def on_displace(self, callback: Callable[[Transaction], None]) -> None:
        """Have callback(transaction) called for each one that waited and has had to make room for a more urgent one."""

    def on_decide(self, callback: Callable[[int, Block, int], None], late: bool = False) -> None:
        """Have callback(seat, block, time_ns) called at every decision of every node, once its chain holds the block.

        `late` if it only writes down: it may then be called after that instant, but before anybody else does anything.
        """

    def on_revoke(self, callback: Callable[[int, Block, int], None]) -> None:
        """Have callback(seat, block, time_ns) called whenever a node takes a block back, once its chain is without it."""

    def commits(self, seat: int, deed: str) -> bool:
        """Whether the people at this seat do something the ledger was built to prevent, now."""

    def serve_alters(self, holder: int, digest: str = "") -> bool:
        """Whether this holder hands out altered copies of a record now; of what is stored in shares a reader has checked each share."""
