"""Same scenario, seed and version: the same bytes, in any process, under any hash seed, zone or folder, compiled or not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = """
import dataclasses, sys, sim
scenario = sim.load(sys.argv[1])
faults = tuple(dataclasses.replace(one, at=10**9, lasts=10**9) for one in scenario.fault)
report = sim.run(scenario.but(duration="{duration}", heal=0, trace="wire", fault=faults))
print(report.to_dict()["medgossip"]["trace_digest"])
"""


def digest(path: Path, duration: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(duration=duration), str(path)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.toml")), ids=lambda path: path.stem)
def test_the_digest_is_the_same_everywhere(path: Path, tmp_path: Path) -> None:
    here = digest(path, "3 s", ROOT, PYTHONHASHSEED="1")
    assert len(here) == 32
    assert digest(path, "3 s", tmp_path, PYTHONHASHSEED="77", TZ="Pacific/Auckland") == here
    assert digest(path, "3 s", tmp_path, PYTHONHASHSEED="0", NUMBA_DISABLE_JIT="1", PYTHONWARNINGS="ignore") == here
