"""An enemy that has no occasion for what it does is refused before the run, with the key and what to write instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import sim
from sim.adversary.insider import OCCASIONS, Insider
from sim.kernel.errors import ScenarioError
from sim.study.plugins import find, names
from sim.study.read import from_dict

HEALTH = Path(sim.__file__).parent / "health"
BENDS_MESSAGES = (
    "amnesia", "censor", "clone", "doctor", "equivocate", "favour", "late", "lazy-vote", "mutate", "replay", "twins", "withhold-votes",
)  # fmt: skip
SCENE: dict[str, Any] = {
    "duration": "1 s",
    "trace": "wire",
    "topology": {"kind": "ring", "seats": 6},
    "workload": [{"kind": "rumour", "count": 3, "every": "100 ms"}],
}
KEYS: dict[str, dict[str, Any]] = {"censor": {"victims": ["seat-0"]}, "selective": {"victims": ["seat-0"]}}


def played(enemy: dict[str, Any], **tables: Any) -> sim.Report:
    """A short run with one enemy at two of six seats."""
    seats = "hospital" if "topology" in tables else ["seat-1", "seat-4"]
    return sim.run(from_dict({**SCENE, "adversary": [{"seats": seats, **enemy}], **tables}), 1)


def refused(enemy: dict[str, Any], key: str, **tables: Any) -> str:
    """The sentence by which a scenario with such an enemy is refused."""
    with pytest.raises(ScenarioError) as told:
        played(enemy, **tables)
    assert told.value.path == f"adversary[0].{key}", told.value
    return told.value.sentence


@pytest.mark.parametrize("kind", BENDS_MESSAGES)
def test_where_no_node_speaks_none_can_lie(kind: str) -> None:
    """All that bends the messages of a protocol wants one."""
    assert "there is no consensus here: " in refused({"kind": kind, **KEYS.get(kind, {})}, "kind")


@pytest.mark.parametrize("kind", ["silent", "drop", "delay", "corrupt", "spam", "withhold", "selective"])
def test_what_bends_the_passing_on_of_bodies_needs_none(kind: str) -> None:
    """And it is felt on the wire."""
    plain, bent = (
        repr([column.tolist() for column in sim.run(from_dict({**SCENE, "adversary": enemies}), 1).evidence.trace.wire().values()])
        for enemies in ([], [{"kind": kind, "seats": ["seat-1", "seat-4"], **KEYS.get(kind, {})}])
    )
    assert plain != bent


def test_who_keeps_nothing_for_others_has_nothing_to_deny_them() -> None:
    for gossip in ("flood", "push", "turbine"):
        assert "nobody ever asks" in refused({"kind": "custody-liar"}, "kind", gossip={"kind": gossip})
    asking, denied = (played({"kind": kind}, gossip={"kind": "announce"}) for kind in ("delay", "custody-liar"))
    assert asking.evidence.counters != denied.evidence.counters


def test_records_are_altered_where_somebody_reads_them() -> None:
    hospitals = {"topology": {"kind": "hospitals"}, "consensus": {"kind": "raft"}}
    assert "nobody reads records" in refused({"kind": "tamper"}, "kind")
    assert "nobody reads records" in refused({"kind": "tamper"}, "kind", **hospitals, workload=[{"kind": "ehr", "reads": False}])
    played({"kind": "tamper"}, **hospitals, workload=[{"kind": "ehr"}])
    scheme = {"kind": "erasure", "pieces": 4, "enough": 2}
    played({"kind": "tamper"}, availability=scheme, workload=[{"kind": "archive"}])  # whoever takes a share checks it


def test_a_deed_wants_its_occasion() -> None:
    hospitals = {"topology": {"kind": "hospitals"}, "consensus": {"kind": "raft"}}
    for deed, workload in OCCASIONS.items():
        told = refused({"kind": "insider", "deed": deed}, "deed", **hospitals)
        assert f'write a [[workload]] of kind "{workload}"' in told
        played({"kind": "insider", "deed": deed}, **hospitals, workload=[{"kind": workload}])
    told = refused({"kind": "insider", "deed": "sell-twice"}, "deed", **hospitals, workload=[{"kind": "claims"}])
    assert told.endswith("or a deed that is possible here: bill-twice, pay-and-deny")


def test_what_workloads_say_they_are_open_to_is_what_they_ask_about() -> None:
    """Read in their source: who asks for a deed without saying so would have it refused, who says so in vain would hide a slip."""
    assert set(OCCASIONS) == set(get_args(get_type_hints(Insider)["deed"]))
    for kind in names("workload"):
        cls = find("workload", kind)
        file = f"{cls.__module__.rpartition('.')[2]}.py"
        source = "".join(place.read_text() for place in (HEALTH / file, HEALTH / "stories" / file) if place.exists())
        deeds = set(re.findall(r'commits\(\w+, "([a-z-]+)"\)', source))
        handed_out = re.search(r"courier\.fetch\(|[^\w]Reading\(|serve_alters\(", source)
        said = getattr(cls, "open_to", ())
        said = cls().open_to if isinstance(said, property) else said
        assert set(said) == deeds | ({"tamper"} if handed_out else set()), kind
