"""How long this machine takes for what a node computes, beside the shipped service times; no run depends on what is measured.

Each operation is repeated in batches of about ten milliseconds of process time; the fastest batch counts, as what is slower
had company on the processor (J. Chen and J. Revels, "Robust benchmarking in noisy environments", HPEC 2016).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sim.availability import kzg, proofs
from sim.availability.code import encode
from sim.health.contracts.book import CONTRACTS
from sim.kernel.errors import EnvironmentTrouble, ProtocolError, ScenarioError
from sim.ledger.block import GENESIS, Block, Transaction
from sim.ledger.machine import Machine
from sim.ledger.tree import BlockTree
from sim.study.report import write_whole
from sim.study.service import OTHER_SERVICES, SERVICES, TABLES

KIB, MIB = 1024, 1024**2
CURVES = ("ed25519", "ecdsa-p256", "secp256k1")
"""Signatures that can be measured here, by the names of `sim.study.service.TABLES`."""
_BATCH_NS, _BATCHES = 10_000_000, 9
_PIECES, _ENOUGH = 12, 8
_IN_A_BLOCK = 1000
_BLOBS = 21  # of a block, since January 2026


@dataclass(frozen=True)
class Timing:
    """One operation: its fastest and its median batch in ns a time, and the shipped time, None where none is shipped."""

    name: str
    fastest_ns: float
    median_ns: float
    shipped_ns: int | None
    service: str = ""
    """Which of SERVICES and OTHER_SERVICES it stands for; '' for those that only inform."""
    curve: str = ""

    def text(self) -> str:
        """One row of the table."""
        shipped = (
            f"{self.shipped_ns / 1e3:12.2f}{self.fastest_ns / self.shipped_ns:9.2f}" if self.shipped_ns else f"{'-':>12}{'-':>9}"
        )
        return f"{self.name:<44}{self.fastest_ns / 1e3:12.2f}{self.median_ns / 1e3:12.2f}{shipped}"


def measured(show: Callable[[str], object]) -> list[Timing]:
    """All `timings`; the table's head and rows are shown as they come, as it takes a while."""
    show(f"{'operation, us':<44}{'fastest':>12}{'median':>12}{'shipped':>12}{'ratio':>9}")
    found = []
    for one in timings():
        show(one.text())
        found.append(one)
    return found


