"""Who plays whom: the actors of the tables, and the roles of the seats that play them.

Rates are per actor and day, and the tables count actors in a reference network (R48). A seat stands for as many actors as there are
for each seat of its role there: half an auditor at each of two regulators, two researchers at a sponsor. So the reference network
has the tables' load, and any other network a load that grows with its seats of each role (the tables' own way: R48 x 510).
"""

from __future__ import annotations

from collections.abc import Mapping

from sim.net.places import R48

ROLE_OF: Mapping[str, str] = {
    "site_hospital": "hospital",
    "hospital_pharmacy": "hospital",
    "patient_wallet": "hospital",
    "device_gateway": "hospital",
    "university": "hospital",
    "imaging_centre": "clinic",
    "central_lab": "lab",
    "sequencing_lab": "lab",
    "wholesaler_dc": "wholesaler",
    "rpm_vendor": "manufacturer",
    "sponsor_cro": "sponsor",
    "researcher": "sponsor",
    "irb_dsmb": "regulator",
    "licensing_board": "regulator",
    "auditor_regulator": "regulator",
    "public_health": "regulator",
    "regulator_public_health": "regulator",
    "data_access_committee": "regulator",
    "clearinghouse": "hie",
    "hie_registry": "hie",
}
"""The role of the seats that play an actor of the tables, or that light clients such as wallets are bound to."""


def role_of(actor: str) -> str:
    """The role of the seats that play an actor; an actor that is not listed is a role of the same name."""
    return ROLE_OF.get(actor, actor)


def seats_of(actor: str, roles: tuple[str, ...]) -> list[int]:
    """The seats that play an actor. In a network without any role of the tables every seat plays every part."""
    found = [seat for seat, role in enumerate(roles) if role == role_of(actor)]
    if not found and not any(role in R48 for role in roles):
        return list(range(len(roles)))
    return found
