"""Bodies that a seat is taking in: of several copies the first is checked, the others are not looked at."""

from __future__ import annotations

from sim.kernel.jit import njit
from sim.net.core.state import ABSENT, BODY_COPIES, BOOK_COPIES, CHECKING, World


@njit
def body_is_new(w: World, seat: int, item: int) -> bool:
    """Whether a body that has just been taken in has not been seen here; then it is being checked from now on."""
    w.clock[BODY_COPIES] += 1
    w.item_books[item, BOOK_COPIES] += 1
    place = w.items[item]["row"]
    if w.held[place, seat] >= CHECKING:
        return False
    w.held[place, seat] = CHECKING
    return True


@njit
def body_is_lost(w: World, seat: int, item: int) -> None:
    """A seat went down while it was checking a body: the next copy is new again."""
    if w.held[w.items[item]["row"], seat] == CHECKING:
        w.held[w.items[item]["row"], seat] = ABSENT
