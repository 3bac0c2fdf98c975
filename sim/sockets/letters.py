"""Messages as bytes, signed: what nodes in different worlds tell each other.

Each content is signed by its author (Ed25519 over its canonical JSON), so it may be passed on, and a certificate is the content with the
signatures of all who said it. A reader trusts nothing: kinds are those of the protocol alone, every field must be of its declared
type, and a signature that does not fit makes the whole letter void.
"""

from __future__ import annotations

import json
import types
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from sim.kernel.errors import Invalid, ProtocolError
from sim.kernel.part import is_part
from sim.ledger.block import Block, Transaction
from sim.node.message import Certificate, Signed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from sim.node.society import Society

LARGEST = 1 << 62
_OTHERS = ("sim.kernel", "sim.net", "sim.node", "sim.ledger")


def name_of(kind: type[Any]) -> str:
    """A kind of message as letters write it."""
    return f"{kind.__module__}:{kind.__qualname__}"


def kinds_of(protocol: Any) -> dict[str, type[Any]]:
    """The kinds of messages a protocol may use, by name: frozen records of its own modules and of those they take names from."""
    import sys

    found: dict[str, type[Any]] = {name_of(kind): kind for kind in (Block, Transaction)}
    waiting = [kind.__module__ for kind in type(protocol).__mro__]
    seen: dict[str, None] = {}
    while waiting:
        place = waiting.pop()
        if place in seen or place not in sys.modules or place.startswith(_OTHERS) or not _is_akin(place, protocol):
            continue
        seen[place] = None
        for value in list(vars(sys.modules[place]).values()):
            waiting.append(str(getattr(value, "__module__", "")))
            if isinstance(value, type) and value.__module__ == place and is_dataclass(value) and not is_part(value):
                settings: Any = value
                if settings.__dataclass_params__.frozen:
                    found[name_of(value)] = value
    for inner in vars(protocol).values() if hasattr(protocol, "__dict__") else ():
        if is_part(inner):  # a protocol inside another
            found.update(kinds_of(inner))
    return found


def _is_akin(place: str, protocol: Any) -> bool:
    """Whether a module is of the same package as the protocol, or one of ours for consensus."""
    return place.split(".")[0] == type(protocol).__module__.split(".")[0] != "sim" or place.startswith("sim.consensus")


class Keys:
    """One seat's key to sign with, and everybody's to check with. New ones are made for each run."""

    def __init__(self, seat: int, own: Ed25519PrivateKey, public: Sequence[Ed25519PublicKey]) -> None:
        self.seat, self._own, self._public = seat, own, public

    def sign(self, content: bytes) -> str:
        """Hexadecimal signature of this seat."""
        return self._own.sign(b"medgossip\0" + content).hex()

    def verifies(self, signer: int, content: bytes, signature: object) -> bool:
        """Whether `signer` has signed these bytes."""
        from cryptography.exceptions import InvalidSignature

        if not isinstance(signature, str) or len(signature) != 128 or not 0 <= signer < len(self._public):
            return False
        try:
            self._public[signer].verify(bytes.fromhex(signature), b"medgossip\0" + content)
        except (InvalidSignature, ValueError):
            return False
        return True


def key_rings(seats: int) -> list[Keys]:
    """Fresh keys for each seat."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    own = [Ed25519PrivateKey.generate() for _ in range(seats)]
    public = [key.public_key() for key in own]
    return [Keys(seat, key, public) for seat, key in enumerate(own)]


def canonical(plain: Any) -> bytes:
    """JSON with one spelling."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


@cache
def _hints(kind: Hashable) -> Mapping[str, Any]:
    return get_type_hints(cast(Any, kind))


