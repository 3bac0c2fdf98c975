"""The protocols that claim certainty, with timers that fit blocks every 200 ms, and how many seats it takes for one of them to lie."""

from __future__ import annotations

from typing import Any

from sim.consensus.algorand import Algorand
from sim.consensus.aura import Aura
from sim.consensus.clique import Clique
from sim.consensus.dag.bullshark import Bullshark
from sim.consensus.dag.mysticeti import Mysticeti
from sim.consensus.fabric.pipeline import Fabric
from sim.consensus.gasper import Gasper
from sim.consensus.honeybadger import HoneyBadger
from sim.consensus.hotstuff.basic import HotStuff
from sim.consensus.hotstuff.chained import ChainedHotStuff
from sim.consensus.hotstuff.jolteon import Jolteon
from sim.consensus.hotstuff.two_phases import HotStuff2
from sim.consensus.ibft import IBFT2
from sim.consensus.nakamoto import GHOST, Nakamoto
from sim.consensus.pbft import PBFT
from sim.consensus.praos import Praos
from sim.consensus.qbft import QBFT
from sim.consensus.raft import Raft
from sim.consensus.simplex import Simplex
from sim.consensus.smartbft import SmartBFT
from sim.consensus.snowman import Snowman
from sim.consensus.streamlet import Streamlet
from sim.consensus.tendermint import Tendermint
from sim.consensus.votor import Votor

MS = 1_000_000
_PATIENCE = 500 * MS
_SMART = SmartBFT(forward=100 * MS, complain=400 * MS, resend=200 * MS, view_change=500 * MS)
_RAFT = Raft(election_timeout=200 * MS, heartbeat=50 * MS)
TIMED: dict[str, Any] = {
    "pbft": PBFT(patience=_PATIENCE),
    "qbft": QBFT(patience=_PATIENCE),
    "ibft2": IBFT2(patience=_PATIENCE),
    "smartbft": _SMART,
    "tendermint": Tendermint(propose=300 * MS, prevote=100 * MS, precommit=100 * MS, growth=50 * MS, commit=0),
    "simplex": Simplex(delta=150 * MS),
    "streamlet": Streamlet(delta=100 * MS),
    "hotstuff": HotStuff(patience=_PATIENCE),
    "hotstuff-2": HotStuff2(patience=_PATIENCE, delta=200 * MS),
    "chained-hotstuff": ChainedHotStuff(patience=_PATIENCE),
    "jolteon": Jolteon(patience=_PATIENCE),
    "alpenglow": Votor(delta=100 * MS, block_time=100 * MS, patience=200 * MS),
    "algorand": Algorand(filter=100 * MS, deadline=500 * MS),
    "honeybadger": HoneyBadger(resend=300 * MS),
    "bullshark": Bullshark(patience=200 * MS, resend=300 * MS),
    "mysticeti": Mysticeti(patience=200 * MS, resend=300 * MS),
    "gasper": Gasper(slot=200 * MS, slots_per_epoch=4),
    "raft": _RAFT,
    "fabric": Fabric(ordering=_RAFT, organisations=2),
    "fabric-smartbft": Fabric(ordering=_SMART, organisations=2),
}
FORKING: dict[str, Any] = {
    "nakamoto": Nakamoto(depth=8),
    "ghost": GHOST(depth=8),
    "praos": Praos(depth=8, slot=400 * MS, active=0.2),
    "clique": Clique(wiggle=20 * MS),
    "aura": Aura(step=2_000 * MS),
}
"""Chains whose decisions are only probably final: one of six seats is a pool, or two for the control."""
PACE = dict.fromkeys(("nakamoto", "ghost", "praos", "aura"), 10)
"""How many times slower all but the links is. A block that was kept from a node is asked for a second after its child has come,
which must be less than a block's time: with five blocks a second Aura's authorities do not share the synchrony that it assumes."""
SAMPLED: dict[str, Any] = {
    "snowman": Snowman(sample=5, alpha=4, alpha_confidence=4, beta=20, patience=400 * MS, window=500 * MS),
}
"""Certain but for a chance that four numbers set."""
CRASH_ONLY = ("raft", "fabric")
SEATS = {"alpenglow": 6, "raft": 5, **dict.fromkeys(FORKING, 6), "snowman": 7}
"""How many, where not four: one of four is more than Alpenglow bears, and two leaders can fall in a row among five."""
