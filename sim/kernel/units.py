"""Quantities with their units: what a person writes becomes a whole number of base units, exactly.

Time is a count of nanoseconds, size of bytes, rate of bits per second; a share is a number from 0 to 1. The text is read
as a decimal number, never as a float, so "0.1 s" is 100 000 000 ns on every machine, and `show_*` prints what `parse_*` reads
back to the same number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final

from sim.kernel.errors import ScenarioError

Duration = Annotated[int, "duration"]
"""Nanoseconds, at least 0."""
Size = Annotated[int, "size"]
"""Bytes, at least 0."""
Rate = Annotated[int, "rate"]
"""Bits per second, at least 0."""
Share = Annotated[float, "share"]
"""A number from 0 to 1."""
Count = Annotated[int, "count"]
"""A whole number, at least 0."""

US: Final = 1_000
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
KIB: Final = 1024
MIB: Final = 1024**2
GIB: Final = 1024**3


@dataclass(frozen=True)
class Least:
    """Beside a unit in an annotation: the least value that a key takes, and the sentence for whatever is less."""

    value: int
    otherwise: str


Lasting = Annotated[int, "duration", Least(1, "must be longer than nothing")]
"""Nanoseconds, at least 1."""
Patience = Annotated[int, "duration", Least(MS, "no message could arrive in so short a time; write at least 1 ms")]
"""Nanoseconds, at least a million: with less, views would pass and time stand still."""
AtLeastOne = Annotated[int, "count", Least(1, "give at least 1")]
"""A whole number, at least 1."""

MOST: Final = 2**62
"""Nothing larger is taken: sums of two such numbers still fit int64."""

UNITS: Final[dict[str, dict[str, int]]] = {
    "duration": {"ns": 1, "us": US, "ms": MS, "s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY},
    "size": {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": KIB, "MiB": MIB, "GiB": GIB},
    "rate": {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9},
}
EXAMPLES: Final = {"duration": "40 ms", "size": "30 MiB", "rate": "50 Mbit/s", "share": "20 %", "count": "3"}
_BASE_NAMES: Final = {"duration": "one nanosecond", "size": "one byte", "rate": "one bit per second"}
_QUANTITY = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?)\s*([^\d\s.].*?)?\s*", re.ASCII)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _number_and_unit(text: str, kind: str, allowed: str) -> tuple[Decimal, str]:
    match = _QUANTITY.fullmatch(text) if len(text) <= 80 else None
    if match is None:
        raise ScenarioError(f"{_quoted(text)} is no {kind}: write a number and one of {allowed}, such as {EXAMPLES[kind]!r}")
    number, unit = Decimal(match[1]), match[2] or ""
    if number < 0:
        raise ScenarioError(f"{_quoted(text)} is negative; a {kind} is at least 0")
    return number, unit


def parse(text: str, kind: str) -> int | float:
    """`text` in base units of `kind` ('duration', 'size', 'rate', 'share' or 'count'); raises ScenarioError."""
    if kind == "share":
        return parse_share(text)
    if kind == "count":
        return parse_count(text)
    return _parse_whole(text, kind)


def _parse_whole(text: str, kind: str) -> int:
    units = UNITS[kind]
    allowed = ", ".join(units)
    number, unit = _number_and_unit(text, kind, allowed)
    if unit in ("µs", "μs"):
        unit = "us"
    if unit not in units:
        if not unit and not number:
            return 0
        why = f"unit {_quoted(unit)} is not known" if unit else "the unit is missing"
        near = [name for name in units if name.lower() == unit.lower()]
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ScenarioError(f"{_quoted(text)} is no {kind}: {why}{hint}; the units are {allowed}")
    if number and number.adjusted() > 19:
        raise ScenarioError(f"{_quoted(text)} is absurdly large for a {kind}: at most {show(MOST, kind)}")
    exact = number * units[unit]
    value = int(exact.to_integral_value(ROUND_HALF_EVEN))
    if value > MOST:
        raise ScenarioError(f"{_quoted(text)} is absurdly large for a {kind}: at most {show(MOST, kind)}")
    if value == 0 and exact:
        raise ScenarioError(f"{_quoted(text)} is less than {_BASE_NAMES[kind]}, the smallest {kind} there is")
    return value


def parse_duration(text: str) -> int:
    """Nanoseconds: parse_duration("40 ms") == 40_000_000."""
    return _parse_whole(text, "duration")


def parse_rate(text: str) -> int:
    """Bits per second: parse_rate("50 Mbit/s") == 50_000_000."""
    return _parse_whole(text, "rate")


def parse_share(text: str) -> float:
    """A number from 0 to 1: parse_share("20 %") == parse_share("0.2") == 0.2."""
    number, unit = _number_and_unit(text, "share", "'%' or nothing")
    if unit not in ("", "%"):
        raise ScenarioError(f"{_quoted(text)} is no share: write a percentage such as '20 %' or a number from 0 to 1")
    if number and number.adjusted() > 3:
        value = math.inf
    else:
        value = float(number / 100 if unit else number)
    if value > 1.0:
        raise ScenarioError(f"{_quoted(text)} is more than the whole; a share is at most '100 %'")
    return value


def parse_count(text: str) -> int:
    """A whole number, at least 0, written without a unit."""
    if not re.fullmatch(r"\s*\d{1,18}\s*", text, re.ASCII):
        raise ScenarioError(f"{_quoted(text)} is no count: write a whole number, at least 0")
    return int(text)


def as_number(value: float, kind: str) -> int | float:
    """A number that is already in base units, checked: finite, not negative, not absurd, whole where it must be."""
    if not math.isfinite(value):
        raise ScenarioError(f"{value} is no {kind}: a {kind} is finite")
    if value < 0:
        raise ScenarioError(f"{value} is negative; a {kind} is at least 0")
    if kind == "share":
        if value > 1:
            raise ScenarioError(f"{value} is more than the whole; a share is at most 1")
        return float(value)
    if value > MOST:
        raise ScenarioError(f"{_quoted(str(value))} is absurdly large for a {kind}")
    if value != int(value):
        raise ScenarioError(f"{value} is no {kind}: a whole number is wanted" if kind == "count" else f"{value} is no {kind}")
    return int(value)


def show(value: float, kind: str) -> str:
    """The text that `parse` reads back as `value`."""
    if kind == "share":
        return show_share(value)
    if kind == "count":
        return str(int(value))
    units, whole = UNITS[kind], int(value)
    if whole == 0:
        return f"0 {'s' if kind == 'duration' else next(iter(units))}"
    for unit, factor in sorted(units.items(), key=lambda pair: -pair[1]):
        # minutes and larger, and the powers of two, read badly with a fraction
        coarse = factor > SECOND if kind == "duration" else unit.endswith("iB")
        if whole % factor == 0 and whole >= factor:
            return f"{whole // factor} {unit}"
        if not coarse and whole >= factor and (whole * 1000) % factor == 0:
            return f"{(Decimal(whole) / factor).normalize():f} {unit}"
    return f"{whole} {next(iter(units))}"


def show_duration(ns: int) -> str:
    """show_duration(40_000_000) == '40 ms'."""
    return show(ns, "duration")


def show_share(share: float) -> str:
    """show_share(0.2) == '20 %'; the shortest percentage that reads back as the same number."""
    percent = (Decimal(repr(float(share))) * 100).normalize()
    plain = f"{percent:f}"
    return f"{plain if len(plain) <= 40 else percent} %"  # a share such as 1e-300 would fill lines with zeros
