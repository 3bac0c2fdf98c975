"""What is really played, at other scales, paces, days and seeds than the tables state: counts by row and hour, and sizes."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from importlib.resources import files
from typing import Any

import pytest
from health_world import HALF, IslandWorld

from sim.health.catalogue import Entry
from sim.health.claims import Claims
from sim.health.consent import Consent
from sim.health.credentials import Credentials
from sim.health.imaging import Imaging
from sim.health.monitoring import Monitoring
from sim.health.play import Play
from sim.health.provenance import Provenance
from sim.health.public_health import PublicHealth
from sim.health.supply import Supply
from sim.health.trials import Trials

KINDS: tuple[Any, ...] = (Claims, Consent, Credentials, Imaging, Monitoring, Provenance, PublicHealth, Supply, Trials)
TREE = json.loads(files("sim.health").joinpath("tables", "workloads.json").read_text("utf-8"))
ACTORS: dict[str, dict[str, int]] = {one["id"]: one["actors"] for one in TREE["workloads"]}
"""How many of each actor there are in the reference network, by workload: as written, whatever seats play them."""
PACES: tuple[tuple[dict[str, Any], int, int], ...] = (
    ({"scale": 0.2, "compression": 96, "start_hour": 5, "start_day": "fri"}, 3, 8),
    ({"scale": 1.0, "compression": 240, "start_hour": 0, "start_day": "mon"}, 1, 24),
    ({"scale": 3.0, "compression": 480, "start_hour": 13, "start_day": "sat"}, 2, 24),
)


class Watched(Play):
    """What was counted, and when; which sizes were drawn."""

    seen: list[tuple[int, str, int]]
    sizes: dict[Entry, list[int]]

    def count(self, what: str, times: int = 1) -> None:
        self.seen.append((self.world.now_ns, what, times))
        super().count(what, times)

    def size_bytes(self, entry: Entry, *key: int | str) -> int:
        size = super().size_bytes(entry, *key)
        self.sizes[entry].append(size)
        return size


def played(kind: Any, keys: dict[str, Any], seed: int, hours: int) -> tuple[Any, Watched]:
    world = IslandWorld(hours * 3600 / keys["compression"], seed=seed)
    part = kind(**keys)
    found: list[Watched] = []

    def setup(world: Any) -> None:
        play = Watched(world, part)
        play.seen, play.sizes = [], defaultdict(list)
        world.memory["play"] = play
        play.open(type(part).story(play))
        found.append(play)

    object.__setattr__(part, "setup", setup)
    world.run(part)
    return part, found[0]


@pytest.mark.parametrize(
    ("keys", "seed", "hours"),
    [
        pytest.param(*pace, id=f"x{pace[0]['scale']:g}", marks=[pytest.mark.thorough] if place else [])
        for place, pace in enumerate(PACES)
    ],
)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_counts_by_row_and_hour_and_sizes_follow_the_tables(kind: Any, keys: dict[str, Any], seed: int, hours: int) -> None:
    part, play = played(kind, keys, seed, hours)
    counts: dict[tuple[str, int], int] = defaultdict(int)
    for time_ns, row, times in play.seen:
        counts[row, int((time_ns - 1) / part.calendar.hour_ns)] += times  # a stretch that ends with the hour belongs to it
    judged = 0
    for row in (*play.story.acts, *play.story.windows):
        entry = part.chapter.entries.get(row)
        if entry is None:
            continue
        for hour in range(hours):
            mean = ACTORS[part.workload][entry.role] * part.calendar.expected(entry, part.scale, hour)
            assert abs(counts[row, hour] - mean) <= 4.5 * math.sqrt(mean) + 1, (row, hour, counts[row, hour], mean)
            judged += 1
    assert judged >= hours
    for entry, drawn in play.sizes.items():
        ordered, many = sorted(drawn), len(drawn)
        spread = math.log(entry.p95_bytes / entry.median_bytes) / 1.645 / math.sqrt(many) if many else 0.0
        if many >= 300:
            # 2 % and four standard errors of the quantiles of a lognormal sample
            assert abs(ordered[many // 2] / entry.median_bytes - 1) < 0.02 + 4 * 1.2533 * spread, entry.name
            assert abs(ordered[int(0.95 * many)] / entry.p95_bytes - 1) < 0.02 + 4 * 2.11 * spread, entry.name


ZERO = (
    "count", "lost_by_reorg", "out_of_order", "unavailable", "orphan_anchors", "altered_undetected", "double_transferred_units",
    "counterfeit_units_accepted", "late", "lost", "replays_accepted", "times", "never_final_again", "unanswered", "not_done",
)  # fmt: skip


def leaves(table: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        found += leaves(value, f"{path}{key}.") if isinstance(value, dict) else [(f"{path}{key}", value)]
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@pytest.mark.parametrize("certain", [True, False], ids=["quorums", "forks"])
def test_without_faults_no_harm_is_done_whatever_the_seed_and_the_hour(kind: Any, certain: bool) -> None:
    """Each of these harms moves in a scene of `test_health_metrics.py`."""
    for seed in (1, 2, 3):
        world = IslandWorld(60, HALF, seed=seed, certain=certain)
        [table] = world.run(kind(compression=48, start_hour=4 * seed + 4))
        harms = [(path, value) for path, value in leaves(table["outcomes"]) if path.rsplit(".")[-1] in ZERO]
        assert len(harms) >= 3 and not any(value for _, value in harms), (seed, harms)
        assert all(level["attained_share"] in (None, 1.0) for level in table["slo"]), (seed, table["slo"])
