"""The groups of the curve BLS12-381, as far as a trusted setup needs them: many multiples of the generators, in their short form.

Parameters and encoding: draft-irtf-cfrg-pairing-friendly-curves, section 4.2.1 and appendix C; y^2 = x^3 + 4, over a field of 381
bits (G1) and over its extension by the square root of -1 (G2). Points are pairs of coordinates, None is the neutral one.
"""

from __future__ import annotations

from collections.abc import Sequence

FIELD = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""How many points either group has: scalars are numbers below it."""
Point = tuple[int, int] | None
Square = tuple[int, int]
"""a + b i, an element of the extension."""
Twisted = tuple[Square, Square] | None

G1: Point = (
    0x17F1D3A73197D7942695638C4FA9AC0FC3688C4F9774B905A14E3A3F171BAC586C55E83FF97A1AEFFB3AF00ADB22C6BB,
    0x08B3F481E3AAA0F1A09E30ED741D8AE4FCF5E095D5D00AF600DB18CB2C04B3EDD03CC744A2888AE40CAA232946C5E7E1,
)
G2: Twisted = (
    (
        0x024AA2B2F08F0A91260805272DC51051C6E47AD4FA403B02B4510B647AE3D1770BAC0326A805BBEFD48056C8C121BDB8,
        0x13E02B6052719F607DACD3A088274F65596BD0D09920B61AB5DA61BBDC7F5049334CF11213945D57E5AC7D055D042B7E,
    ),
    (
        0x0CE5D527727D6E118CC9CDC6DA2E351AADFD9BAA8CBDD3A76D429A695160D12C923AC9CC3BACA289E193548608B82801,
        0x0606C4A02EA734CC32ACD2B02BC28B99CB3E287E85A763AF267492AB572E99AB3F370D275CEC1DA1AAA9075FF05F79BE,
    ),
)
_WINDOW_BITS = 8


def add_each(left: Sequence[Point], right: Sequence[Point]) -> list[Point]:
    """left[i] + right[i] in G1, with one inversion for all (Montgomery, Mathematics of Computation 1987, section 10.3.1)."""
    divisors, products, product = [], [], 1
    for one, other in zip(left, right, strict=True):
        divisor = 1
        if one is not None and other is not None:
            divisor = (other[0] - one[0]) % FIELD or (2 * one[1] if one[1] == other[1] else 1)
        divisors.append(divisor)
        products.append(product)
        product = product * divisor % FIELD
    backwards = pow(product, -1, FIELD)
    sums: list[Point] = [None] * len(divisors)
    for place in range(len(divisors) - 1, -1, -1):
        inverse = backwards * products[place] % FIELD
        backwards = backwards * divisors[place] % FIELD
        sums[place] = _added(left[place], right[place], inverse)
    return sums


def _added(one: Point, other: Point, inverse: int) -> Point:
    """The sum, given the inverse of the slope's divisor."""
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0] and one[1] != other[1]:
        return None
    slope = (3 * one[0] * one[0] if one == other else other[1] - one[1]) * inverse % FIELD
    x = (slope * slope - one[0] - other[0]) % FIELD
    return x, (slope * (one[0] - x) - one[1]) % FIELD


def multiples(scalars: Sequence[int]) -> list[Point]:
    """Each scalar times the generator of G1."""
    sums: list[Point] = [None] * len(scalars)
    step = G1
    for shift in range(0, ORDER.bit_length(), _WINDOW_BITS):
        row: list[Point] = [None, step]
        while len(row) < 1 << _WINDOW_BITS:  # twice the row, and one more: 1, 2 | 3, 4 | 5 ... 8 |
            row += add_each(row[1:], [row[-1]] * (len(row) - 1))
        digits = [scalar >> shift & (1 << _WINDOW_BITS) - 1 for scalar in scalars]
        sums = add_each(sums, [row[digit] for digit in digits])
        step = add_each([row[(1 << _WINDOW_BITS) - 1]], [step])[0]
    return sums


def twisted_multiple(scalar: int, point: Twisted) -> Twisted:
    """A scalar times a point of G2."""
    total: Twisted = None
    while scalar:
        if scalar & 1:
            total = _twisted_sum(total, point)
        point = _twisted_sum(point, point)
        scalar >>= 1
    return total


def _times(one: Square, other: Square) -> Square:
    return (one[0] * other[0] - one[1] * other[1]) % FIELD, (one[0] * other[1] + one[1] * other[0]) % FIELD


def _minus(one: Square, other: Square) -> Square:
    return (one[0] - other[0]) % FIELD, (one[1] - other[1]) % FIELD


def _over(one: Square, other: Square) -> Square:
    inverse = pow(other[0] * other[0] + other[1] * other[1], -1, FIELD)
    return _times(one, (other[0] * inverse % FIELD, -other[1] * inverse % FIELD))


def _twisted_sum(one: Twisted, other: Twisted) -> Twisted:
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0]:
        if one[1] != other[1]:
            return None
        slope = _over(_times((3, 0), _times(one[0], one[0])), _times((2, 0), one[1]))
    else:
        slope = _over(_minus(other[1], one[1]), _minus(other[0], one[0]))
    x = _minus(_minus(_times(slope, slope), one[0]), other[0])
    return x, _minus(_times(slope, _minus(one[0], x)), one[1])


def short(point: Point) -> bytes:
    """48 bytes: x, and in the first three bits that it is short, whether it is neutral, whether y is the larger one."""
    if point is None:
        return bytes([0xC0]) + bytes(47)
    sign = 0xA0 if 2 * point[1] > FIELD else 0x80
    text = point[0].to_bytes(48, "big")
    return bytes([text[0] | sign]) + text[1:]


def short_twisted(point: Twisted) -> bytes:
    """96 bytes of a point of G2, likewise; the part with i comes first."""
    if point is None:
        return bytes([0xC0]) + bytes(95)
    (real, imaginary), (y_real, y_imaginary) = point
    larger = 2 * (y_imaginary or y_real) > FIELD
    text = imaginary.to_bytes(48, "big") + real.to_bytes(48, "big")
    return bytes([text[0] | (0xA0 if larger else 0x80)]) + text[1:]
