"""The body of a row in the format that its standard names, where one of our writers has it."""

from __future__ import annotations

from sim.health.formats.epcis import epcis
from sim.health.formats.fhir import fhir
from sim.health.formats.x12 import x12


def shaped(row: str, name: str, size_bytes: int) -> bytes | None:
    """A body of exactly `size_bytes` for a row of the tables (FHIR R4B JSON, X12 837P, EPCIS 2.0 JSON); None where there is none."""
    for writer in (fhir, x12, epcis):
        body = writer(row, name, size_bytes)
        if body is not None:
            return body
    return None
