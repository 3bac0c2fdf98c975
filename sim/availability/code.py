"""Reed-Solomon over GF(256): a text of bytes as n fragments, any k of which give it back.

The systematic code of Rizzo ("Effective erasure codes for reliable computer communication protocols", CCR 1997, section 4): the
first k fragments are the text itself, the others are products with a Vandermonde matrix whose top was made the identity; field
polynomial 0x11d. The library `zfec` (extra `erasure`) computes the very same bytes about ten times faster and is used where it is
installed; NumPy does it everywhere. At most 256 fragments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

MOST_PIECES = 256
_POLYNOMIAL = 0x11D
Bytes = NDArray[np.uint8]

try:
    import zfec
except ImportError:
    zfec = None


class Unrecoverable(ValueError):
    """Too few fragments, or fragments that cannot belong together."""


@cache
def _logarithms() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(powers of 2, twice round; the exponent of each number but 0)."""
    powers, logs = np.zeros(510, np.int64), np.zeros(256, np.int64)
    value = 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logs[value] = exponent
        value <<= 1
        if value & 256:
            value ^= _POLYNOMIAL
    return powers, logs


@cache
def products() -> Bytes:
    """uint8[256, 256]: the multiplication table of the field."""
    powers, logs = _logarithms()
    table: Bytes = powers[logs[:, None] + logs[None, :]].astype(np.uint8)
    table[0, :] = table[:, 0] = 0
    return table


def times(left: Bytes, right: Bytes) -> Bytes:
    """The product of two matrices over the field."""
    table = products()
    out = np.zeros((left.shape[0], right.shape[1]), np.uint8)
    for column in range(left.shape[1]):
        out ^= table[left[:, column][:, None], right[column][None, :]]
    return out


def inverse(matrix: Bytes) -> Bytes:
    """The inverse of a square matrix over the field; raises Unrecoverable where there is none."""
    powers, logs = _logarithms()
    table, size = products(), matrix.shape[0]
    work = np.concatenate([matrix.copy(), np.eye(size, dtype=np.uint8)], axis=1)
    for place in range(size):
        pivots = np.flatnonzero(work[place:, place])
        if not pivots.size:
            raise Unrecoverable("the fragments do not determine the text")
        pivot = place + int(pivots[0])
        work[[place, pivot]] = work[[pivot, place]]
        work[place] = table[int(powers[(255 - logs[work[place, place]]) % 255]), work[place]]
        factors = work[:, place].copy()
        factors[place] = 0
        work ^= table[factors[:, None], work[place][None, :]]
    return work[:, size:]


@cache
def generator(pieces: int, enough: int) -> Bytes:
    """uint8[pieces, enough]: fragment i is row i times the text's k parts. Raises Unrecoverable for impossible numbers."""
    if not 1 <= enough <= pieces <= MOST_PIECES:
        raise Unrecoverable(f"{enough} of {pieces} is no code: 1 <= enough <= pieces <= {MOST_PIECES} is wanted")
    powers, _ = _logarithms()
    rows, columns = np.arange(pieces - 1)[:, None], np.arange(enough)[None, :]
    vandermonde = np.zeros((pieces, enough), np.uint8)
    vandermonde[0, 0] = 1
    vandermonde[1:] = powers[rows * columns % 255]
    return times(vandermonde, inverse(vandermonde[:enough]))


def parts_of(text: bytes, enough: int) -> Bytes:
    """uint8[enough, ...]: the text in equal parts, zeros behind its end."""
    width = max(1, -(-len(text) // enough))
    padded = np.zeros(width * enough, np.uint8)
    padded[: len(text)] = np.frombuffer(text, np.uint8)
    return padded.reshape(enough, width)


def encode(text: bytes, pieces: int, enough: int) -> tuple[bytes, ...]:
    """All fragments of a text, each of len(text) / enough bytes, rounded up."""
    matrix = generator(pieces, enough)
    parts = parts_of(text, enough)
    if zfec is not None and pieces > 1:
        return tuple(zfec.Encoder(enough, pieces).encode([part.tobytes() for part in parts]))
    parity = times(matrix[enough:], parts)
    return tuple(part.tobytes() for part in (*parts, *parity))


def decode(fragments: Mapping[int, bytes], pieces: int, enough: int, size_bytes: int) -> bytes:
    """The text of `size_bytes` bytes from fragments by number; raises Unrecoverable where fewer than `enough` are given."""
    width = max(1, -(-size_bytes // enough))
    chosen: Sequence[int] = sorted(number for number in fragments if 0 <= number < pieces)[:enough]
    if len(chosen) < enough:
        raise Unrecoverable(f"{len(chosen)} fragments were given, {enough} are needed")
    if any(len(fragments[number]) != width for number in chosen):
        raise Unrecoverable(f"a fragment of this text has {width} bytes")
    if zfec is not None and pieces > 1:
        return b"".join(zfec.Decoder(enough, pieces).decode([fragments[number] for number in chosen], chosen))[:size_bytes]
    known = np.stack([np.frombuffer(fragments[number], np.uint8) for number in chosen])
    return times(inverse(generator(pieces, enough)[list(chosen)]), known).tobytes()[:size_bytes]
