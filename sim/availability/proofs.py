"""What it costs to know that a share belongs to the data, by way of proving. Sizes from the field's specifications, times measured.

A KZG commitment and a proof have 48 bytes each (consensus specifications, fulu/polynomial-commitments-sampling). Times are those of ckzg
2.1.8 on one core of the machine on which the other service times were measured: 4.8 ms and 0.27 ms a cell to check a column, 480 ms a
blob of 128 KiB to rebuild it from half of its cells with all proofs, 70 ms to commit to it, 250 ms to make all cells with their proofs,
5.3 ms to make the cells alone. The cells of one column are checked in one batch, columns one by one as they come. On a quieter
machine the same version took 0.64 of that: 2.9 ms and 0.22 ms a cell, 302 ms a blob; `medgossip calibrate` measures it where it
stands, `sim.availability.kzg` does it for real. A line that is less than a blob costs its part: proofs of all cells are nearly all
of the work and grow with the line. A Merkle path costs 32 bytes a level and a hash a level to check, and says nothing about the code:
who rebuilds must compare, and prove a wrong code to the others (Al-Bassam, Sonnino, Buterin 2018, section 5).
"""

from __future__ import annotations

from typing import Literal

Proof = Literal["kzg", "merkle"]
KZG_BYTES = 48
HASH_BYTES = 32
CELL_BYTES = 2048
BLOB_BYTES = 131_072
HEADER_BYTES = 336
"""Of a column: the signed block header, the inclusion proof of its commitments, slot and index."""
_COLUMN_NS, _CELL_NS, _LEVEL_NS = 4_800_000, 270_000, 600
_REBUILD_KZG_NS, _REBUILD_NS = 480_000_000, 9_000_000
_COMMIT_NS, _PROVE_NS, _EXTEND_NS, _CODE_NS = 70_000_000, 250_000_000, 5_300_000, 6_400_000


def cells_of(size_bytes: int) -> int:
    """Blobs of 128 KiB, begun ones counted, that data of this size are; a column has one cell of each."""
    return -(-size_bytes // BLOB_BYTES)


def proof_bytes(proof: Proof, size_bytes: int, shares: int) -> int:
    """Bytes that travel with a share so that it can be checked."""
    if proof == "merkle":
        return HASH_BYTES * (shares - 1).bit_length() + HEADER_BYTES
    return 2 * KZG_BYTES * cells_of(size_bytes) + HEADER_BYTES


def check_ns(proof: Proof, size_bytes: int, shares: int) -> int:
    """CPU time to check a share."""
    if proof == "merkle":
        return _LEVEL_NS * (shares - 1).bit_length()
    return _COLUMN_NS + _CELL_NS * cells_of(size_bytes)


def commit_ns(proof: Proof, size_bytes: int, proved: bool = False) -> int:
    """CPU time to code data and prove each share: with polynomial commitments, or only the bytes (zfec, 128 of 64).

    `proved`: commitments and proofs came with the data, which is only extended.
    """
    if proof == "merkle":
        return _CODE_NS * size_bytes // BLOB_BYTES
    return (_EXTEND_NS if proved else _COMMIT_NS + _PROVE_NS) * size_bytes // BLOB_BYTES


def rebuild_ns(proof: Proof, size_bytes: int) -> int:
    """CPU time to rebuild all data from half of it: with new proofs of each cell, or only the bytes (zfec, 128 of 64)."""
    return (_REBUILD_NS if proof == "merkle" else _REBUILD_KZG_NS) * size_bytes // BLOB_BYTES
