"""The list of cases: which file holds which, and the letters of the groups."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from sim.study.validation import (
    agreement,
    asynchrony,
    authority,
    conventions,
    durability,
    elections,
    epidemics,
    epochs,
    floods,
    large_blocks,
    leaders,
    links,
    members,
    polling,
    queues,
    regions,
    relays,
    sampled,
    simblock,
    spending,
    timing,
    work,
)
from sim.study.validation.case import Case

GROUPS = {"A": (1, 14), "B": (15, 38), "C": (41, 67), "D": (70, 75), "E": (77, 86)}
"""A engine, links, queues; B dissemination; C consensus; D proof of work; E availability and durability: first and last case.

A case of our own stands behind those of its group and is named after it: E1.
"""
_FILES = (
    links,
    queues,
    regions,
    floods,
    epidemics,
    relays,
    members,
    simblock,
    agreement,
    leaders,
    asynchrony,
    authority,
    epochs,
    polling,
    timing,
    durability,
    elections,
    sampled,
    large_blocks,
    conventions,
    work,
    spending,
)


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case with its group, in order of number; cases of one number in the order of their files."""
    cases = [replace(case, group=group_of(case.id)) for file in _FILES for case in file.CASES]
    return tuple(sorted(cases, key=lambda case: (case.group, case.id[0] != "V", int(case.id[1:]))))


def group_of(number: str) -> str:
    """The letter of the group of a case such as V21 or E1."""
    if number[0] in GROUPS:
        return number[0]
    return next(group for group, (first, last) in GROUPS.items() if first <= int(number[1:]) <= last)
