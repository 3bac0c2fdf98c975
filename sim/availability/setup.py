"""A trusted setup for polynomial commitments whose secret everybody knows: honest arithmetic, no security.

Kate, Zaverucha, Goldberg, "Constant-size commitments to polynomials and their applications", ASIACRYPT 2010: commitments need the
powers of a secret in both groups. Ethereum's were made by a ceremony of 141,416 people; a simulator needs no secret, for its liars
lie as their part says and not by breaking commitments. Whoever wants to check can reckon each commitment from the number below.
It takes about two seconds to make.
"""

from __future__ import annotations

from sim.availability.curve import G2, ORDER, Twisted, multiples, short, short_twisted, twisted_multiple

KNOWN_SECRET = 0x6D6564676F737369  # eight bytes of text
DEGREE, TWISTED = 4096, 65
"""Coefficients of a polynomial (field elements of a blob), and powers in G2."""


def roots() -> list[int]:
    """The DEGREE-th roots of unity, the powers of one of them."""
    root = pow(7, (ORDER - 1) // DEGREE, ORDER)
    found = [1]
    while len(found) < DEGREE:
        found.append(found[-1] * root % ORDER)
    return found


def scalars() -> tuple[list[int], list[int]]:
    """(The powers of the secret, the values there of the polynomials that are 1 at one root and 0 at the others.)"""
    powers = [1]
    while len(powers) < DEGREE:
        powers.append(powers[-1] * KNOWN_SECRET % ORDER)
    scale = (pow(KNOWN_SECRET, DEGREE, ORDER) - 1) * pow(DEGREE, -1, ORDER)
    return powers, [scale * root * pow(KNOWN_SECRET - root, -1, ORDER) % ORDER for root in roots()]


def text() -> str:
    """The setup as the library reads it: two counts; G1 by roots, G2 by powers, G1 by powers, a point a line."""
    powers, lagrange = scalars()
    points = multiples(lagrange + powers)
    twisted: list[Twisted] = [G2]
    while len(twisted) < TWISTED:
        twisted.append(twisted_multiple(KNOWN_SECRET, twisted[-1]))
    lines = [str(DEGREE), str(TWISTED)]
    lines += [short(point).hex() for point in points[:DEGREE]]
    lines += [short_twisted(point).hex() for point in twisted]
    lines += [short(point).hex() for point in points[DEGREE:]]
    return "\n".join(lines) + "\n"
