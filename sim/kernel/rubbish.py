"""Python's collector of circular rubbish, kept from looking for it where there is none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Within, the collector looks after 200,000 new objects and not after 700: a run's objects live as long as the run.

    What a run makes points in circles, but `sim.study.build.clear_up` cuts them, so all goes when the last name goes.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(200_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
