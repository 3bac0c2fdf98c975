"""What is inside the fragments: real bytes with a real code and real proofs, or only whether they are what they should be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sim.availability import code
from sim.kernel.dice import Dice
from sim.ledger.multiproof import Multiproof, prove_many, root_of, verify_many

if TYPE_CHECKING:
    from sim.availability.erasure import Erasure
    from sim.availability.store import Thing


class Contents:
    """The bytes of a run's objects, where the scenario wants them real."""

    def __init__(self, scheme: Erasure, dice: Dice) -> None:
        self._scheme, self._dice = scheme, dice
        self._real = scheme.contents == "real"
        self._fragments: dict[int, list[bytes]] = {}
        self._proofs: dict[int, list[Multiproof]] = {}
        self._roots: dict[int, str] = {}

    def text(self, thing: Thing) -> bytes:
        """The object's own bytes, drawn again whenever they are wanted."""
        words = self._dice.words("object", thing.digest, count=-(-thing.size_bytes // 8))
        return words.astype("<u8").tobytes()[: thing.size_bytes]

    def make(self, thing: Thing) -> None:
        """Code an object and prove each fragment under its root."""
        if not self._real:
            return
        fragments = list(code.encode(self.text(thing), self._scheme.pieces, self._scheme.enough))
        self._roots[thing.number] = root_of(fragments)
        self._proofs[thing.number] = [prove_many(fragments, [place]) for place in range(len(fragments))]
        self._fragments[thing.number] = fragments

    def spoil(self, thing: Thing, fragment: int) -> None:
        """One bit of a fragment has turned over where it lies."""
        if self._real:
            text = self._fragments[thing.number][fragment]
            self._fragments[thing.number][fragment] = self._turned(text, thing, fragment)

    def mend(self, thing: Thing, fragment: int) -> None:
        """The fragment was rebuilt."""
        if self._real:
            made = code.encode(self.text(thing), self._scheme.pieces, self._scheme.enough)
            self._fragments[thing.number][fragment] = made[fragment]

    def is_sound(self, thing: Thing, fragment: int, altered: bool) -> bool:
        """Whether what a holder sends belongs to the object; `altered`: the holder turns a bit over before sending."""
        if not self._real:
            return thing.sound[fragment] and not altered
        text = self._fragments[thing.number][fragment]
        if altered:
            text = self._turned(text, thing, fragment)
        return verify_many({fragment: text}, self._proofs[thing.number][fragment], self._roots[thing.number])

    def rebuilds(self, thing: Thing, fragments: Iterable[int]) -> bool:
        """Whether these fragments give the object's own bytes."""
        if not self._real:
            return True
        known = self._fragments[thing.number]
        scheme = self._scheme
        try:
            text = code.decode({number: known[number] for number in fragments}, scheme.pieces, scheme.enough, thing.size_bytes)
        except code.Unrecoverable:
            return False
        return text == self.text(thing)

    def _turned(self, text: bytes, thing: Thing, fragment: int) -> bytes:
        bit = self._dice.below(8 * len(text), "rotten bit", thing.digest, fragment)
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)
