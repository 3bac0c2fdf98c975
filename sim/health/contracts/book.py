"""Which contract executes which family of transactions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sim.health.contracts.claims import claims
from sim.health.contracts.consent import consent
from sim.health.contracts.credentials import credentials
from sim.health.contracts.imaging import imaging
from sim.health.contracts.monitoring import monitoring
from sim.health.contracts.provenance import provenance
from sim.health.contracts.public_health import public_health
from sim.health.contracts.records import records
from sim.health.contracts.supply import supply
from sim.health.contracts.trials import trials
from sim.ledger.machine import Contract

CONTRACTS: Mapping[str, Contract] = MappingProxyType(
    {
        "claims": claims,
        "consent": consent,
        "credentials": credentials,
        "imaging": imaging,
        "monitoring": monitoring,
        "provenance": provenance,
        "public_health": public_health,
        "record_anchor": records,
        "supply": supply,
        "trials": trials,
    }
)
