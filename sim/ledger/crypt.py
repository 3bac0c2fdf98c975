"""Records are sealed before they leave their source: nobody reads them without the key, nobody alters them unseen.

Two ways of the same size (12 bytes nonce, ciphertext, 16 bytes tag). `real` is AES-256-GCM (NIST SP 800-38D) by the package
`cryptography`. `modelled` is a keystream of SHAKE-256 with a keyed BLAKE2b tag over nonce and ciphertext: it needs no
package and behaves alike, but nobody has reviewed it and it must protect nothing outside a simulation. Keys and nonces come
from the dice, so a run seals the same bytes every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b, shake_256
from hmac import compare_digest
from typing import TYPE_CHECKING

from sim.kernel.dice import Dice
from sim.kernel.errors import EnvironmentTrouble
from sim.ledger.integrity import Tampered

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES, TAG_BYTES, KEY_BYTES = 12, 16, 32
OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES
WAYS = ("modelled", "real")


@dataclass(frozen=True)
class Sealed:
    """Ciphertext with nonce in front and tag behind, and the hash that names it."""

    ciphertext: bytes
    digest: str
    """32 hexadecimal digits over the ciphertext."""


def digest_of(ciphertext: bytes, salt: bytes = b"") -> str:
    """The name of a ciphertext; salted where it is published, because health records have little entropy."""
    return blake2b(ciphertext, digest_size=16, salt=salt[:16]).hexdigest()


def bytes_of(dice: Dice, count: int, purpose: str, *key: int | str) -> bytes:
    """`count` bytes of chance."""
    return dice.words(purpose, *key, count=-(-count // 8)).astype("<u8").tobytes()[:count]


def seal(record: bytes, key: bytes, nonce: bytes, way: str = "modelled") -> Sealed:
    """Encrypt `record` under a 32-byte key and a 12-byte nonce never used before with it."""
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes and a nonce {NONCE_BYTES}, not {len(key)} and {len(nonce)}")
    if way == "real":
        ciphertext = nonce + _aes(key).encrypt(nonce, record, None)
    else:
        hidden = nonce + _masked(record, key, nonce)
        ciphertext = hidden + _tag(key, hidden)
    return Sealed(ciphertext, digest_of(ciphertext))


def open_sealed(sealed: Sealed, key: bytes, way: str = "modelled") -> bytes:
    """The record again; raises Tampered where a single bit of ciphertext, digest or key is another one."""
    ciphertext = sealed.ciphertext
    if digest_of(ciphertext) != sealed.digest:
        raise Tampered("the ciphertext is not the one its digest names")
    if len(ciphertext) < OVERHEAD_BYTES:
        raise Tampered(f"{len(ciphertext)} bytes are too few for a sealed record")
    nonce = ciphertext[:NONCE_BYTES]
    if way == "real":
        return _aes_open(key, nonce, ciphertext[NONCE_BYTES:])
    hidden, tag = ciphertext[:-TAG_BYTES], ciphertext[-TAG_BYTES:]
    if not compare_digest(_tag(key, hidden), tag):
        raise Tampered("the tag does not fit the ciphertext")
    return _masked(hidden[NONCE_BYTES:], key, nonce)


def flip_bit(ciphertext: bytes, bit: int) -> bytes:
    """The same bytes but for one bit, as a dishonest holder would hand them out."""
    place = (bit // 8) % len(ciphertext)
    return ciphertext[:place] + bytes([ciphertext[place] ^ (1 << bit % 8)]) + ciphertext[place + 1 :]


def _tag(key: bytes, hidden: bytes) -> bytes:
    return blake2b(hidden, digest_size=TAG_BYTES, key=key, person=b"medgossip-tag").digest()


def _masked(text: bytes, key: bytes, nonce: bytes) -> bytes:
    stream = shake_256(key + nonce).digest(len(text))
    mixed = int.from_bytes(text, "little") ^ int.from_bytes(stream, "little")
    return mixed.to_bytes(len(text), "little")


def _aes(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise EnvironmentTrouble("encrypt = 'real' needs the package 'cryptography'") from error
    return AESGCM(key)


def _aes_open(key: bytes, nonce: bytes, body: bytes) -> bytes:
    box = _aes(key)
    from cryptography.exceptions import InvalidTag

    try:
        opened: bytes = box.decrypt(nonce, body, None)
    except InvalidTag:
        raise Tampered("the tag does not fit the ciphertext") from None
    return opened
