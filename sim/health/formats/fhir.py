"""HL7 FHIR R4B resources as minified JSON (hl7.org/fhir/R4B); a narrative fills each up to its size. All persons are invented."""

from __future__ import annotations

import json
from typing import Any

INSTANT = "2030-01-07T08:00:00Z"
CONCEPT = {"text": "invented"}


def _patient(name: str) -> dict[str, str]:
    return {"reference": f"Patient/{name}"}


def _observation(name: str) -> dict[str, Any]:
    code = {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]}
    value = {"value": 72, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min"}
    return {"resourceType": "Observation", "id": name, "status": "final", "code": code, "subject": _patient(name),
            "effectiveDateTime": INSTANT, "valueQuantity": value}  # fmt: skip


def _consent(name: str) -> dict[str, Any]:
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    category = {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}
    return {"resourceType": "Consent", "id": name, "status": "active", "scope": scope, "category": [category],
            "patient": _patient(name), "dateTime": INSTANT, "policyRule": CONCEPT}  # fmt: skip


def _encounter(name: str) -> dict[str, Any]:
    kind = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return {"resourceType": "Encounter", "id": name, "status": "finished", "class": kind, "subject": _patient(name),
            "period": {"start": INSTANT, "end": INSTANT}}  # fmt: skip


def _bundle(name: str) -> dict[str, Any]:
    entries = [
        {"fullUrl": f"urn:medgossip:{name}:{place}", "resource": one}
        for place, one in enumerate((_encounter(name), _observation(name)))
    ]
    return {"resourceType": "Bundle", "id": name, "type": "collection", "timestamp": INSTANT, "entry": entries}


def _audit_event(name: str) -> dict[str, Any]:
    return {"resourceType": "AuditEvent", "id": name, "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110110"},
            "action": "R", "recorded": INSTANT, "agent": [{"who": {"display": name}, "requestor": True}],
            "source": {"observer": {"display": "invented"}}}  # fmt: skip


def _form(name: str) -> dict[str, Any]:
    return {"resourceType": "QuestionnaireResponse", "id": name, "status": "completed", "subject": _patient(name), "authored": INSTANT,
            "item": [{"linkId": "1", "answer": [{"valueInteger": 3}]}]}  # fmt: skip


def _adverse_event(name: str) -> dict[str, Any]:
    return {
        "resourceType": "AdverseEvent",
        "id": name,
        "actuality": "actual",
        "subject": _patient(name),
        "date": INSTANT,
        "event": CONCEPT,
    }


def _immunization(name: str) -> dict[str, Any]:
    return {"resourceType": "Immunization", "id": name, "status": "completed", "vaccineCode": CONCEPT, "patient": _patient(name),
            "occurrenceDateTime": INSTANT}  # fmt: skip


WRITERS = {
    "trial_consent": _consent, "consent_grant": _consent, "consent_revoke": _consent, "ecrf_form_submit": _form, "lab_result": _observation,
    "sae_report": _adverse_event, "inpatient_stay_bundle": _bundle, "ed_visit_bundle": _bundle, "ambulatory_visit_bundle": _bundle,
    "clinic_visit_bundle": _bundle, "lab_result_oru": _observation, "audit_event": _audit_event, "break_glass_access": _audit_event,
    "rpm_reading": _observation, "cgm_reading": _observation, "ecg_strip_30s": _observation, "telehealth_session_record": _encounter,
    "immunisation": _immunization, "summary": _bundle, "ecr_case_report": _bundle,
}  # fmt: skip
"""By row of the tables."""


def fhir(row: str, name: str, size_bytes: int) -> bytes | None:
    """A resource of exactly that size; None where the row has no resource here or the size is too small for it."""
    writer = WRITERS.get(row)
    if writer is None:
        return None
    resource = writer(name)
    host = resource["entry"][0]["resource"] if resource["resourceType"] == "Bundle" else resource
    host["text"] = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">.</div>'}
    lacking = size_bytes - len(_written(resource))
    if lacking < 0:
        return None
    host["text"]["div"] = f'<div xmlns="http://www.w3.org/1999/xhtml">.{"x" * lacking}</div>'
    return _written(resource)


def _written(resource: dict[str, Any]) -> bytes:
    return json.dumps(resource, separators=(",", ":")).encode()
