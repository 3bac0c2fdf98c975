"""Polynomial commitments for real: blobs are committed to, extended into 128 cells that prove themselves, and rebuilt from half.

Consensus specifications, fulu/polynomial-commitments-sampling; deneb/polynomial-commitments. The arithmetic is that of the
library `ckzg` (extra `kzg`, the one Ethereum's clients use) under a setup whose secret is known (`sim.availability.setup`). A blob
holds 4,096 numbers below the group's order, so 31 of each 32 bytes are text.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sim.availability import setup
from sim.kernel.errors import ScenarioError

try:
    import ckzg
except ImportError:
    ckzg = None

CELLS, ENOUGH = 128, 64
_NUMBERS, _NUMBER_BYTES = 4096, 32
TEXT_BYTES = _NUMBERS * (_NUMBER_BYTES - 1)
"""Of any text that fit into one blob."""


def check_installed() -> None:
    """ScenarioError where the library is missing."""
    if ckzg is None:
        why = "real commitments want the library ckzg, which is not installed; pip install 'medgossip[kzg]'"
        raise ScenarioError(why, "contents")


@cache
def _trusted() -> Any:
    """The library's setup, made once a process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "setup.txt"
        path.write_text(setup.text())
        return ckzg.load_trusted_setup(str(path), 0)


@dataclass(frozen=True)
class Committed:
    """Blobs with their commitments; column i has the i-th cell of each and its proof."""

    commitments: tuple[bytes, ...]
    cells: tuple[tuple[bytes, ...], ...]
    """By blob, then by column; 2,048 bytes each."""
    proofs: tuple[tuple[bytes, ...], ...]

    def column(self, index: int) -> tuple[bytes, ...]:
        """The cells of one column."""
        return tuple(row[index] for row in self.cells)

    def opens(self, index: int, cells: Sequence[bytes]) -> bool:
        """Whether these cells are the column that was committed to, as its proofs tell."""
        count = len(self.commitments)
        proofs = [row[index] for row in self.proofs]
        return bool(ckzg.verify_cell_kzg_proof_batch(list(self.commitments), [index] * count, list(cells), proofs, _trusted()))


def blobs_of(text: bytes) -> list[bytes]:
    """A text as blobs, zeros behind its end."""
    step = _NUMBER_BYTES - 1
    padded = text.ljust(max(1, -(-len(text) // TEXT_BYTES)) * TEXT_BYTES, b"\0")
    numbers = [b"\0" + padded[at : at + step] for at in range(0, len(padded), step)]
    return [b"".join(numbers[at : at + _NUMBERS]) for at in range(0, len(numbers), _NUMBERS)]


def text_of(blobs: Sequence[bytes], size_bytes: int) -> bytes:
    """The text of so many bytes that lies in these blobs."""
    whole = b"".join(blobs)
    return b"".join(whole[at + 1 : at + _NUMBER_BYTES] for at in range(0, len(whole), _NUMBER_BYTES))[:size_bytes]


def committed(text: bytes) -> Committed:
    """Commit to a text and make all columns with their proofs: about a third of a second a blob."""
    trusted = _trusted()
    commitments, cells, proofs = [], [], []
    for blob in blobs_of(text):
        commitments.append(ckzg.blob_to_kzg_commitment(blob, trusted))
        found, proving = ckzg.compute_cells_and_kzg_proofs(blob, trusted)
        cells.append(tuple(found))
        proofs.append(tuple(proving))
    return Committed(tuple(commitments), tuple(cells), tuple(proofs))


def rebuilt(columns: Mapping[int, Sequence[bytes]], size_bytes: int) -> bytes:
    """The text from at least half of the columns; ValueError from fewer."""
    indices = sorted(columns)
    if len(indices) < ENOUGH:
        raise ValueError(f"{len(indices)} columns were given, {ENOUGH} are needed")
    blobs = []
    for row in range(len(columns[indices[0]])):
        cells, _ = ckzg.recover_cells_and_kzg_proofs(indices, [columns[index][row] for index in indices], _trusted())
        blobs.append(b"".join(cells[:ENOUGH]))
    return text_of(blobs, size_bytes)