def timings(batches: int = _BATCHES) -> Iterator[Timing]:
    """Each operation in turn; raises EnvironmentTrouble where the package `cryptography` is missing."""
    for curve in CURVES:
        sign, verify = _signatures(curve)
        yield _timing(f"{curve}: sign", sign, batches, TABLES[curve]["sign"], "sign", curve)
        yield _timing(f"{curve}: verify", verify, batches, TABLES[curve]["verify"], "verify", curve)
    usual = TABLES["ed25519"]
    mebibyte = bytes(MIB)
    yield _timing(
        "blake2b, a KiB", lambda: hashlib.blake2b(mebibyte).digest(), batches, usual["hash_per_kib"], "hash_per_kib", "", KIB
    )
    yield _timing("sha-256, a KiB", lambda: hashlib.sha256(mebibyte).digest(), batches, None, "", "", KIB)
    yield _timing("aes-256-gcm, a KiB", _sealing(mebibyte), batches, None, "", "", KIB)
    left, right = np.zeros(MIB, np.uint8), np.ones(MIB, np.uint8)
    yield _timing("xor, a KiB", lambda: np.bitwise_xor(left, right, out=left), batches, None, "", "", KIB)
    name = f"Reed-Solomon ({_PIECES}, {_ENOUGH}) in NumPy, a KiB"
    coded = mebibyte[: MIB // 8]
    yield _timing(name, lambda: encode(coded, _PIECES, _ENOUGH), batches, usual["encode_per_kib"], "encode_per_kib", "", KIB // 8)
    yield _timing("execute a transaction of consent, in Python", _executing(), batches, None, "execute", "", _IN_A_BLOCK)
    yield from _commitments(batches)


def check_request(curve: str, out: str | None) -> None:
    """ScenarioError where the curve cannot be measured or the file would not be one that `[seat] cpu` takes."""
    if curve not in CURVES:
        raise ScenarioError(f"{curve!r} cannot be measured; there are {', '.join(CURVES)}", "--curve")
    if out is not None and not out.lower().endswith(".toml"):
        raise ScenarioError(f"{out!r} does not end in .toml, as [seat] cpu wants it", "--out")
    if out is not None and not Path(out).absolute().parent.is_dir():
        raise ScenarioError(f"there is no folder {Path(out).absolute().parent} to write into", "--out")


def write(out: str | None, measured: Sequence[Timing], curve: str) -> None:
    """Write `service_file`, if that is wanted, so that it appears whole or not at all."""
    if out is not None:
        write_whole(Path(out), service_file(measured, curve).encode())


def service_file(measured: Sequence[Timing], curve: str) -> str:
    """A TOML table that `[seat] cpu = "FILE"` takes: one curve's signatures, hashing and encoding, as measured here."""
    found = {one.service: one for one in measured if one.service and one.curve in ("", curve)}
    lines = [
        f"# Service times of one core, measured by medgossip calibrate: signatures {curve},",
        f"# hashing blake2b, encoding the package's own Reed-Solomon code in NumPy ({_PIECES} pieces of which {_ENOUGH} do),",
        "# executing the package's own contract of consent in Python: a ledger with a database or a virtual machine takes longer.",
    ]
    lines += [f'{name} = "{max(1, round(found[name].fastest_ns))} ns"' for name in (*SERVICES, *OTHER_SERVICES)]
    lines += [f"# {one.name}: {one.fastest_ns / 1e3:.2f} us" for one in measured if one is not found.get(one.service)]
    return "\n".join(lines) + "\n"


def _timing(
    name: str, work: Callable[[], object], batches: int, shipped_ns: int | None, service: str, curve: str, share: int = 1
) -> Timing:
    """The time of `work` divided by `share`."""
    work()
    begun = time.process_time_ns()
    work()
    once_ns = max(100, time.process_time_ns() - begun)
    times = max(1, _BATCH_NS // once_ns)
    spent = []
    for _ in range(batches):
        begun = time.process_time_ns()
        for _ in range(times):
            work()
        spent.append((time.process_time_ns() - begun) / times / share)
    return Timing(name, min(spent), median(spent), shipped_ns, service, curve)


def _commitments(batches: int) -> Iterator[Timing]:
    """What `proof = "kzg"` charges for, done by the library; one blob stands for all, as arithmetic does not care which it is.

    Nothing where the library is not installed.
    """
    try:
        kzg.check_installed()
    except ScenarioError:
        return
    text = bytes(range(256)) * (kzg.TEXT_BYTES // 256)
    one = kzg.committed(text)
    yield _timing("kzg: commit to a blob, prove its cells", lambda: kzg.committed(text), batches, None, "", "")
    for blobs in (1, _BLOBS):
        many = kzg.Committed(one.commitments * blobs, one.cells * blobs, one.proofs * blobs)
        column, shipped_ns = many.column(0), proofs.check_ns("kzg", blobs * proofs.BLOB_BYTES, kzg.CELLS)
        work = partial(many.opens, 0, column)
        yield _timing(f"kzg: check a column of {blobs}", work, batches, shipped_ns, "", "")
    half = {index: one.column(index) for index in range(kzg.ENOUGH)}
    shipped_ns = proofs.rebuild_ns("kzg", proofs.BLOB_BYTES)
    yield _timing("kzg: rebuild a blob from half", lambda: kzg.rebuilt(half, len(text)), batches, shipped_ns, "", "")


def _executing() -> Callable[[], object]:
    """Executing a block in which as many patients each grant a consent."""
    grants = tuple(
        Transaction(
            "consent", 0, 300, (("do", "grant"), ("patient", f"patient-{one}"), ("by", f"patient-{one}"), ("grantee", "ward"))
        )
        for one in range(_IN_A_BLOCK)
    )
    block = Block.of(GENESIS, 1, 0, 0, grants)
    tree = BlockTree()
    tree.admit(block)
    if any(Machine(tree, CONTRACTS).execute(block.digest)):
        raise ProtocolError("a contract refused what it should execute")
    return lambda: Machine(tree, CONTRACTS).execute(block.digest)


def _signatures(curve: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Signing and verifying 120 bytes, about a vote, with a fixed key."""
    vote = bytes(120)
    try:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    except ImportError as error:
        raise EnvironmentTrouble("calibrate needs the package 'cryptography'") from error
    if curve == "ed25519":
        key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        public, signed = key.public_key(), key.sign(vote)
        return lambda: key.sign(vote), lambda: public.verify(signed, vote)
    kinds: dict[str, Any] = {"ecdsa-p256": ec.SECP256R1(), "secp256k1": ec.SECP256K1()}
    way = ec.ECDSA(hashes.SHA256())
    private = ec.derive_private_key(12345678901234567890, kinds[curve])
    known, seal = private.public_key(), private.sign(vote, way)
    return lambda: private.sign(vote, way), lambda: known.verify(seal, vote, way)


def _sealing(text: bytes) -> Callable[[], object]:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise EnvironmentTrouble("calibrate needs the package 'cryptography'") from error
    box = AESGCM(bytes(range(32)))
    return lambda: box.encrypt(bytes(12), text, None)
