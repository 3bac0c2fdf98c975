"""Commitments for real: what the curve gives, what the library makes of it, and who refuses a wrong column when."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

import sim
from sim.availability import curve, kzg, setup
from sim.kernel.errors import ScenarioError
from sim.study.read import from_dict
from sim.testing import fingerprint

needs_library = pytest.mark.skipif(kzg.ckzg is None, reason="ckzg is not installed (extra kzg)")
TEXT = bytes(range(256)) * 300


# the curve, without the library -----------------------------------------------------------------------------------------


def slow(scalar: int) -> curve.Point:
    """Doubling and adding, one inversion each."""
    total: curve.Point = None
    step = curve.G1
    while scalar:
        if scalar & 1:
            total = curve.add_each([total], [step])[0]
        step = curve.add_each([step], [step])[0]
        scalar >>= 1
    return total


def test_the_generators_lie_on_the_curve_and_have_its_order() -> None:
    assert curve.G1 is not None and curve.G2 is not None
    x, y = curve.G1
    assert (y * y - x**3 - 4) % curve.FIELD == 0
    assert slow(curve.ORDER) is None and slow(curve.ORDER - 1) == (x, curve.FIELD - y)
    assert curve.twisted_multiple(curve.ORDER, curve.G2) is None


def test_many_multiples_agree_with_one_by_one() -> None:
    scalars = [0, 1, 2, 255, 256, 257, 65_535, curve.ORDER - 1, 0x1234_5678_9ABC_DEF0 << 100]
    assert curve.multiples(scalars) == [slow(scalar) for scalar in scalars]


def test_the_short_form_is_the_published_one() -> None:
    """The generators as the drafts and every library write them."""
    assert curve.short(curve.G1).hex().startswith("97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58")
    assert curve.short_twisted(curve.G2).hex().startswith("93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049")
    assert curve.short(None).hex() == "c0" + "00" * 47


def test_the_setup_knows_its_polynomials() -> None:
    powers, lagrange = setup.scalars()
    assert sum(lagrange) % curve.ORDER == 1, "the polynomials of Lagrange add up to 1"
    weighted = sum(value * root for value, root in zip(lagrange, setup.roots(), strict=True)) % curve.ORDER
    assert weighted == powers[1] == setup.KNOWN_SECRET


# the library ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made() -> kzg.Committed:
    return kzg.committed(TEXT)


@needs_library
def test_a_commitment_is_the_polynomial_at_the_secret(made: kzg.Committed) -> None:
    """Reckoned without the library: 4,096 numbers, each at the root whose place has its bits in reverse order."""
    blob = kzg.blobs_of(TEXT)[0]
    _, lagrange = setup.scalars()
    numbers = [int.from_bytes(blob[at : at + 32], "big") for at in range(0, len(blob), 32)]
    at_secret = sum(number * lagrange[int(f"{place:012b}"[::-1], 2)] for place, number in enumerate(numbers)) % curve.ORDER
    assert made.commitments == (curve.short(curve.multiples([at_secret])[0]),)


@needs_library
def test_any_half_rebuilds_and_less_does_not(made: kzg.Committed) -> None:
    for chosen in (range(64, 128), range(0, 128, 2)):
        assert kzg.rebuilt({index: made.column(index) for index in chosen}, len(TEXT)) == TEXT
    with pytest.raises(ValueError, match="63"):
        kzg.rebuilt({index: made.column(index) for index in range(63)}, len(TEXT))


@needs_library
def test_a_column_opens_only_as_it_was_committed_to(made: kzg.Committed) -> None:
    assert made.opens(3, made.column(3)) and made.opens(100, made.column(100))
    assert not made.opens(3, made.column(4))
    (cell,) = made.column(3)
    assert not made.opens(3, [cell[:40] + bytes([cell[40] ^ 1]) + cell[41:]])


@needs_library
def test_sizes_are_those_of_the_table(made: kzg.Committed) -> None:
    from sim.availability.proofs import CELL_BYTES, KZG_BYTES

    assert len(made.commitments[0]) == len(made.proofs[0][0]) == KZG_BYTES and len(made.cells[0][0]) == CELL_BYTES


# runs -------------------------------------------------------------------------------------------------------------------


def world(wrong: bool, **scheme: Any) -> sim.Scenario:
    tables: dict[str, Any] = {
        "duration": "30 s",
        "topology": {"kind": "random-regular", "seats": 24, "degree": 6},
        "link": {"latency": {"kind": "exponential", "mean": "30 ms"}, "loss": "2 %"},
        "gossip": {"kind": "flood"},
        "availability": {"kind": "custody", "blob": "100 kB", "supernodes": 2, "degree": 2, "copies": 1, **scheme},
        "workload": [{"kind": "rumour", "size": "1 kB", "origin": "seat-00"}],
    }
    if wrong:
        tables["adversary"] = [{"kind": "miscode", "seats": ["seat-00"]}]
    return from_dict(tables)


@needs_library
def test_real_contents_tell_the_same_as_modelled_ones() -> None:
    for wrong in (False, True):
        real, modelled = (sim.run(world(wrong, contents=contents)) for contents in ("real", "modelled"))
        assert fingerprint(real) != "" and real.to_dict()["availability"] == modelled.to_dict()["availability"]
        found = real.to_dict()["availability"]["sampling"]
        assert found["unavailable_blocks"] == wrong and (found["confidence_s"]["p50"] is None) == wrong


@needs_library
def test_a_wrong_code_is_refused_at_once_or_found_out_later() -> None:
    """A proof each: nobody takes a wrong column. Merkle trees only: all take them until somebody has rebuilt and tells, if anybody does."""
    real = sim.run(world(True, contents="real")).evidence.shared[0]
    assert (real.first_ns < 0).all() and (real.accepted_ns[real.judged] < 0).all() and (real.refuted_ns < 0).all()
    later = sim.run(world(True, proof="merkle")).evidence.shared[0]
    assert (later.first_ns >= 0).mean() > 0.9 and (later.refuted_ns[later.judged] > later.first_ns.ravel()[0]).all()
    alone = sim.run(world(True, proof="merkle", supernodes=0)).evidence.shared[0]
    assert (alone.accepted_ns[alone.judged] >= 0).mean() > 0.7 and (alone.refuted_ns < 0).all()


def test_without_the_library_it_is_said() -> None:
    with patch.object(kzg, "ckzg", None), pytest.raises(ScenarioError, match="medgossip\\[kzg\\]") as caught:
        sim.run(world(False, contents="real"))
    assert "availability.contents" in str(caught.value)


@pytest.mark.parametrize(("more", "said"), [({"proof": "merkle"}, "proof"), ({"columns": 64, "enough": 32}, "128 columns")])
def test_real_contents_are_those_of_the_specification(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        world(False, contents="real", **more)
