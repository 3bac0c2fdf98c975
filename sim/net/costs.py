"""The four costs of the network, each of which can be off: latency, bandwidth, CPU, loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.net.core import state as st
from sim.net.latency import FACTOR_BITS, TABLE
from sim.net.pairs import Rates

_NO_LAW = st.Placed.of({"tables": np.zeros((1, TABLE), np.int64)})
_WORDS = [st.RELATIVE, st.LOSS_BELOW, st.SIGN_NS, st.VERIFY_NS, st.HASH_PS, st.ENCODE_PS, st.ANNOUNCE_BYTES, st.REQUEST_BYTES]


@dataclass(frozen=True, kw_only=True, eq=False)
class Costs:
    """What a copy pays on its way. Zero rates, cores or loss mean that this cost is off."""

    constant_ns: int = 0
    """One-way latency where `table` is None."""
    table: NDArray[np.int64] | None = None
    """Latency law as an integer inverse distribution function (`sim.net.latency`), or one row for each law; None for a constant."""
    laws: NDArray[np.int32] | None = None
    """int32[S, S]: the row of `table` for each pair of sites, which then says all; None where there is one law."""
    relative: bool = False
    """Whether `table` holds factors on the topology's own latencies instead of nanoseconds."""
    loss: float = 0.0
    up_bit_s: Rates = 0
    down_bit_s: Rates = 0
    """One rate for all seats, or int64[seats]."""
    cores: int = 0
    sign_ns: int = 0
    verify_ns: int = 0
    hash_ps_per_byte: int = 0
    encode_ps_per_byte: int = 0
    """Coding a body into pieces of which some are enough."""
    execute_ns: int = 0
    """Executing a transaction of a block."""
    lane_bytes: int = -1
    """Messages up to this size do not wait behind larger ones, in either direction; -1: no lane."""
    fair: bool = False
    """Whether copies share an uplink equally instead of queueing."""
    max_min: bool = False
    """Whether copies share uplinks, downlinks and links max-min fairly (`sim.net.core.fair`) instead."""
    link_bit_s: int | NDArray[np.int64] = 0
    """One rate for each direction of every link, or int64[directed links] in the order of the topology's `neighbours`; 0: none."""
    retransmit_ns: int = 0
    """How long after it has left a lost copy is sent again; 0: never."""
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_ns: int = 0
    """Share of copies that arrive so much later than the others."""
    tcp_bytes: int = 0
    """Initial window of TCP; 0: datagrams."""
    tcp_idle_ns: int = 1_000_000_000
    announce_bytes: int = 48
    request_bytes: int = 48

    @property
    def same_weather_everywhere(self) -> bool:
        """Whether no draw is ever made: constant latency and no loss."""
        return self.table is None and self.loss == 0 and self.duplicate == 0 and self.reorder == 0

    @property
    def is_plain(self) -> bool:
        """Whether copies need no trips of their own (`sim.net.core.trips`)."""
        capped = _any(self.link_bit_s)
        chancy = self.duplicate > 0 or self.reorder > 0 or (self.loss > 0 and self.retransmit_ns > 0)
        return not (chancy or capped or self.fair or self.max_min or self.lane_bytes >= 0 or self.tcp_bytes)

    def write(self, world: st.World, loss_key: int) -> st.World:
        """The same world under these costs."""
        setup = world.setup
        fixed = self.table is None and world.base_ns.shape[0] == 1 and not world.base_ns.any()
        setup[st.CONSTANT_NS] = self.constant_ns if fixed else -1
        setup[st.ONE_PLACE] = int(world.base_ns.shape[0] == 1)
        setup[st.LOSS_KEY] = loss_key - (loss_key >> 63 << 64)  # the same bits with a sign
        setup[_WORDS] = self._words
        for name, rate in (("up_ns_per_byte", self.up_bit_s), ("down_ns_per_byte", self.down_bit_s)):
            if _any(rate):
                world.seats[name] = _ns_per_byte(rate)
        world.place(_NO_LAW if fixed else self._law)
        changes: dict[str, Any] = {}
        if self.laws is not None:
            changes["law"] = np.ascontiguousarray(self.laws, np.int32)
            changes["base_ns"] = np.zeros_like(world.base_ns)
        if not self.is_plain:
            changes |= self._write_trips(world)
        if changes:
            world.exchange(changes)
        return world

    @cached_property
    def _law(self) -> st.Placed:
        """The law of latency as the core has it; where it is a constant, a table of that."""
        table = np.full(TABLE, self.constant_ns, np.int64) if self.table is None else np.ascontiguousarray(self.table, np.int64)
        return st.Placed.of({"tables": table.reshape(-1, TABLE)})

    @cached_property
    def _words(self) -> NDArray[np.int64]:
        """int64[words]: what `_WORDS` of the set-up are to be."""
        per_copy = self.sign_ns, self.verify_ns, self.hash_ps_per_byte, self.encode_ps_per_byte
        loss_below = round(self.loss * 2**32)
        return np.array([self.relative, loss_below, *per_copy, self.announce_bytes, self.request_bytes], np.int64)

    def _write_trips(self, world: st.World) -> dict[str, Any]:
        """What copies with trips of their own need."""
        setup = world.setup
        capped = _any(self.link_bit_s)
        setup[[st.TRIPS, st.FOLD, st.LANE_BYTES, st.FAIR]] = 1, 2, self.lane_bytes, self.fair
        setup[[st.QUEUED, st.CAPPED]] = self.fair or self.lane_bytes >= 0, capped
        setup[[st.RETRANSMIT_NS, st.REORDER_NS, st.TCP_BYTES, st.TCP_IDLE_NS]] = (
            self.retransmit_ns,
            self.reorder_ns,
            self.tcp_bytes,
            self.tcp_idle_ns,
        )
        setup[[st.DUPLICATE_BELOW, st.REORDER_BELOW]] = round(self.duplicate * 2**32), round(self.reorder * 2**32)
        changes: dict[str, Any] = {"trips": np.zeros((len(world.envelopes), 5), np.int64)}
        changes["uplinks"] = np.zeros((len(world.seats), 9), np.int64)
        changes["uplinks"][:, st.NEXT_NS] = -1
        if capped or self.tcp_bytes:
            changes["links"] = np.zeros((max(1, len(world.neighbours)), 5), np.int64)
            changes["links"][: len(world.neighbours), st.CAP_BIT_S] = self.link_bit_s
        return changes | self._write_lines(world) if self.max_min else changes

    def _write_lines(self, world: st.World) -> dict[str, Any]:
        """What max-min fair rates need."""
        world.setup[st.MAX_MIN] = 1
        seats, links = len(world.seats), len(world.neighbours)
        rates_bit_s = np.zeros(2 * seats + max(1, links), np.int64)
        rates_bit_s[:seats], rates_bit_s[seats : 2 * seats] = self.up_bit_s, self.down_bit_s
        rates_bit_s[2 * seats : 2 * seats + links] = self.link_bit_s
        lines = np.zeros((len(rates_bit_s), 10), np.int64)
        lines[:, st.FIRST_FLOW] = lines[:, st.LAST_FLOW] = lines[:, st.LINE_NEXT_NS] = -1
        lines[:, st.LINE_LIMIT] = rates_bit_s
        line_rates = np.zeros((len(lines), 3))
        line_rates[:, st.CAPACITY] = 1 / np.maximum(_ns_per_byte(rates_bit_s), 1e-9)
        copies = len(world.envelopes)
        return {
            "lines": lines,
            "line_rates": line_rates,
            "flows": np.zeros((copies, st.FLOW_WORDS), np.int64),
            "flow_rates": np.zeros((copies, 3)),
            "line_work": np.zeros((max(copies, len(lines)), 3), np.int64),
            "line_order": np.zeros((seats, 2), np.int64),
        }


def longest_latency_ns(world: st.World) -> int:
    """The longest latency that any link can draw, before anything slows it down."""
    if world.setup[st.CONSTANT_NS] >= 0:
        return int(world.setup[st.CONSTANT_NS])
    base_ns, most = int(world.base_ns.max()), int(world.tables.max())
    return base_ns * most >> FACTOR_BITS if world.setup[st.RELATIVE] else base_ns + most


def _any(rate_bit_s: Rates) -> bool:
    """Whether there is any rate."""
    return bool(rate_bit_s) if isinstance(rate_bit_s, int) else bool(rate_bit_s.any())


def _ns_per_byte(rate_bit_s: Rates) -> Any:
    """What a byte takes at each rate; 0 where there is none."""
    rates = np.asarray(rate_bit_s, np.int64)
    return np.where(rates > 0, 8e9 / np.maximum(rates, 1), 0.0)
