"""Group B: SimBlock's published model, as a scenario."""

from __future__ import annotations

from sim.study.validation.case import Case, Within

_SOURCE = "REF: SimBlock 5fc7f9f7, 2015 tables"
CASES = tuple(
    Case(
        id="V38",
        what=f"SimBlock, {name}: median time to half of the nodes",
        unit="ms",
        source=_SOURCE,
        expected=expected,
        rule=Within(0.05),
        missing="SimBlock's upload rule (the next upload begins when the last has arrived), rates per region, a law per pair",
    )
    for name, expected in (("Litecoin", 826), ("Dogecoin", 745))
)
