"""Units: exact whole numbers from text, text that reads back, and refusals that name what was wrong."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.kernel import units
from sim.kernel.errors import ScenarioError
from sim.kernel.part import fields_of, part
from sim.kernel.units import AtLeastOne, Count, Duration, Least, Patience, Rate, Share, Size


@part
class Sample:
    """A part for these tests."""

    delay: Duration = 40 * units.MS  # how long it waits
    fanout: Count = 3
    """How many are told."""
    loss: Share = 0.0
    cap: Size | None = None
    speed: Rate
    drift: float = field(default=0.0, metadata={"signed": True})
    wait: Patience = units.SECOND
    turns: AtLeastOne | None = None
    growth: Annotated[float, Least(1, "must not shrink")] = 1.0

    def check(self) -> None:
        """A rule of its own."""
        if self.fanout > 10:
            raise ScenarioError("more than ten", "fanout")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("40 ms", "duration", 40_000_000),
        ("0.1 s", "duration", 100_000_000),
        ("0.3s", "duration", 300_000_000),
        ("1.5 us", "duration", 1_500),
        ("2 µs", "duration", 2_000),
        ("90 s", "duration", 90_000_000_000),
        ("1 d", "duration", 86_400_000_000_000),
        ("0", "duration", 0),
        ("30 MiB", "size", 31_457_280),
        ("1 kB", "size", 1_000),
        ("50 Mbit/s", "rate", 50_000_000),
        ("20 %", "share", 0.2),
        ("0.2", "share", 0.2),
        ("100 %", "share", 1.0),
        ("7", "count", 7),
    ],
)
def test_text_becomes_base_units(text: str, kind: str, value: float) -> None:
    """Read as decimals, never through floats."""
    assert units.parse(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("-1 ms", "duration", "negative"),
        ("nan s", "duration", "is no duration"),
        ("inf s", "duration", "is no duration"),
        ("40", "duration", "unit is missing"),
        ("40 parsecs", "duration", "ns, us, ms, s, min, h, d"),
        ("40 MS", "duration", "did you mean 'ms'"),
        ("1e30 d", "duration", "absurdly large"),
        ("1e9999 s", "duration", "absurdly large"),
        ("0.1 ns", "duration", "less than one nanosecond"),
        ("ms", "duration", "write a number"),
        ("", "duration", "write a number"),
        ("1 ms 2 s", "duration", "not known"),
        ("9" * 500 + " s", "duration", "is no duration"),
        ("30 mib", "size", "did you mean 'MiB'"),
        ("50 Mbit", "rate", "bit/s, kbit/s, Mbit/s, Gbit/s"),
        ("120 %", "share", "more than the whole"),
        ("2", "share", "more than the whole"),
        ("1e9999", "share", "more than the whole"),
        ("20 ms", "share", "is no share"),
        ("2.5", "count", "whole number"),
    ],
)
def test_refusals_name_the_trouble(text: str, kind: str, said: str) -> None:
    """One sentence, with the text or what is allowed."""
    with pytest.raises(ScenarioError) as caught:
        units.parse(text, kind)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250


@given(st.integers(0, units.MOST), st.sampled_from(["duration", "size", "rate"]))
@settings(max_examples=300, deadline=None)
def test_shown_quantities_read_back(value: int, kind: str) -> None:
    """`show` is the inverse of `parse`, for every number there is."""
    assert units.parse(units.show(value, kind), kind) == value


@given(st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_shown_shares_read_back(share: float) -> None:
    """The percentage loses nothing."""
    assert units.parse_share(units.show_share(share)) == share


@pytest.mark.parametrize(
    ("ns", "text"), [(0, "0 s"), (40_000_000, "40 ms"), (90_000_000_000, "90 s"), (600_000_000_000, "10 min"), (1_500, "1.5 us")]
)
def test_durations_are_shown_as_people_write_them(ns: int, text: str) -> None:
    """Whole minutes and hours, never 1.5 min."""
    assert units.show_duration(ns) == text


def test_a_part_takes_text_or_base_units() -> None:
    """A notebook and a file make equal parts, which cannot be changed."""
    made: Any = Sample
    written = made(delay="2 s", loss="5 %", cap="3 MiB", speed="5 Mbit/s", drift=-2)
    assert written == Sample(delay=2 * units.SECOND, loss=0.05, cap=3 * units.MIB, speed=5_000_000, drift=-2.0)
    with pytest.raises(AttributeError):
        written.delay = 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"delay": -1},
        {"delay": True},
        {"delay": float("nan")},
        {"delay": 0.5},
        {"delay": 2**63},
        {"fanout": "3"},
        {"fanout": 11},
        {"loss": 1.5},
        {"loss": float("inf")},
        {"drift": float("nan")},
        {"cap": []},
        {"wait": 999_999},
        {"turns": 0},
        {"growth": 0.99},
    ],
)
def test_a_part_that_breaks_its_rules_cannot_exist(wrong: dict[str, Any]) -> None:
    """And the error carries the name of the field."""
    with pytest.raises(ScenarioError) as caught:
        Sample(**{"speed": 0, **wrong})
    assert caught.value.path == next(iter(wrong))


def test_the_least_value_is_taken_and_less_is_told_in_the_words_of_the_annotation() -> None:
    made: Any = Sample
    assert made(speed=0, wait="1 ms", turns=1, growth=1).wait == units.MS
    with pytest.raises(ScenarioError, match=r"^growth: must not shrink$"):
        made(speed=0, growth=0)
    assert {entry.name: entry.kind for entry in fields_of(Sample)}["growth"] == "float"


def test_fields_know_their_manual() -> None:
    """From the comment behind or the text beneath."""
    told = {entry.name: entry for entry in fields_of(Sample)}
    assert (told["delay"].kind, told["delay"].default, told["delay"].manual) == ("duration", 40_000_000, "how long it waits")
    assert told["fanout"].manual == "How many are told."
    assert told["cap"].kind == "size" and told["cap"].default is None
    assert [name for name, entry in told.items() if entry.required] == ["speed"]
