"""Orders to the core as packed words, opcode first: what `_obey` in `sim.net.core.engine` reads.

Packed by one step of C each; a run of a few hundred messages gives as many orders as it has messages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from struct import Struct

from sim.net.core import state as st


def _packer(code: int, zeros: int = 0) -> Callable[..., bytes]:
    """From an order's words behind its opcode to the order; the last so many are 0 and left out."""
    return partial(Struct(f"={st.COMMAND_WORDS[code] - zeros}q{8 * zeros}x").pack, code)


send = _packer(st.SEND)
broadcast = _packer(st.BROADCAST)
publish = _packer(st.PUBLISH)
watch = tuple([_packer(st.WATCH, st.FIELDS - many) for many in range(st.FIELDS + 1)])
"""By how many fields are given: probe, seat, sort, kind, need, mask, fields."""
unwatch = _packer(st.UNWATCH)
listen = _packer(st.LISTEN)
ask = _packer(st.ASK)
hand_over = _packer(st.HAND_OVER)
intern = tuple([partial(Struct(f"=2qQ{8 + many}q{8 * (st.FIELDS - many)}x").pack, st.INTERN) for many in range(st.FIELDS + 1)])
"""By how many fields are given: number, key to fold them into, how many, the columns of the message's row up to `checks`, fields."""
