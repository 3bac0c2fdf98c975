"""Every BFT protocol against liars: f of them never break it, f + 1 do, and the check says so (validation V58)."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import agreeing

import sim
from sim.kernel.dice import Dice
from sim.study.report import Report

PATIENT = {"patience": "20 s"}
BFT: dict[str, dict[str, Any]] = {
    "pbft": PATIENT,
    "qbft": PATIENT,
    "ibft2": PATIENT,
    "smartbft": {"complain": "18 s"},
    "tendermint": {"propose": "20 s"},
    "simplex": {"delta": "10 s"},
    "hotstuff": PATIENT,
    "hotstuff-2": PATIENT,
    "chained-hotstuff": PATIENT,
    "jolteon": {**PATIENT, "turn": 4},
}
DECIDED_AFTER_S = {"hotstuff": 7, "hotstuff-2": 5, "chained-hotstuff": 7, "jolteon": 5}


def agreement(report: Report) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [one for one in report.to_dict()["checks"] if one["name"] == "agreement"]
    return found


def liars(count: int) -> list[dict[str, Any]]:
    return [{"kind": "equivocate", "seats": [f"seat-{place}" for place in range(count)]}]


@pytest.mark.parametrize("n", [4, 7])
@pytest.mark.parametrize("kind", BFT)
def test_f_plus_one_equivocators_break_agreement(kind: str, n: int) -> None:
    """Each half is told a story of its own, with every certificate that it needs, and decides as soon as it would have."""
    report = sim.run(agreeing(kind, n, "20 s", consensus=BFT[kind], adversary=liars((n - 1) // 3 + 1)))
    found = agreement(report)
    assert found["verdict"] == "fail"
    assert f"at {DECIDED_AFTER_S.get(kind, 3)}.000000 s" in found["evidence"]
    assert "slot 0" in found["evidence"]


@pytest.mark.parametrize("n", [4, 7])
@pytest.mark.parametrize("kind", BFT)
def test_f_equivocators_never_do(kind: str, n: int) -> None:
    report = sim.run(agreeing(kind, n, "90 s", consensus=BFT[kind], adversary=liars((n - 1) // 3)))
    assert agreement(report)["verdict"] == "pass"
    assert report.to_dict()["consensus"]["decided"] >= 1


def test_streamlet_breaks_where_the_lot_gives_liars_the_first_two_epochs() -> None:
    """Two of four lie. With the beginning, blocks of the first two epochs are three in a row; of 30 seeds those break, no others."""
    broken, due = set(), set()
    for seed in range(1, 31):
        report = sim.run(agreeing("streamlet", 4, "12 s", consensus={"delta": "1 s"}, adversary=liars(2)), seed)
        chiefs = [Dice(seed).below(4, "streamlet-leader", epoch) for epoch in range(2)]
        if agreement(report)["verdict"] == "fail":
            broken.add(seed)
        if all(chief < 2 for chief in chiefs):
            due.add(seed)
    assert broken == due
    assert len(due) >= 3


def drawn(kind: str, n: int, seed: int, guilty: int) -> Report:
    """A run with trouble drawn from the seed: who misbehaves and how, a cut in two, a crash, delays that vary."""
    dice = Dice(seed)
    behaviours = ("silent", "late", "equivocate")
    order = sorted(range(n), key=lambda seat: dice.below(1 << 30, "trouble-seat", seat))
    bad = [f"seat-{seat}" for seat in order[:guilty]]
    chosen = [behaviours[dice.below(3, "trouble-how", place)] for place in range(guilty)]
    adversary: list[dict[str, Any]] = [
        {"kind": how, "seats": [seat], **({"by": f"{200 + dice.below(3000, 'late', seat)} ms"} if how == "late" else {})}
        for seat, how in zip(bad, chosen, strict=True)
        if how != "equivocate"
    ]
    together = [seat for seat, how in zip(bad, chosen, strict=True) if how == "equivocate"]
    if together:
        adversary.append({"kind": "equivocate", "seats": together})
    half = [f"seat-{seat}" for seat in range(n) if dice.below(2, "side", seat)]
    fault = [{"kind": "partition", "at": f"{dice.below(15, 'cut')} s", "lasts": "8 s", "groups": [half or ["seat-0"]]}]
    impatient = {"smartbft": {"complain": "1 s", "view_change": "2 s", "resend": "1 s"}, "simplex": {"delta": "500 ms"}}
    usual = {} if kind in ("tendermint", "streamlet") else {"patience": "1 s"}
    return sim.run(
        agreeing(
            kind,
            n,
            "30 s",
            consensus={**impatient.get(kind, usual), "block_interval": "300 ms"},
            link={"latency": {"kind": "exponential", "mean": "80 ms"}, "loss": "2 %"},
            adversary=adversary,
            fault=fault,
        ),
        seed,
    )


@pytest.mark.parametrize("kind", [*BFT, "streamlet"])
def test_whatever_f_seats_do_nobody_disagrees(kind: str) -> None:
    """The first of the drawn runs; `thorough` plays more of them."""
    for seed in (1, 2, 3):
        assert agreement(drawn(kind, 4, seed, 1))["verdict"] != "fail", f"drawn({kind!r}, 4, {seed}, 1)"


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [*BFT, "streamlet"])
def test_whatever_f_seats_do_nobody_disagrees_ever(kind: str) -> None:
    for seed in range(1, 201):
        n = (4, 7)[seed % 2]
        assert agreement(drawn(kind, n, seed, (n - 1) // 3))["verdict"] != "fail", f"drawn({kind!r}, {n}, {seed}, {(n - 1) // 3})"


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [kind for kind in (*BFT, "streamlet") if kind != "jolteon"])
def test_one_seat_too_many_breaks_it_in_some_drawn_run(kind: str) -> None:
    """Two of four, drawn alike. Jolteon needs two liars' views and a third leader's in a row: 400 draws did not break it."""
    assert any(agreement(drawn(kind, 4, seed, 2))["verdict"] == "fail" for seed in range(1, 401))
