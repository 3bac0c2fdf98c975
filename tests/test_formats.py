"""Bodies in the formats of the field have their shape and exactly their size, and are what is sealed where a scenario asks for it."""

from __future__ import annotations

import json

import pytest
from health_world import HALF, IslandWorld
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.health.consent import Consent
from sim.health.formats.epcis import STEPS, epcis
from sim.health.formats.fhir import WRITERS, fhir
from sim.health.formats.shaped import shaped
from sim.health.formats.x12 import MOST_NOTE, ROWS, x12
from sim.health.provenance import Provenance
from sim.health.records import Record, Vault
from sim.health.trials import Trials
from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError

NAME = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("row", WRITERS)
@pytest.mark.parametrize("size_bytes", [1500, 1501, 33_673])
def test_fhir_has_its_size_and_its_type(row: str, size_bytes: int) -> None:
    body = fhir(row, NAME, size_bytes)
    assert body is not None and len(body) == size_bytes
    assert json.loads(body)["resourceType"] in (
        "Bundle",
        "Observation",
        "Consent",
        "Encounter",
        "AuditEvent",
        "QuestionnaireResponse",
        "AdverseEvent",
        "Immunization",
    )


@pytest.mark.parametrize("row", WRITERS)
def test_fhir_holds_against_the_published_models(row: str) -> None:
    models = pytest.importorskip("fhir.resources.R4B", reason="the extra 'fhir' is not installed")
    body = fhir(row, NAME, 2000)
    assert body is not None
    resource = json.loads(body)
    models.get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    del resource["status" if "status" in resource else "type" if "type" in resource else "actuality"]
    with pytest.raises(ValueError, match="validation error"):
        models.get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@settings(max_examples=60, deadline=None)
@given(st.integers(700, 9000))
def test_x12_has_its_size_and_its_counts(size_bytes: int) -> None:
    body = x12("claim_837", NAME, size_bytes)
    if body is None:
        assert size_bytes < 1100
        return
    assert len(body) == size_bytes
    segments = body.decode("ascii").split("~")
    assert segments.pop() == ""
    assert len(segments[0]) == 105 and segments[0].startswith("ISA*00*")  # the one segment of fixed length, with its ~ 106
    names = [segment.split("*")[0] for segment in segments]
    assert names[:3] == ["ISA", "GS", "ST"] and names[-3:] == ["SE", "GE", "IEA"]
    first, last = names.index("ST"), names.index("SE")
    assert int(segments[last].split("*")[1]) == last - first + 1
    assert segments[0].split("*")[13] == segments[-1].split("*")[2]
    assert segments[first].split("*")[2] == segments[last].split("*")[2]
    assert all(1 <= len(one.split("*")[2]) <= MOST_NOTE for one in segments if one.startswith("NTE"))


@pytest.mark.parametrize("row", STEPS)
@pytest.mark.parametrize("size_bytes", [700, 981, 3566, 27_326])
def test_epcis_has_its_size_and_its_parts(row: str, size_bytes: int) -> None:
    body = epcis(row, NAME, size_bytes)
    assert body is not None and len(body) == size_bytes
    document = json.loads(body)
    [event] = document["epcisBody"]["eventList"]
    assert document["type"] == "EPCISDocument" and document["schemaVersion"] == "2.0"
    assert event["type"] == "ObjectEvent" and event["action"] in ("ADD", "OBSERVE", "DELETE")
    assert len(event["epcList"]) == len(set(event["epcList"])) >= 1 and all(
        one.startswith("urn:epc:id:sgtin:") for one in event["epcList"]
    )


def test_rows_without_a_writer_and_sizes_without_room_have_no_body() -> None:
    assert shaped("no such row", NAME, 1000) is None
    assert (
        shaped("consent_grant", NAME, 20) is None and shaped(ROWS[0], NAME, 20) is None and shaped("ship_order", NAME, 20) is None
    )


def test_what_is_sealed_is_the_body() -> None:
    vault = Vault(Dice(1), "x", "real", in_shape=True)
    record = Record(NAME, "ed_visit_bundle", 0)
    opened = vault.open(record, vault.sealed(record, 0, 5000).ciphertext)
    assert json.loads(opened)["resourceType"] == "Bundle" and len(opened) == 5000 - 28


def test_a_run_with_real_bodies_comes_to_the_same_and_stand_ins_have_none() -> None:
    plain = {"compression": 24, "start_hour": 10}
    outcomes = [
        IslandWorld(20, HALF).run(Trials(**plain, **more))[0]  # type: ignore[arg-type]
        for more in ({}, {"encrypt": "real"}, {"encrypt": "real", "content": "shaped"})
    ]
    assert outcomes[0]["submitted"] > 5
    assert outcomes[0] == outcomes[1] == outcomes[2]
    for part in (Consent, Provenance):
        with pytest.raises(ScenarioError, match="encrypt"):
            part(content="shaped")