class Letters:
    """Writes and reads for one node; remembers the signatures it has seen, for certificates are made of them."""

    def __init__(self, keys: Keys, kinds: Mapping[str, type[Any]], society: Society) -> None:
        self._keys, self._kinds, self._society = keys, kinds, society
        self._seen: dict[tuple[int, bytes], str] = {}

    # writing --------------------------------------------------------------------------------------------------------

    def signed(self, signer: int, said: Any) -> dict[str, Any]:
        """A message as a letter: `say`, `from` and `by`."""
        plain = self.plain(said)
        return {"say": plain, "from": signer, "by": self._signature(signer, canonical(plain))}

    def plain(self, value: Any) -> Any:
        """A value as JSON."""
        if value is None or type(value) in (bool, int, str, float):
            return value
        if isinstance(value, (tuple, list)):
            return [self.plain(inner) for inner in value]
        if isinstance(value, Signed):
            return {"signed": self.signed(value.sender, value.message)}
        if isinstance(value, Certificate):
            plain = self.plain(value.message)
            content = canonical(plain)
            return {"certificate": plain, "by": {str(one): self._signature(one, content) for one in value.signers}}
        if name_of(type(value)) in self._kinds:
            return {"kind": name_of(type(value)), "fields": [self.plain(getattr(value, one.name)) for one in fields(value)]}
        raise ProtocolError(f"{value!r} cannot be written into a letter; messages hold numbers, texts, tuples and messages")

    def _signature(self, signer: int, content: bytes) -> str:
        known = self._seen.get((signer, content))
        if known is None:
            if signer != self._keys.seat:
                raise ProtocolError(f"n{self._keys.seat} passes on what n{signer} has never signed")
            known = self._seen[signer, content] = self._keys.sign(content)
        return known

    # reading --------------------------------------------------------------------------------------------------------

    def heard(self, letter: Mapping[str, Any]) -> tuple[int, Any]:
        """(signer, message) of a letter that holds `say`; raises Invalid where anything about it is wrong."""
        signer, plain = letter.get("from"), letter.get("say")
        if type(signer) is not int:
            raise Invalid("a letter says from whom it is")
        said = self._content(plain)
        self._check(signer, canonical(plain), letter.get("by"))
        return signer, said

    def body(self, plain: Any) -> Block | Transaction:
        """A block or a transaction; raises Invalid for anything else."""
        found = self.read(plain, Block | Transaction)
        assert isinstance(found, (Block, Transaction))
        return found

    def _content(self, plain: Any) -> Any:
        said = self.read(plain, Any)
        if not isinstance(said, Certificate) and (not is_dataclass(said) or isinstance(said, (Signed, Block, Transaction))):
            raise Invalid("no message")
        return said

    def _check(self, signer: int, content: bytes, signature: object) -> None:
        if self._seen.get((signer, content)) != signature or signature is None:
            if not self._keys.verifies(signer, content, signature):
                raise Invalid(f"not signed by n{signer}")
            self._seen[signer, content] = str(signature)

    def read(self, plain: Any, hint: Any) -> Any:
        """A value of a declared type out of JSON; raises Invalid where it is of another."""
        if isinstance(plain, dict):
            return self._record(plain, hint)
        if isinstance(plain, list):
            return tuple(self.read(inner, kind) for inner, kind in zip(plain, _inner_hints(hint, len(plain)), strict=True))
        if type(plain) is int and abs(plain) >= LARGEST:
            raise Invalid("a number beyond counting")
        if not any(_is_plainly(plain, kind) for kind in _choices(hint)):
            raise Invalid(f"{str(plain)[:40]!r} where {hint} belongs")
        return plain

    def _record(self, plain: dict[str, Any], hint: Any) -> Any:
        wanted = list(_choices(hint))
        free = Any in wanted
        if plain.keys() == {"kind", "fields"}:
            kind = self._kinds.get(str(plain["kind"]))
            values = plain["fields"]
            if kind is None or not isinstance(values, list) or len(values) != len(fields(kind)) or not (free or kind in wanted):
                raise Invalid(f"no kind of message {str(plain['kind'])[:80]!r} belongs here")
            hints = _hints(cast(Hashable, kind))
            try:
                return kind(*[self.read(value, hints[one.name]) for value, one in zip(values, fields(kind), strict=True)])
            except (ValueError, TypeError) as error:
                raise Invalid(str(error)) from None
        if plain.keys() == {"signed"} and isinstance(plain["signed"], dict):
            inner = [kind for kind in wanted if get_origin(kind) is Signed or kind is Signed]
            signer, said = self.heard(plain["signed"])
            if free or any(type(said) in (get_args(kind) or (type(said),)) for kind in inner):
                return Signed(signer, said)
        if plain.keys() == {"certificate", "by"} and (free or Certificate in wanted) and isinstance(plain["by"], dict):
            return self._certificate(plain["certificate"], plain["by"])
        raise Invalid("no record that belongs here")

    def _certificate(self, plain: Any, signatures: Mapping[str, Any]) -> Certificate:
        society = self._society
        said, content = self._content(plain), canonical(plain)
        if not getattr(type(said), "is_vote", False):
            raise Invalid("a certificate is of votes")
        bits = 0
        for name, signature in signatures.items():
            if not (name.isascii() and name.isdigit() and len(name) < 6 and int(name) < society.n):
                raise Invalid("signed by nobody")
            self._check(int(name), content, signature)
            bits |= 1 << int(name)
        return Certificate(said, society.intern(said), bits)


def _choices(hint: Any) -> Iterator[Any]:
    """The types of a union, or the one type."""
    if get_origin(hint) in (Union, types.UnionType):
        for one in get_args(hint):
            yield from _choices(one)
    else:
        yield hint


def _inner_hints(hint: Any, many: int) -> Sequence[Any]:
    """The types of a tuple's places; raises Invalid where no tuple of that length belongs."""
    for one in _choices(hint):
        if one is Any:
            return (Any,) * many
        if get_origin(one) is tuple:
            inner = get_args(one)
            if len(inner) == 2 and inner[1] is Ellipsis:
                return (inner[0],) * many
            if len(inner) == many:
                return inner
    raise Invalid(f"{many} values where {hint} belongs")


def _is_plainly(plain: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return any(type(plain) is type(one) and plain == one for one in get_args(kind))
    return kind is Any or (kind in (None, type(None)) and plain is None) or (isinstance(kind, type) and type(plain) is kind)
