"""How long a CPU core takes for what a node computes: tables by name, and files that `medgossip calibrate` writes."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from sim.kernel.errors import ScenarioError
from sim.kernel.files import located, read_whole
from sim.kernel.units import parse_duration

SERVICES = ("sign", "verify", "hash_per_kib", "encode_per_kib")
OTHER_SERVICES = ("execute",)
"""What a file may say beside them. It depends on the ledger, not on a library, so there is no time of it by name."""
_MOST_BYTES = 1 << 16
_HASH_NS, _ENCODE_NS = 1_000, 800

TABLES = {
    name: dict(zip(SERVICES, (sign_ns, verify_ns, _HASH_NS, _ENCODE_NS), strict=True))
    for name, sign_ns, verify_ns in (
        ("ed25519", 40_000, 170_000),
        ("ed25519-sodium", 30_000, 80_000),
        ("ecdsa-p256", 40_000, 120_000),
        ("secp256k1", 45_000, 35_000),
        ("bls12-381", 450_000, 1_300_000),
    )
}
"""In ns, measured on one shared server core: cryptography 50 (OpenSSL), PyNaCl 1.6 (libsodium), cryptography, coincurve, blspy 2.
Hashing is BLAKE2b or SHA-256 with their instructions, encoding is Reed-Solomon by ISA-L through pyeclib."""


def service_table(name: str) -> dict[str, int]:
    """Service times in ns by their names; ScenarioError at `cpu` for a name or a file that does not say them all."""
    if name in TABLES:
        return TABLES[name]
    if not name.lower().endswith(".toml"):
        near = get_close_matches(name, TABLES, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ScenarioError(f"no service times are called {name!r}; {hint}There are {', '.join(TABLES)}, or a .toml file", "cpu")
    path = located(name)
    try:
        state = path.stat()
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror}", "cpu") from None
    return _read(str(path), state.st_mtime_ns)


@lru_cache(maxsize=16)
def _read(place: str, changed_ns: int) -> dict[str, int]:
    """The file's table; `changed_ns` makes a file that was written anew be read anew."""
    try:
        found = tomllib.loads(read_whole(Path(place), _MOST_BYTES).decode())
    except ScenarioError as error:
        raise error.under("cpu") from None
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{place} is no TOML table of service times: {error}", "cpu") from None
    for key in found:
        if key not in SERVICES and key not in OTHER_SERVICES:
            known = ", ".join((*SERVICES, *OTHER_SERVICES))
            raise ScenarioError(f"{place}: there is no service time {key!r}; there are {known}", "cpu")
    table = {}
    for key in (*SERVICES, *(other for other in OTHER_SERVICES if other in found)):
        value = found.get(key)
        if not isinstance(value, str):
            raise ScenarioError(f'{place} says no {key}; write it as in {key} = "40 us"', "cpu")
        try:
            table[key] = parse_duration(value)
        except ScenarioError as error:
            raise ScenarioError(f"{place}: {key}: {error.sentence}", "cpu") from None
    return table
