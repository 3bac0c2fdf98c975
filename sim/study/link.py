"""The scenario's `[link]` table: what every link does to a copy."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.kernel.units import SECOND, Duration, Rate, Share, Size

INITIAL_WINDOW_BYTES = 10 * 1460
"""RFC 6928: ten segments."""
FIRST_TIMEOUT_NS = SECOND
"""RFC 6298, section 2: the retransmission timeout before a round trip has been measured."""


@part
class Link:
    """What every link does to a copy. Without a law, a copy takes the topology's own latency, or none."""

    latency: Any = field(default=None, metadata={"group": "latency"})  # a law, such as {kind = "lognormal", median = "25 ms"}
    jitter: Any = field(default=None, metadata={"group": "latency"})  # a law of factors on the topology's own latencies
    loss: Share = 0.0  # share of copies that go astray
    retransmit: Duration | None = None  # a lost copy is sent again so long after it left; none: it never arrives
    duplicate: Share = 0.0  # share of copies of which the network makes a second one
    reorder: Share = 0.0  # share of copies that fall behind,
    reorder_by: Duration = 0  # and by how much
    rate: Rate = 0  # rate of each direction of each link of the topology; 0: none but the seats' own
    transport: Literal["datagram", "tcp"] = "datagram"  # tcp: slow start, order and repetition of the links' connections
    window: Size | None = None  # bytes under way before the first acknowledgement; 14 600 B over tcp
    idle_reset: Duration | None = None  # idle time after which slow start begins anew; 1 s over tcp

    def check(self) -> None:
        """A copy takes either a law of its own or a jittered latency of the topology; nothing is set without effect."""
        if self.latency is not None and self.jitter is not None and not self.latency.is_constant:
            raise ScenarioError("give a latency law or a jitter on the topology's latencies, not both", "jitter")
        if self.loss >= 1:
            raise ScenarioError("nothing would ever arrive; give a loss below 100 %", "loss")
        if self.retransmit is not None and not self.loss:
            raise ScenarioError("has no effect while loss = 0; give a loss, or drop the key", "retransmit")
        if self.retransmit == 0:
            raise ScenarioError("a loss is not noticed at once; give a time above 0, or drop the key", "retransmit")
        if self.reorder and not self.reorder_by:
            raise ScenarioError("has no effect while reorder_by = 0; say by how much copies fall behind", "reorder")
        if self.reorder_by and not self.reorder:
            raise ScenarioError("has no effect while reorder = 0; say which share of copies falls behind", "reorder_by")
        self._check_transport()

    def _check_transport(self) -> None:
        for name in ("window", "idle_reset"):
            if getattr(self, name) is not None and self.transport != "tcp":
                raise ScenarioError('has no effect over datagrams; set transport = "tcp", or drop the key', name)
        if self.window == 0:
            raise ScenarioError("nothing could be sent; give a window of at least 1 B", "window")
        if self.duplicate and self.transport == "tcp":
            raise ScenarioError("has no effect over tcp, which drops what comes twice; drop the key", "duplicate")

    def retransmit_ns(self) -> int:
        """How long after it has left a lost copy is sent again, 0 for never: TCP does so after a second where nothing is said."""
        usual = FIRST_TIMEOUT_NS if self.transport == "tcp" and self.loss else 0
        return usual if self.retransmit is None else self.retransmit

    def window_bytes(self) -> int:
        """The initial window, 0 over datagrams."""
        if self.transport != "tcp":
            return 0
        return INITIAL_WINDOW_BYTES if self.window is None else self.window

    def idle_ns(self) -> int:
        """Idle time after which slow start begins anew."""
        return FIRST_TIMEOUT_NS if self.idle_reset is None else self.idle_reset
