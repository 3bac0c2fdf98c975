"""Same scenario, seed and version: the same bytes, in any process, under any hash seed, zone or folder, compiled or not.

A trace alone would tell too little, since a rumour leaves no rows but its publication: arrivals and the report count too.
"""

from __future__ import annotations

from pathlib import Path

import fresh_processes
import pytest
from fresh_processes import ROOT

PLAYED = {
    "a-chain-ignores-missing-data": "60 s",
    "cloned-sealers": "60 s",
    "blocks-too-close-together": "20 s",
    "silent-orderer": "20 s",
    "votes-held-back": "20 s",
    "mining-in-secret": "6 h",
    "mining-from-the-hub": "6 h",
    "paid-twice": "10 min",
    "two-equal-branches": "20 s",
    "checkpoints-that-bounce": "20 s",
    "one-hospital-slanders": "100 s",
}
"""How long what is slow to begin is played; the others for three seconds."""


def digests(path: Path, folder: Path, seed: int = 1, **environment: str) -> list[str]:
    return fresh_processes.digests(path, folder, seed, PLAYED.get(path.stem, "3 s"), **environment)


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.toml")), ids=lambda path: path.stem)
def test_the_bytes_are_the_same_everywhere(path: Path, tmp_path: Path) -> None:
    here = digests(path, ROOT, PYTHONHASHSEED="1", TZ="UTC")
    assert len(here[0]) == len(here[1]) == 32
    assert int(here[2]) > 50, "an empty run would prove nothing"
    assert digests(path, tmp_path, PYTHONHASHSEED="77", TZ="Pacific/Auckland") == here
    assert digests(path, tmp_path, PYTHONHASHSEED="0", NUMBA_DISABLE_JIT="1", PYTHONWARNINGS="ignore") == here


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    """The control: the digests do see a difference."""
    path = ROOT / "scenarios" / "raft-leader-crashes.toml"
    one, other = (digests(path, tmp_path, seed) for seed in (1, 2))
    assert one[0] != other[0]
    assert one[1] != other[1]
