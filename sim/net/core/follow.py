"""Going along a chain: a seat that hears of the block after its head takes it for its head, and Python is not woken.

Python says of a message which block it tells of, which block that one stands on, and who may say so (`World.successors`), once
somebody has found the block good. All that is left to ask is here: does the seat stand on the parent, and does it hold the block?
Whatever else a seat hears wakes it. So does everything that comes at an instant at which somebody is woken already, because
what happens at one instant has an order.
"""

from __future__ import annotations

from sim.kernel.jit import njit
from sim.net.core.state import ALERT, BLOCK, FIRST_BLOCK, HELD, MAILED, MAKER, NOW, PARENT, World


@njit
def goes_along(w: World, seat: int, signer: int, message: int) -> bool:
    """Whether the seat needs no waking for this message; if it moves its head, that is in the mail with its time."""
    if message >= w.successors.shape[0] or w.clock[ALERT] > 0:
        return False
    block = w.successors[message, BLOCK]
    if block == 0 or signer != w.successors[message, MAKER]:
        return False
    if w.heads[seat] == block:
        return True
    if w.heads[seat] != w.successors[message, PARENT] or w.held[w.items[block - FIRST_BLOCK]["row"], seat] != HELD:
        return False
    w.heads[seat] = block
    mail = w.mail[w.clock[MAILED]]
    w.clock[MAILED] += 1
    mail[0] = seat
    mail[1] = signer
    mail[2] = message
    mail[3] = w.clock[NOW]
    return True
