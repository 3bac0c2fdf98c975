"""The last answer, kept for who asks the same again: runs of one scenario do, thousands of times."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from operator import is_
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def asked_again(function: Callable[P, T]) -> Callable[P, T]:
    """Answer anew only where it is not the very same objects that are asked about: they need neither be hashed nor compared.

    For questions whose answer nobody changes. The last objects asked about live on with their answer.
    """
    kept: list[tuple[tuple[object, ...], T]] = []

    @wraps(function)
    def asked(*about: P.args, **named: P.kwargs) -> T:
        if kept and not named:
            before, answer = kept[0]
            if len(before) == len(about) and all(map(is_, before, about)):
                return answer
        answer = function(*about, **named)
        kept[:] = [(about, answer)]
        return answer

    return asked
