"""The first of several waits: what `asyncio.wait` would do, had it an order that another process repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from sim.kernel.strand import Strand
from sim.node.node import Node


async def either(node: Node, *waits: Coroutine[Any, Any, Any]) -> tuple[int, Any]:
    """(place, result) of the wait that is over first; the others are taken back.

    Of several that are over at one instant it is the one that was told first. A `receive` that is taken back gives its message
    back.
    """
    over: asyncio.Future[int] = node.society.loop.create_future()
    tasks = [node.spawn(wait) for wait in waits]

    def tell(place: int, task: Strand[Any]) -> None:
        if not over.done() and not task.cancelled():
            over.set_result(place)

    for place, task in enumerate(tasks):
        task.add_done_callback(partial(tell, place))
    try:
        place = await over
        return place, tasks[place].result()
    finally:
        for task in tasks:
            task.cancel()
