"""A stranger's JSON, read so that every flaw has a place; a name that is given twice is one, since one of its values would be lost."""

from __future__ import annotations

import json
import re
from typing import Any

from sim.kernel.files import shown

_MARKS = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|[{}]')
"""Texts, with the colon that makes one of them a name, and the ends of objects."""


class Flaw(ValueError):
    """What is wrong, and how many characters stand before it."""

    def __init__(self, sentence: str, offset: int = 0) -> None:
        super().__init__(sentence)
        self.sentence, self.offset = sentence, offset


def parsed(text: str) -> Any:
    """What the text says; raises Flaw."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise Flaw(error.msg, error.pos) from None
    except RecursionError:
        raise Flaw("it is nested too deeply") from None
    except _Twice as error:
        raise Flaw(f"{shown(error.args[0])} is given twice", _second(text)) from None
    except ValueError:
        raise Flaw("it holds a number of too many digits") from None


class _Twice(ValueError):
    """Of a name."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for place, name in enumerate(names) if name in names[:place]))
    return made


def _second(text: str) -> int:
    """Where the first name stands that its object has already, in a text that is JSON."""
    objects: list[set[str]] = []
    for mark in _MARKS.finditer(text):
        if mark[0] == "{":
            objects.append(set())
        elif mark[0] == "}":
            objects.pop()
        elif mark[2] is not None:
            name = json.loads(mark[1])
            if name in objects[-1]:
                return mark.start()
            objects[-1].add(name)
    return 0
