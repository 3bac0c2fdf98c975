"""Chains that are safe by chance break as often as their race says, and a rule of theirs that is wrong breaks more often, or less."""

from __future__ import annotations

import math
import sys
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

from sim.adversary.double_spend import DoubleSpend
from sim.adversary.favour import Favour
from sim.adversary.selfish import Selfish
from sim.consensus.aura import Aura
from sim.consensus.clique import Clique
from sim.consensus.forking.forest import Forest
from sim.consensus.nakamoto import GHOST, Nakamoto
from sim.consensus.praos import Praos
from sim.kernel.part import part
from sim.study import hunt as hunting
from sim.study.by_chance import TAIL, band, break_chance, is_chance, is_exact
from sim.study.hunt import hunt
from sim.study.race import IDLE, Race, State, favour, selfish, thief
from sim.study.scenario import Scenario
from sim.study.validation.spending import rosenfeld

sys.path.append(str(Path(__file__).parent.parent))  # benchmarks are no part of the installed package

from benchmarks import hunt as ledger

MS = 1_000_000
SHALLOW = Nakamoto(depth=2)


def scene(protocol: Any, number: int, liars: int) -> Scenario:
    """The drawn run of that number among six seats, a block every two seconds."""
    return hunting.scene(protocol, number, 6, liars, hunting.kinds_for(protocol), "6 s", 200 * MS, 0, 10)


def tried(protocol: Any, plot: type, runs: int, liars: int = 1, claim: Any = None) -> tuple[int, float]:
    """(breaks, breaks expected) of so many drawn runs with such a pool; expected of `claim`, by default of what is played."""
    numbers = islice(
        (n for n in count() if (one := scene(protocol, n, liars)).adversary and isinstance(one.adversary[0].part, plot)), runs
    )
    breaks, expected = 0, 0.0
    for number in numbers:
        breaks += hunting.first_break(scene(protocol, number, liars), number) is not None
        expected += break_chance(scene(claim or protocol, number, liars))
    return breaks, expected


# the race ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "confirmations"), [(1 / 6, 9), (1 / 3, 9), (0.1, 1), (0.3, 4)])
def test_one_attempt_without_end_succeeds_as_often_as_rosenfeld_says(share: float, confirmations: int) -> None:
    rule, lost = thief(confirmations, 60), (-60, 0)

    def one_attempt(state: State, finder: int) -> State:
        """It begins with the pool's first block, and there is no other."""
        after = state if state == lost else rule((1, 0) if state == IDLE else state, finder)
        return lost if after == IDLE else after

    race = Race(one_attempt).finds(3000, (share, 1 - share))
    assert race.chance() == pytest.approx(rosenfeld(share, confirmations), rel=1e-6)


def test_slots_that_are_seldom_led_are_the_process_without_memory() -> None:
    for rule, sides in ((thief(3, 9), (0.2, 0.8)), (selfish(1), (0.3, 0.7)), (favour(1), (0.2, 0.2, 0.6))):
        smooth = Race(rule, len(sides)).finds(20, sides).chance()
        cut = Race(rule, len(sides)).slots(20_000, [side / 1000 for side in sides]).chance()
        assert cut == pytest.approx(smooth, rel=2e-3) and 0.01 < smooth < 0.99


def test_a_short_race_by_hand() -> None:
    """Depth 0, so that any reorganisation counts; q the pool's share, f that of its friends, r that of the rest."""
    q, f, r = 0.3, 0.2, 0.5
    three = Race(selfish(0)).slots(1, (1, 0)).slots(1, (1, 0)).slots(1, (0, 1))
    assert three.chance() == 1.0, "two ahead, and the others' block comes: it is undone"
    race = Race(favour(0), 3)
    for _ in range(3):
        race.chances = race._step(race.chances, (q, f, r))
    assert race.chance() == pytest.approx(q * r * f + q * r * r), "the rest's block beside the pool's, and then whose comes first"


def test_the_band_holds_what_is_not_rarer_than_its_tail() -> None:
    for expected in (0.2, 5.2, 60.0, 700.0):
        low, high = band(expected, True)
        mass = [math.exp(n * math.log(expected) - expected - math.lgamma(n + 1)) for n in range(2000)]
        assert math.fsum(mass[high:]) >= TAIL > math.fsum(mass[high + 1 :])
        assert math.fsum(mass[: low + 1]) >= TAIL > math.fsum(mass[:low])
        assert band(expected, False) == (0, high)
    assert band(0.0, True) == (0, 0)


