"""Networks on the map: named regions with measured delays between them, and hospitals of the United States."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.files import FileName
from sim.kernel.part import part
from sim.kernel.units import MS, Count, Duration
from sim.net.matrices import region_matrix, table_lines
from sim.net.topologies import all_pairs, random_regular
from sim.net.topology import Topology, check_count, linked, numbered

R48 = {"hospital": 12, "clinic": 12, "lab": 4, "payer": 4, "pharmacy": 6, "manufacturer": 3, "wholesaler": 2, "regulator": 2,
       "sponsor": 2, "hie": 1}  # fmt: skip
"""The reference network of 48 organisations: seats per role."""

CENSUS_REGIONS = {
    "northeast": "CT ME MA NH RI VT NJ NY PA",
    "midwest": "IL IN MI OH WI IA KS MN MO NE ND SD",
    "south": "DE DC FL GA MD NC SC VA WV AL KY MS TN AR LA OK TX",
    "west": "AZ CO ID MT NV NM UT WY AK CA HI OR WA",
}
"""States by census region (US Census Bureau)."""

EARTH_RADIUS_KM = 6371.0088
FIBRE_KM_S = 200_000.0
"""Light in glass: about two thirds of its speed in a vacuum."""
_STATE_REGION = {state: region for region, states in CENSUS_REGIONS.items() for state in states.split()}


@part
class Regions:
    """Named regions with some seats each; all seats together form one random overlay."""

    seats: dict[str, Count]
    """Seats per region, such as {north = 10, south = 10, cloud = 5}; their names become north-0 and so on."""
    degree: Count | None = None
    """Neighbours of each seat; by default 8, or everybody where there are fewer."""
    matrix: FileName = ""
    """Base latency between regions: aws-2025, aws-2025-p90, aws-relab, aws-2019, azure-2024, simblock-2015, simblock-2019, or a
    CSV file of round trips in ms, row = from, column = to, looked for beside the scenario file, then in the working folder."""

    def build(self, dice: Dice) -> Topology:
        """The topology drawn from `dice`; without a matrix `base_ns` is None."""
        total = check_count(sum(self.seats.values()))
        names = [name for region, count in self.seats.items() if count for name in numbered(region, count)]
        regions = [region for region, count in self.seats.items() for _ in range(count)]
        places = {region: place for place, region in enumerate(self.seats)}
        base_ns = region_matrix(self.matrix, tuple(self.seats)) if self.matrix else None
        sites = np.array([places[region] for region in regions], np.int32)
        edges = _overlay(total, self.degree, dice)
        return linked(names, edges, path="seats", regions=regions, sites=sites, base_ns=base_ns)


@part
class Hospitals:
    """Healthcare organisations at the places of real US hospitals; delay follows the distance between them.

    Touches names, roles, regions (the four of the US census), coordinates and base latency: great-circle distance times
    `detour` at the speed of light in glass, plus `access`. Places: Synthea's hospital list (MITRE, Apache-2.0).
    """

    seats: Count | None = None
    """Number of seats, all of role hospital; leave out to use `roles`."""
    roles: dict[str, Count] | None = None
    """Seats per role; by default the reference network of 48 organisations."""
    states: tuple[str, ...] = ()
    """Only these states, such as ["MA", "NH"]; empty: all."""
    weighted: bool = True
    """Whether a place with twice the beds is drawn twice as readily."""
    degree: Count | None = None
    """Neighbours of each seat; by default 8, or everybody where there are fewer."""
    detour: float = 1.5
    """Length of the cable over the great-circle distance."""
    shared: bool = False
    """Whether several organisations may be at one place, which a network of more seats than places needs."""
    access: Duration = 2 * MS
    """Delay of the last miles at both ends together."""

    def check(self) -> None:
        """Seats are counted in one way; cables are no shorter than the way."""
        if self.seats is not None and self.roles is not None:
            raise ScenarioError("give seats or roles, not both", "seats")
        if not 1 <= self.detour <= 100:
            raise ScenarioError(f"a cable is 1 to 100 times as long as the way, not {self.detour:g} times", "detour")
        for state in self.states:
            if state not in _STATE_REGION:
                raise ScenarioError(f"no state {state!r}; there are {', '.join(sorted(_STATE_REGION))}", "states")

    def build(self, dice: Dice) -> Topology:
        """The topology drawn from `dice`: one site per seat."""
        plan = {"hospital": self.seats} if self.seats is not None else self.roles if self.roles is not None else R48
        key = "seats" if self.seats is not None else "roles"
        total = check_count(sum(plan.values()), key)
        rows = [row for row in hospital_rows() if row[0] in (self.states or _STATE_REGION)]
        if total > len(rows) and not self.shared:
            held = f"the list holds {len(rows):,}; shared = true puts several organisations at one place"
            raise ScenarioError(f"{total:,} seats want a place each but {held}", key)
        drawn = _drawn(rows, total, self.weighted, dice)
        chosen = [rows[drawn[seat % len(drawn)]] for seat in range(total)]
        latitude, longitude = (np.array([row[column] for row in chosen]) for column in (1, 2))
        return linked(
            [name for role, count in plan.items() if count for name in numbered(role, count)],
            _overlay(total, self.degree, dice),
            path=key,
            roles=[role for role, count in plan.items() for _ in range(count)],
            regions=[_STATE_REGION[row[0]] for row in chosen],
            sites=np.arange(total, dtype=np.int32),
            base_ns=distance_ns(latitude, longitude, self.detour, self.access),
            latitude=latitude,
            longitude=longitude,
        )


@lru_cache(maxsize=1)
def hospital_rows() -> tuple[tuple[str, float, float, int], ...]:
    """(state, latitude, longitude, beds) of every listed hospital in a state of the census regions."""
    rows = csv.DictReader(table_lines(Path(__file__).parent / "tables" / "us_hospitals_geo.csv", "states"))
    found = ((row["state"], float(row["lat"]), float(row["lon"]), int(row["beds"])) for row in rows)
    return tuple(row for row in found if row[0] in _STATE_REGION)


def distance_ns(latitude: NDArray[Any], longitude: NDArray[Any], detour: float, access_ns: int) -> NDArray[np.int64]:
    """One-way delay between all pairs of places in ns, int64[n, n]; 0 km still costs `access_ns`. Haversine formula."""
    phi, theta = np.radians(latitude), np.radians(longitude)
    half = np.sin((phi[:, None] - phi) / 2) ** 2
    half += np.cos(phi)[:, None] * np.cos(phi) * np.sin((theta[:, None] - theta) / 2) ** 2
    km = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    # whole microseconds: what two maths libraries disagree on lies far below
    delays_ns: NDArray[np.int64] = np.rint(km * (detour * 1e6 / FIBRE_KM_S)).astype(np.int64) * 1000 + access_ns
    return delays_ns


def _drawn(rows: list[tuple[str, float, float, int]], count: int, weighted: bool, dice: Dice) -> list[int]:
    """`count` distinct places in random order, with chance in proportion to beds if weighted (Efraimidis and Spirakis, 2006)."""
    luck = dice.stream("topology", "places", count=len(rows))
    beds = np.array([row[3] for row in rows], dtype=np.float64) if weighted else np.ones(len(rows))
    waits = np.round(-np.log1p(-luck) / beds, 15)
    order: list[int] = np.argsort(waits, kind="stable")[:count].tolist()
    return order


def _overlay(seats: int, degree: int | None, dice: Dice) -> NDArray[Any]:
    """Random regular links; without a degree 8 neighbours, or everybody where there are fewer."""
    if degree is None:
        return all_pairs(seats) if seats <= 9 else random_regular(seats, 8, dice)
    return random_regular(seats, degree, dice)
