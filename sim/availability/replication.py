"""Full replication: every seat keeps every block, and a record is copied to as many seats as its workload says.

The simplest scheme and the most expensive one: whatever one honest, reachable seat holds can be had.
"""

from __future__ import annotations

from sim.kernel.part import part
from sim.kernel.units import Duration


@part
class Replication:
    """Keep everything everywhere; a block is available once every honest seat holds it."""

    deadline: Duration = (
        10_000_000_000  # a decided block should be everywhere within this time of its publication; 0: by the end of the run
    )
