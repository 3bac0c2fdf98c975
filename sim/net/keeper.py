"""A keeper as the network needs it: the rule that moves what lies behind a block in shares, beside the gossip rule.

A keeper's rule obeys the contract of gossip rules (`sim.net.core.relay`) and is told about items of duty SHARE and BAD only, and,
by a tick of number KEEPER_TICK, when a seat comes to hold a block whose duty is the item of the data behind it, times -1. Its parameters are the words of `w.options` from
`w.setup[KEEPER_OPTIONS]` on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Keeper:
    """A rule for shares and its parameters. `check_ns` is the CPU time to check one share's proof, where cores are modelled."""

    def __init__(self, rule: Any, options: NDArray[np.int64], most_actions: int, check_ns: int = 0) -> None:
        self.rule, self.options, self.most_actions, self.check_ns = rule, options, most_actions, check_ns
