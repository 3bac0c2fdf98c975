"""What a scenario's tables mean for a copy: its `[link]` and `[seat]` as the network's costs, and what a run leaves out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel import jit
from sim.kernel.again import asked_again
from sim.kernel.errors import ScenarioError
from sim.net.costs import Costs
from sim.net.latency import MOST_NS, factor_table, law_table
from sim.net.pairs import pair_tables, rates_bit_s
from sim.net.topology import Topology
from sim.study.scenario import Scenario


@asked_again
def costs_of(scenario: Scenario, topology: Topology) -> Costs:
    """The scenario's link and seat tables as the network's costs."""
    link, seat = scenario.link, scenario.seat
    if seat.execute and scenario.consensus is None:
        raise ScenarioError("has no effect without blocks to execute; give a [consensus], or drop the key", "seat.execute")
    law, jitter = link.latency, link.jitter
    if jitter is not None and topology.base_ns is None:
        raise ScenarioError("this topology has no latencies of its own to jitter; give link.latency instead", "link.jitter")
    table, laws, constant_ns = None, None, 0
    per_pair = jitter is not None and getattr(jitter, "per_pair", False)
    if jitter is not None and topology.base_ns is not None and per_pair:
        try:
            table, laws = pair_tables(jitter, topology.base_ns)
        except ScenarioError as error:
            raise ScenarioError(error.sentence, "link.jitter") from None
    elif jitter is not None:
        table = _table_of(jitter, True)
    elif law is not None:
        if not law.is_constant:
            table = _table_of(law, False)
        elif law.mean_ns() > MOST_NS:
            raise ScenarioError("is longer than 104 days, the most that is taken; write a shorter one", "link.latency")
        else:
            constant_ns = round(law.mean_ns())
    link_bit_s = _link_rates(link.rate, topology)
    capped = link_bit_s > 0 if isinstance(link_bit_s, int) else bool(link_bit_s.any())
    shares_more = bool(seat.down) or capped  # where only uplinks are shared, equal parts are max-min fair
    return Costs(
        constant_ns=constant_ns,
        table=table,
        laws=laws,
        relative=jitter is not None and not per_pair,
        loss=link.loss,
        up_bit_s=rates_bit_s(seat.up, topology.regions, "seat.up"),
        down_bit_s=rates_bit_s(seat.down, topology.regions, "seat.down"),
        lane_bytes=seat.lane_bytes(),
        fair=seat.sharing == "fair-up" or (seat.sharing == "fair" and not shares_more),
        max_min=seat.sharing == "fair" and shares_more,
        link_bit_s=link_bit_s,
        retransmit_ns=link.retransmit_ns(),
        duplicate=link.duplicate,
        reorder=link.reorder,
        reorder_ns=link.reorder_by,
        tcp_bytes=link.window_bytes(),
        tcp_idle_ns=link.idle_ns(),
        cores=seat.cores,
        sign_ns=seat.service_ns("sign"),
        verify_ns=seat.service_ns("verify"),
        hash_ps_per_byte=seat.service_ns("hash_per_kib") * 1000 // 1024,
        execute_ns=seat.service_ns("execute"),
        encode_ps_per_byte=seat.service_ns("encode_per_kib") * 1000 // 1024,
    )


def _link_rates(rate: int, topology: Topology) -> int | NDArray[np.int64]:
    """The rate of `[link]`, and of each link that has one of its own that one."""
    if topology.link_bit_s is None:
        return rate
    return np.where(topology.link_bit_s > 0, topology.link_bit_s, rate)


@lru_cache(maxsize=64)
def _table_of(law: Any, factors: bool) -> NDArray[np.int64]:
    """A law as the core wants it; sweeps and small runs ask for the same one over and over."""
    try:
        table = factor_table(law) if factors else law_table(law)
    except ScenarioError as error:
        raise error.under("link.jitter" if factors else "link.latency") from None
    table.setflags(write=False)
    return table


@asked_again
def not_modelled(scenario: Scenario) -> tuple[str, ...]:
    """What this run did not model, in words."""
    seat, link = scenario.seat, scenario.link
    missing = []
    if not seat.up or not seat.down:
        missing.append("bandwidth" if not seat.up and not seat.down else "uplink rate" if not seat.up else "downlink rate")
    if (seat.up or seat.down) and seat.sharing != "fair":
        lines = "downlinks" if seat.sharing == "fair-up" else "uplinks" if not seat.down else "uplinks and downlinks"
        if seat.sharing == "fifo" or seat.down:
            missing.append(f"fair sharing of {lines} (copies queue, first in, first out)")
    if not seat.cores:
        missing.append("CPU time")
    elif scenario.consensus is not None and not seat.service_ns("execute"):
        missing.append("executing transactions")
    if not link.loss:
        missing.append("loss")
    if link.jitter is None and (link.latency is None or link.latency.is_constant):
        missing.append("latency jitter")
    if link.transport != "tcp":
        missing.append("TCP windows")
    if link.loss and not link.retransmit_ns():
        missing.append("retransmission")
    for share, what in ((link.duplicate, "duplicates"), (link.reorder, "copies that fall behind")):
        if not share and link.transport != "tcp":
            missing.append(what)
    missing += ["clock drift", "storage latency"]
    if jit.JIT_DISABLED:
        missing.append("nothing is compiled in this run (NUMBA_DISABLE_JIT): slower, same bits")
    return tuple(missing)