# what is drawn -----------------------------------------------------------------------------------------------------------


def test_who_works_in_the_open_or_in_turn_has_no_chance() -> None:
    plots: dict[str, set[bool]] = {}
    for number in range(60):
        for protocol in (SHALLOW, Clique(wiggle=20 * MS), Aura(step=2000 * MS)):
            one = scene(protocol, number, 1)
            kind = type(one.adversary[0].part).__name__ if one.adversary else "none"
            plots.setdefault(f"{type(protocol).__name__} {kind}", set()).add(break_chance(one) > 0)
    secret = {name for name, chances in plots.items() if chances == {True}}
    assert secret == {"Nakamoto DoubleSpend", "Nakamoto Selfish", "Nakamoto Favour"}
    assert all(len(chances) == 1 for chances in plots.values()) and len(plots) > 15


@pytest.mark.parametrize(
    ("protocol", "plot", "liars"),
    [(SHALLOW, DoubleSpend, 1), (GHOST(depth=2), DoubleSpend, 1), (SHALLOW, Selfish, 2), (SHALLOW, Favour, 2)],
    ids=["thief", "thief-ghost", "selfish", "favour"],
)
def test_breaks_are_as_many_as_the_race_says(protocol: Any, plot: type, liars: int) -> None:
    breaks, expected = tried(protocol, plot, 300, liars)
    low, high = band(expected, True)
    assert low <= breaks <= high and low > 5, (breaks, expected)


def test_under_praos_there_are_no_more_than_the_race_says() -> None:
    protocol = Praos(depth=2, slot=400 * MS, active=0.2)
    breaks, expected = tried(protocol, DoubleSpend, 300)
    assert not is_exact(scene(protocol, 0, 1)) and 0 < breaks <= band(expected, False)[1], (breaks, expected)


# planted -----------------------------------------------------------------------------------------------------------------


@part
class Stubborn(Nakamoto):
    """Nakamoto that never leaves what it has decided, as Praos."""

    def choose(self, forest: Forest, block: Any) -> str:
        """The heaviest chain, unless it forks off too deep."""
        head = super().choose(forest, block)
        fork = forest.block(forest.path(block.digest)[-1]).height - 1
        return head if forest.height - fork <= self.depth else forest.head


def test_one_confirmation_less_breaks_too_often() -> None:
    breaks, expected = tried(Nakamoto(depth=1), DoubleSpend, 300, claim=SHALLOW)
    assert breaks > band(expected, True)[1], (breaks, expected)


def test_decisions_that_are_never_left_break_too_seldom() -> None:
    breaks, expected = tried(Stubborn(depth=2), DoubleSpend, 300)
    assert breaks < band(expected, True)[0], (breaks, expected)


# the ledger --------------------------------------------------------------------------------------------------------------


def test_a_stretch_goes_on_past_a_break_by_chance_and_ends_with_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ledger.HUNTED, "nakamoto", SHALLOW)
    line = ledger.stretch([], "nakamoto", 60, 0)
    assert line["runs"] == 60 and line["broken"] is None
    assert line["expected"] == pytest.approx(sum(break_chance(scene(SHALLOW, number, 1)) for number in range(60)), abs=1e-5)
    assert len(line["by_chance"]) > 1 and not ledger.is_broken([line], "nakamoto")
    assert ledger.is_broken([{**line, "by_chance": line["by_chance"] * 9}], "nakamoto")
    assert "by chance" in ledger.table([line], ["nakamoto"], 0)
    monkeypatch.setattr(ledger, "break_chance", lambda scenario: 0.0)
    monkeypatch.setattr(ledger, "is_chance", lambda scenario, verdict: False)
    ended = ledger.stretch([], "nakamoto", 60, 0)
    assert ended["broken"] == line["by_chance"][0] and ended["runs"] == int(ended["broken"].split()[1].rstrip(":")) + 1
    assert ledger.over([ended], "nakamoto", 60, 0) and ledger.is_broken([ended], "nakamoto")


def test_aura_is_safe_with_one_who_shows_two_blocks_only_where_blocks_come_within_a_step() -> None:
    """What one half was not shown is asked for a second later: five steps, in which both halves build; or half of one."""
    quick = hunt(Aura(step=200 * MS), 1, seats=6, liars=1, first=5936)
    assert quick is not None and quick.verdict.name == "settled" and not is_chance(quick.scenario, quick.verdict)
    assert hunt(Aura(step=2000 * MS), 1, seats=6, liars=1, first=5936, pace=10) is None
