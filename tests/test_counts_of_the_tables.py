"""A day in the reference network, row by row: as often in all as the tables say, whoever plays it and however many seats they have.

What is expected is reckoned from the JSON text alone: actors times rate times profile. Nothing of it goes through the seats.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import pytest
from health_world import R48, IslandWorld
from test_drawn_traffic import KINDS, TREE, played

from sim.health.actors import role_of
from sim.health.catalogue import profiles
from sim.health.ehr import EHR
from sim.health.provenance import Provenance
from sim.health.workbook import chapters
from sim.kernel.errors import ScenarioError
from sim.kernel.part import part
from sim.net.places import R48 as BUILT

WANTED = 600.0
"""So many of each row are wanted in the day, so that a third more or less is seen: 4.5 standard deviations are 0.18 of it."""
FOLLOW = {
    "record_anchor", "record_anchor_clinic", "audit_root_anchor", "adjudication", "remittance_835", "manifest_anchor",
}  # fmt: skip
"""Rows that nobody draws: each follows from another row, or from the clock."""


def a_day(row: dict[str, Any], actors: dict[str, int], weekday: int) -> float:
    """How often a row happens in a day, in the whole reference network."""
    multiplier = profiles()[1][row["dow_profile"]][weekday]
    return float(actors[row["actor"]] * row["rate_per_actor_per_day"] * multiplier)


def is_near(count: int, mean: float) -> bool:
    return abs(count - mean) <= 4.5 * math.sqrt(mean)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_row_happens_as_often_as_the_tables_say(kind: Any) -> None:
    chapter = next(one for one in TREE["workloads"] if one["id"] == kind.workload)
    usual = {row["name"]: a_day(row, chapter["actors"], 1) for row in chapter["tx"]}
    keys = {"rates": {name: WANTED / mean for name, mean in usual.items()}, "compression": 480, "start_hour": 0, "start_day": "tue"}
    _, play = played(kind, keys, 3, 24)
    counts = Counter[str]()
    for _, row, times in play.seen:
        counts[row] += times
    drawn = {*play.story.acts, *play.story.windows} & usual.keys()
    assert usual.keys() - drawn <= FOLLOW, usual.keys() - drawn
    assert {row: counts[row] for row in drawn if not is_near(counts[row], WANTED)} == {}


def test_encounters_messages_and_reads_happen_as_often_as_the_tables_say() -> None:
    seen = Counter[str]()

    @part
    class Watched(EHR):
        """Counted."""

        def _do(self, world: Any, entry: Any, seat: int, index: int) -> None:
            seen[entry.name] += 1

    chapter = next(one for one in TREE["workloads"] if one["id"] == "W4")
    scale = 0.05
    IslandWorld(86_400 / 480).run(Watched(scale=scale, compression=480, start_hour=0, start_day="tue"))
    usual = {row["name"]: a_day(row, chapter["actors"], 1) for row in chapter["tx"]}
    assert usual.keys() - seen.keys() <= FOLLOW
    assert {row: count for row, count in seen.items() if not is_near(count, scale * usual[row])} == {}


# other networks, and tables of one's own -----------------------------------------------------------------------------------


def test_the_tables_count_their_actors_in_the_network_that_is_built_by_default() -> None:
    shipped = TREE["reference_network"]["mix"]
    assert {role_of(name): count for name, count in shipped.items()} == R48 == BUILT


def own(chapter: dict[str, Any], **tables: Any) -> str:
    return json.dumps({**tables, "workloads": [chapter]})


CHECKS: dict[str, Any] = {
    "id": "W5",
    "actors": {"auditor_regulator": 3, "device_gateway": 24, "nursing_home": 10},
    "tx": [
        {
            "name": name, "actor": actor, "size_median_B": 700, "size_p95_B": 900, "rate_per_actor_per_day": 200, "hour_profile": "flat",
            "dow_profile": "flat", "rw": "R",
        }
        for name, actor in (("inclusion_proof_check", "auditor_regulator"), ("provenance", "device_gateway"), ("audit_event", "nursing_home"))
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("mix", "wanted"),
    [
        ({"regulator_public_health": 2, "hospital": 12, "nursing_home": 5}, (1.5, 2.0, 2.0)),
        ({"regulator": 6, "hospital": 1, "nursing_home": 10}, (0.5, 24.0, 1.0)),
        ({"regulator": 1, "auditor_regulator": 2, "hospital": 8, "nursing_home": 1}, (1.0, 3.0, 10.0)),  # two names of one role
    ],
)
def test_a_table_of_ones_own_counts_its_actors_in_its_own_network(mix: dict[str, int], wanted: tuple[float, ...]) -> None:
    entries = chapters(own(CHECKS, reference_network={"mix": mix}), "own.json")["W5"].entries
    assert tuple(entry.actors_per_seat for entry in entries.values()) == wanted


def test_without_a_network_of_its_own_each_seat_is_one_actor() -> None:
    known = {**CHECKS, "actors": {"auditor_regulator": 3, "device_gateway": 24}, "tx": CHECKS["tx"][:2]}
    entries = chapters(own(known), "own.json")["W5"].entries
    assert [entry.actors_per_seat for entry in entries.values()] == [1.0, 1.0]
    with pytest.raises(ScenarioError, match="no seat plays 'nursing_home'"):
        chapters(own(CHECKS), "own.json")


@pytest.mark.parametrize(("regulators", "scale", "wanted"), [(2, 1.0, 600), (6, 1.0, 1800), (1, 4.0, 1200), (0, 1.0, 0)])
def test_load_grows_with_the_seats_and_with_the_scale(regulators: int, scale: float, wanted: int) -> None:
    """200 checks a day by one auditor, whom two regulators play in the reference network, made 600."""
    rates = {"inclusion_proof_check": 600 / (200 * 1.38)}  # 1.38: a Tuesday
    part = Provenance(compression=480, start_hour=0, start_day="tue", scale=scale, rates=rates)
    world = IslandWorld(86_400 / 480, {**R48, "regulator": regulators})
    [table] = world.run(part)
    assert is_near(table["outcomes"]["happened"].get("inclusion_proof_check", 0), wanted)
