"""GS1 EPCIS 2.0 events as minified JSON-LD: as many serials as fit, and a filler of our own namespace for the rest."""

from __future__ import annotations

import json
from typing import Any

STEPS = {
    "commission_case48": ("ADD", "commissioning", "active"),
    "aggregate_case": ("OBSERVE", "packing", "in_progress"),
    "ship_order": ("OBSERVE", "shipping", "in_transit"),
    "receive_confirm": ("OBSERVE", "receiving", "in_progress"),
    "receive_confirm_pharmacy": ("OBSERVE", "receiving", "in_progress"),
    "dispense_decommission": ("DELETE", "decommissioning", "inactive"),
    "suspect_or_recall_notice": ("OBSERVE", "holding", "recalled"),
    "cold_chain_sensor": ("OBSERVE", "sensor_reporting", "in_progress"),
}
"""(action, business step, disposition) by row of the tables."""
CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"medgossip": "https://medgossip.invalid/"}]


def epcis(row: str, name: str, size_bytes: int) -> bytes | None:
    """A document with one event of exactly that size; None where the row is no event or the size is too small."""
    step = STEPS.get(row)
    if step is None:
        return None
    least = len(_written(step, name, 1, ""))
    if size_bytes < least:
        return None
    each = len(_written(step, name, 3, "")) - len(_written(step, name, 2, ""))
    serials = 1 + min(9_000, (size_bytes - least) // (each + 4))
    lacking = size_bytes - len(_written(step, name, serials, ""))
    while lacking < 0:
        serials -= 1
        lacking = size_bytes - len(_written(step, name, serials, ""))
    return _written(step, name, serials, "x" * lacking)


def _written(step: tuple[str, str, str], name: str, serials: int, filler: str) -> bytes:
    action, business_step, disposition = step
    event: dict[str, Any] = {
        "type": "ObjectEvent", "eventTime": "2030-01-07T08:00:00Z", "eventTimeZoneOffset": "+00:00",
        "epcList": [f"urn:epc:id:sgtin:9999999.099999.{1_000_000 + serial}" for serial in range(serials)],
        "action": action, "bizStep": business_step, "disposition": disposition,
        "readPoint": {"id": "urn:epc:id:sgln:9999999.00000.0"}, "medgossip:filler": filler,
    }  # fmt: skip
    document = {"@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2030-01-07T08:00:00Z",
                "id": f"medgossip:{name}", "epcisBody": {"eventList": [event]}}  # fmt: skip
    return json.dumps(document, separators=(",", ":")).encode()
