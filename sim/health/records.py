"""The ground truth about records: which versions exist, where their copies were put, which of them are final.

A record is a kind, a size and a pseudonym drawn from the dice; there is no patient. Contents are drawn again whenever they are
needed instead of being kept. In the modelled way a stand-in of 64 bytes is sealed for a content of any size.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.health.formats.shaped import shaped
from sim.kernel.dice import Dice
from sim.ledger.crypt import KEY_BYTES, NONCE_BYTES, OVERHEAD_BYTES, Sealed, bytes_of, digest_of, open_sealed, seal

_STAND_IN_BYTES = 64


@dataclass(eq=False, slots=True)
class Version:
    """One version of a record, its sealed copies and its anchor."""

    number: int
    size_bytes: int
    """Of the ciphertext."""
    digest: str
    anchored_hash: str
    """The salted hash that the chain vouches for."""
    holders: tuple[int, ...]
    tx_id: str = ""
    submitted_ns: int = 0
    final_ns: int = -1
    """When the anchor was final at its source; -1 not yet."""


@dataclass(eq=False, slots=True)
class Record:
    """One encounter's record with its versions, oldest first."""

    pseudonym: str
    kind: str
    source: int
    versions: list[Version] = field(default_factory=list)

    @property
    def newest_final(self) -> int:
        """The number of the newest version whose anchor is final at the source; -1 for none."""
        return max((version.number for version in self.versions if version.final_ns >= 0), default=-1)


class Vault:
    """Keys, salts and contents of all records of one workload, as functions of the dice."""

    def __init__(self, dice: Dice, name: str, way: str, in_shape: bool = False) -> None:
        self._in_shape = in_shape
        self._dice = dice
        self._name = name
        self.way = way

    def key(self, record: Record) -> bytes:
        """The key of a record, which those who may read it have."""
        return bytes_of(self._dice, KEY_BYTES, "record key", self._name, record.pseudonym)

    def salt(self, record: Record) -> bytes:
        """The salt of a record's published hashes, handed out with the key."""
        return bytes_of(self._dice, 16, "record salt", self._name, record.pseudonym)

    def sealed(self, record: Record, number: int, size_bytes: int) -> Sealed:
        """The genuine ciphertext of a version whose ciphertext weighs `size_bytes`."""
        key = (self._name, record.pseudonym, number)
        plain_bytes = size_bytes - OVERHEAD_BYTES if self.way == "real" else _STAND_IN_BYTES
        content = shaped(record.kind, record.pseudonym, plain_bytes) if self._in_shape else None
        if content is None:
            content = bytes_of(self._dice, plain_bytes, "record content", *key)
        nonce = bytes_of(self._dice, NONCE_BYTES, "record nonce", *key)
        return seal(content, self.key(record), nonce, self.way)

    def anchored_hash(self, record: Record, ciphertext: bytes) -> str:
        """What the chain says about a ciphertext."""
        return digest_of(ciphertext, self.salt(record))

    def open(self, record: Record, ciphertext: bytes) -> bytes:
        """The content; raises Tampered."""
        return open_sealed(Sealed(ciphertext, digest_of(ciphertext)), self.key(record), self.way)
