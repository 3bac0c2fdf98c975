"""Orders to the core as packed words, opcode first: what `_obey` in `sim.net.core.engine` reads.

Packed by one step of C each; a run of a few hundred messages gives as many orders as it has messages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from struct import Struct

from sim.net.core import state as st


def _packer(code: int) -> Callable[..., bytes]:
    """From an order's words behind its opcode to the order."""
    return partial(Struct(f"={st.COMMAND_WORDS[code]}q").pack, code)


send = _packer(st.SEND)
broadcast = _packer(st.BROADCAST)
publish = _packer(st.PUBLISH)
watch = _packer(st.WATCH)
unwatch = _packer(st.UNWATCH)
listen = _packer(st.LISTEN)
ask = _packer(st.ASK)
hand_over = _packer(st.HAND_OVER)
intern = partial(Struct("=2qQ14q").pack, st.INTERN)
"""Number, key to fold the fields into, how many of them, the columns of the message's row up to `checks`, six fields."""
