"""The scenario's `[mempool]` table: how much may wait for a block, in which order it goes, and what happens when there is no room."""

from __future__ import annotations

from typing import Literal

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import Count, Duration

SECOND_NS = 1_000_000_000


@part
class Pool:
    """What waits for a block. One pool serves the network: what counts is how much waits anywhere, seen from the newest proposal.

    Without back-pressure a full pool drops what comes (or, if it `displaces`, what is least urgent), and nobody tries again. With
    it the submitter is told to wait: a workload with `clerks` offers the same again every `retry`, and its clerk takes up nothing
    else meanwhile; a workload without (an open loop) has nobody who could wait, so it drops and counts `dropped`.
    """

    capacity: Count = 1_000_000  # most transactions that wait at once
    order: Literal["class", "arrival"] = "class"  # what goes into a block first: the most urgent class (C0 to C4), or the oldest
    displaces: bool = False  # whether a full pool makes room for a more urgent one by dropping the youngest of the least urgent
    back_pressure: bool = False  # whether submitters are told that there is no room, so that those who can wait do
    retry: Duration = SECOND_NS  # how long somebody who was told to wait does so

    def check(self) -> None:
        """There is room for one at least, and no setting is without effect."""
        if self.capacity < 1:
            raise ScenarioError("nothing can ever be decided without room for one transaction: 1 or more", "capacity")
        if self.retry != SECOND_NS and not self.back_pressure:
            raise ScenarioError("has no effect without back_pressure = true", "retry")
        if self.retry < 1_000_000:
            raise ScenarioError("at least 1 ms is wanted", "retry")
        if self.displaces and self.order == "arrival":
            raise ScenarioError('has no effect with order = "arrival", which knows no urgency', "displaces")
