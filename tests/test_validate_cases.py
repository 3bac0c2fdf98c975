"""Published and exact numbers: every case that can be played is a test, over the rows that `medgossip validate` prints.

Each is played with its quick number of runs; with its usual number under `-m thorough`.
"""

from __future__ import annotations

import pytest

from sim.study.validation.case import Case
from sim.study.validation.cases import all_cases
from sim.study.validation.judge import judged

PLAYED = [
    pytest.param(case, id=case.name.replace(" ", "-"), marks=[pytest.mark.slow] if case.name.startswith(("V67", "V74")) else [])
    for case in all_cases()
    if case.measure is not None
]
LONGER = [pytest.param(case, id=case.name.replace(" ", "-")) for case in all_cases() if case.runs > case.quick]


TOO_RARE = (
    "V74 double spending, q = 0.1, z = 6",
    "V78 2-D sampling, k = 32, 30 samples: P(detect)",
    "V79 1-D sampling, 2k = 128, 16 samples: P(fooled)",
)
"""What happens so seldom that a few runs cannot tell: they must say so, and all the runs (`-m thorough`) must decide it."""


@pytest.mark.parametrize("case", PLAYED)
def test_case(case: Case) -> None:
    row = judged(case, quick=True)
    assert row.verdict == ("unknown" if case.name in TOO_RARE else "pass"), row.text()


@pytest.mark.thorough
@pytest.mark.parametrize("case", LONGER)
def test_case_with_all_its_runs(case: Case) -> None:
    row = judged(case)
    assert row.verdict == "pass", row.text()
