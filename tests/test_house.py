"""The house keeps its rules, and each rule is shown code that it must refuse.

`REFUSED` holds, for every rule, code it must complain about, so that no rule can rot into one that never says anything;
`ALLOWED` holds code that looks alike and is fine.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from house_rules import (
    MEDIAN_PROTOCOL_LINES,
    MOST_FILE_LINES,
    MOST_FUNCTION_LINES,
    Source,
    documented,
    floors,
    named_for_what_it_is,
    no_chance_or_clock_of_its_own,
    no_iteration_over_sets,
    no_open_keywords,
    no_printing,
    no_shared_state,
    protocols_on_a_screen,
    short_enough,
)

SIM = Path(__file__).parent.parent / "sim"
Rule = Callable[[Source], Iterator[str]]
REFUSED: dict[Rule, tuple[tuple[str, str], ...]] = {
    floors: (
        ("net/a.py", "from sim.node.node import Node"),
        ("net/a.py", "from ..study import run"),
        ("kernel/a.py", "def late():\n    import sim.net.topology"),
        ("consensus/a.py", "from sim.gossip.flood import Flood"),
        ("ledger/a.py", "from sim.health.ehr import EHR"),
        ("study/a.py", "from sim import cli"),
        ("health/a.py", "import sim"),
        ("attic/a.py", ""),
    ),
    no_chance_or_clock_of_its_own: (
        ("net/a.py", "import random"),
        ("net/a.py", "from numpy.random import default_rng"),
        ("net/a.py", "import numpy as np\nnp.random.seed(1)"),
        ("net/a.py", "from time import perf_counter as tick\ntick()"),
        ("study/sweep.py", "import time\ntime.time()"),
        ("cli.py", "import datetime\ndatetime.datetime.now()"),
        ("net/a.py", "import uuid"),
        ("net/a.py", "from os import urandom\nurandom(8)"),
        ("node/a.py", "import asyncio\nasyncio.wait([])"),
        ("node/a.py", "from asyncio import TaskGroup\nTaskGroup()"),
        ("node/a.py", "import asyncio\nasyncio.as_completed([])"),
        ("node/a.py", "sorted([], key=id)"),
        ("node/a.py", "hash('text')"),
    ),
    no_printing: (("study/report.py", "print('ready')"),),
    no_iteration_over_sets: (
        ("net/a.py", "for seat in {1, 2}:\n    pass"),
        ("net/a.py", "seats = [seat for seat in set(range(3))]"),
        ("net/a.py", "total = sum(x for x in frozenset(()))"),
        ("net/a.py", "seats = list({1} | set())"),
        ("net/a.py", "def f():\n    seen = set()\n    for seat in seen:\n        pass"),
        ("net/a.py", "def f(seen: set[int]):\n    return tuple(seen)"),
    ),
    no_open_keywords: (("net/a.py", "def build(**options):\n    pass"),),
    no_shared_state: (
        ("net/a.py", "cache = {}"),
        ("net/a.py", "import collections\n_seen: object = collections.deque()"),
        ("net/a.py", "def f():\n    global runs\n    runs = 1"),
    ),
    short_enough: (
        ("net/a.py", "x = 1\n" * (MOST_FILE_LINES + 1)),
        ("net/a.py", "def f():\n" + "    x = 1\n" * MOST_FUNCTION_LINES),
    ),
    documented: (
        ("net/a.py", "x = 1"),
        ("net/a.py", '"""Idea."""\ndef f():\n    pass'),
        ("net/a.py", '"""Idea."""\nclass A:\n    """A."""\n    async def f(self):\n        pass'),
    ),
    named_for_what_it_is: (("net/utils.py", ""), ("helpers/a.py", "")),
}
ALLOWED: dict[Rule, tuple[tuple[str, str], ...]] = {
    floors: (
        ("health/a.py", "from sim.ledger.block import Block"),
        ("testing.py", "from sim.study import run"),
        ("study/a.py", "from sim import __version__"),
    ),
    no_chance_or_clock_of_its_own: (
        ("study/run.py", "import time\ntime.perf_counter()"),
        ("net/a.py", "self.id = node.id\nloop.time()\nimport asyncio\nasyncio.wait_for(x, 1)"),
    ),
    no_printing: (("cli.py", "print('ready')"),),
    no_iteration_over_sets: (("net/a.py", "def f():\n    a = {1}\n    return sorted(a), any(x for x in a), 3 in a"),),
    no_open_keywords: (("node/node.py", "def note(self, kind, **facts):\n    pass"),),
    no_shared_state: (("net/a.py", "__all__ = ['A']\nTABLE = {}\nname = 'x'"),),
    short_enough: (("net/a.py", "def f():\n" + "    x = 1\n" * (MOST_FUNCTION_LINES - 1)),),
    documented: (("net/a.py", '"""Idea."""\ndef _f():\n    pass'),),
    named_for_what_it_is: (("study/evidence.py", ""),),
}


def sources() -> list[Source]:
    """Every Python file of the package."""
    return [Source(path.relative_to(SIM).as_posix(), path.read_text("utf-8")) for path in sorted(SIM.rglob("*.py"))]


@pytest.mark.parametrize("rule", REFUSED, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    complaints = [complaint for source in sources() for complaint in rule(source)]
    assert not complaints, f"{rule.__doc__}\n" + "\n".join(complaints)


@pytest.mark.parametrize(("rule", "path", "text"), [(rule, *case) for rule, cases in REFUSED.items() for case in cases])
def test_the_rule_refuses(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), [(rule, *case) for rule, cases in ALLOWED.items() for case in cases])
def test_the_rule_allows(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Source(path, text)))


def test_protocols_are_read_on_a_screen_or_two() -> None:
    project = tomllib.loads((SIM.parent / "pyproject.toml").read_text("utf-8"))
    places = project["project"]["entry-points"]["medgossip.consensus"].values()
    paths = dict.fromkeys(place.partition(":")[0].replace(".", "/") + ".py" for place in places)
    assert len(paths) > 20
    assert not list(protocols_on_a_screen({path: (SIM.parent / path).read_text("utf-8") for path in paths}))


def test_half_of_the_protocols_too_long_is_too_many() -> None:
    short, long = "x = 1\n" * (MEDIAN_PROTOCOL_LINES - 1), "x = 1\n" * MEDIAN_PROTOCOL_LINES
    assert not list(protocols_on_a_screen({"a.py": short, "b.py": short, "c.py": long}))
    assert list(protocols_on_a_screen({"a.py": short, "b.py": long, "c.py": long}))


def test_there_is_a_house_to_read() -> None:
    assert len(sources()) > 50
    assert REFUSED.keys() == ALLOWED.keys()
