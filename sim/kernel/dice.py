"""Chance, keyed and never consumed: a draw is a hash of the seed and of what the draw is for.

Asking twice gives the same answer; asking for something else disturbs nothing. So a metric, a node or a fault that never
fires changes no other draw, and two protocols under one seed meet the same weather. The mixer is the finaliser of
SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, figure 16), once on Python integers and once for the compiled core.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from sim.kernel.jit import njit

MASK = 0xFFFF_FFFF_FFFF_FFFF
GOLDEN = 0x9E37_79B9_7F4A_7C15
_FIRST = 0xBF58_476D_1CE4_E5B9
_SECOND = 0x94D0_49BB_1331_11EB

_U30, _U27, _U31 = np.uint64(30), np.uint64(27), np.uint64(31)
_UFIRST, _USECOND, _UGOLDEN = np.uint64(_FIRST), np.uint64(_SECOND), np.uint64(GOLDEN)


def mix(word: int) -> int:
    """Scramble 64 bits so that every bit of the answer depends on every bit of `word`."""
    word = ((word ^ (word >> 30)) * _FIRST) & MASK
    word = ((word ^ (word >> 27)) * _SECOND) & MASK
    return word ^ (word >> 31)


@njit
def mix64(word: np.uint64) -> np.uint64:
    """`mix` for the compiled core (and, on arrays, for NumPy): the same bits."""
    word = (word ^ (word >> _U30)) * _UFIRST
    word = (word ^ (word >> _U27)) * _USECOND
    return word ^ (word >> _U31)


@njit
def draw64(key: np.uint64, word: np.uint64) -> np.uint64:
    """The 64 random bits that `key` gives to `word`; compiled twin of `draw`."""
    return mix64(key ^ (word * _UGOLDEN))


def draw(key: int, word: int) -> int:
    """The 64 random bits that `key` gives to `word` (both unsigned 64-bit)."""
    return mix(key ^ ((word * GOLDEN) & MASK))


@lru_cache(maxsize=65536)
def word_of(text: str) -> int:
    """A text as 64 bits, the same in every process (unlike `hash`)."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


class Dice:
    """All the chance of one run. Every method names its purpose first, then the keys that tell one draw from another."""

    __slots__ = ("_root", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._root = mix((seed & MASK) ^ word_of("medgossip"))

    def key(self, purpose: str, *parts: int | str) -> int:
        """Fold purpose and parts into one unsigned 64-bit key."""
        return self.continued(mix(self._root ^ word_of(purpose)), *parts)

    @staticmethod
    def continued(word: int, *parts: int | str) -> int:
        """Fold more parts into a key: `continued(key("a", 1), 2)` is `key("a", 1, 2)`."""
        for part in parts:
            number = word_of(part) if isinstance(part, str) else int(part)
            word ^= ((number + 1) & MASK) * GOLDEN & MASK  # `draw`, written out: a run asks for hundreds of keys
            word = ((word ^ (word >> 30)) * _FIRST) & MASK
            word = ((word ^ (word >> 27)) * _SECOND) & MASK
            word ^= word >> 31
        return word

    def uniform(self, purpose: str, *parts: int | str) -> float:
        """One number in [0, 1)."""
        return (self.key(purpose, *parts) >> 11) * 2.0**-53

    def below(self, bound: int, purpose: str, *parts: int | str) -> int:
        """One whole number in range(bound); the bias is under bound / 2**64."""
        return (self.key(purpose, *parts) * bound) >> 64

    def shuffled(self, count: int, purpose: str, *parts: int | str) -> list[int]:
        """range(count) in random order."""
        words = self.words(purpose, *parts, count=count)
        order: list[int] = np.argsort(words, kind="stable").tolist()
        return order

    def choice(self, wanted: int, count: int, purpose: str, *parts: int | str) -> list[int]:
        """`wanted` distinct members of range(count), ascending."""
        if not 0 < wanted < count:
            return list(range(count)) if wanted > 0 else []
        words = self.words(purpose, *parts, count=count)
        members: list[int] = np.flatnonzero(words <= np.partition(words, wanted - 1)[wanted - 1]).tolist()
        return members[:wanted]  # two words of one key are never equal: `words` mixes a different word for each place

    def words(self, purpose: str, *parts: int | str, count: int) -> NDArray[np.uint64]:
        """`count` words of 64 random bits; word i depends on i and the key only, never on `count`."""
        key = np.uint64(self.key(purpose, *parts))
        with np.errstate(over="ignore"):
            mixed: NDArray[np.uint64] = _mix_array(key ^ (np.arange(1, count + 1, dtype=np.uint64) * _UGOLDEN))
        return mixed

    def stream(self, purpose: str, *parts: int | str, count: int) -> NDArray[np.float64]:
        """`count` numbers in [0, 1), float64."""
        numbers: NDArray[np.float64] = (self.words(purpose, *parts, count=count) >> np.uint64(11)).astype(np.float64)
        return numbers * 2.0**-53


def _mix_array(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = (words ^ (words >> _U30)) * _UFIRST
    words = (words ^ (words >> _U27)) * _USECOND
    return words ^ (words >> _U31)
