"""The last answer, kept for who asks the same again: runs of one scenario do, thousands of times."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from operator import is_
from typing import TypeVar, TypeVarTuple

About = TypeVarTuple("About")
T = TypeVar("T")


def asked_again(function: Callable[[*About], T]) -> Callable[[*About], T]:
    """Answer anew only where it is not the very same objects that are asked about: they need neither be hashed nor compared.

    For questions whose answer nobody changes. The last objects asked about live on with their answer.
    """
    kept: list[tuple[tuple[object, ...], T]] = []

    @wraps(function)
    def asked(*about: *About) -> T:
        if kept:
            before, answer = kept[0]
            if len(before) == len(about) and all(map(is_, before, about)):
                return answer
        answer = function(*about)
        kept[:] = [(about, answer)]
        return answer

    return asked
