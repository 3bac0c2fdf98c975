"""Every domain metric M1 to M22 is zero (or whole) in a scene where nothing is wrong and moves in one where its cause is put."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from health_world import HALF, IslandWorld, S

import sim
from sim.health.claims import Claims
from sim.health.consent import Consent
from sim.health.credentials import Credentials
from sim.health.imaging import Imaging
from sim.health.monitoring import Monitoring
from sim.health.outcomes.freshness import age_of_information
from sim.health.provenance import Provenance
from sim.health.public_health import PublicHealth
from sim.health.records import Vault
from sim.health.supply import Supply
from sim.health.trials import Trials

FAST: dict[str, Any] = {"compression": 24}


def seats(world: IslandWorld, role: str) -> list[int]:
    return [seat for seat, one in enumerate(world.roles) if one == role]


def apart(world: IslandWorld) -> None:
    """A quarter of the seats, for a minute and a half; with quorums they decide nothing in that time."""
    world.at(20 * S, world.cut, lambda seat: seat % 4 == 1)
    world.at(110 * S, world.heal)


def clinics_apart(world: IslandWorld) -> None:
    """All clinics are cut off for a minute and a half."""
    world.at(20 * S, world.cut, lambda seat: world.roles[seat] == "clinic")
    world.at(110 * S, world.heal)


def deed(role: str, what: str) -> Callable[[IslandWorld], None]:
    def does(world: IslandWorld) -> None:
        world.deeds = dict.fromkeys(seats(world, role), (what,))

    return does


def quiet(role: str) -> Callable[[IslandWorld], None]:
    def fall(world: IslandWorld) -> None:
        world.at(10 * S, world.silent.update, seats(world, role))

    return fall


def dark(role: str, until_s: int) -> Callable[[IslandWorld], None]:
    def fall(world: IslandWorld) -> None:
        world.at(10 * S, world.down.update, seats(world, role))
        world.at(until_s * S, world.down.clear)

    return fall


def lagging(seconds: float) -> Callable[[IslandWorld], None]:
    def lag(world: IslandWorld) -> None:
        world.lag_ns = [round(seconds * S) if seat % 3 == 0 else 50_000_000 for seat in range(len(world.roles))]

    return lag


def altering(world: IslandWorld) -> None:
    world.altering = set(range(0, len(world.roles), 2))


REVOKING = Consent(**FAST, rates={"consent_revoke": 40.0, "break_glass_access": 60.0}, insist=0.5, freshness="5 s")
CLAIMING = Claims(**FAST, start_hour=16, duplicates=0.5, resent_after="15 s")
HUB = Claims(**FAST, start_hour=16, through_hub=True)
SELLING = Supply(**FAST, transit="5 min", on_the_road="0 s", doubtful="20 min", rates={"ship_order": 6.0, "receive_confirm": 3.0})
RECALLING = Supply(**FAST, rates={"suspect_or_recall_notice": 30000.0, "dispense_decommission": 8.0})
TRACING = Supply(**FAST, transit="5 min", rates={"trace_request": 3000.0})
REPORTING = Trials(**FAST, rates={"sae_report": 3000.0}, start_hour=10)
ENROLLING = Trials(**FAST, trials=2, rates={"randomise_allocate": 1500.0, "trial_consent": 1500.0}, start_hour=10)
PUBLISHING = Trials(**FAST, rates={"protocol_or_amendment_anchor": 4000.0}, start_hour=10)
LOGGING = Provenance(**FAST, rates={"inclusion_proof_check": 60.0}, start_hour=10)
LICENSED = Credentials(**FAST, rates={"credential_revoke": 9000.0}, persist=0.3, start_hour=6, start_day="mon")
WATCHING = Monitoring(**FAST, start_hour=7)
STORING = Imaging(compression=240, scale=0.3, start_hour=9)  # soon wanted, so that what fails has failed by the end
WARNING = PublicHealth(**FAST, rates={"ecr_case_report": 100.0}, start_hour=9, cluster=5)

SCENES: list[tuple[str, Any, str, Callable[[IslandWorld], None], bool]] = [
    # metric, workload, what must move, what is done to the world, whether a minority makes no blocks
    ("M1", REVOKING, "stale_consent_reads.because.told_final", apart, False),
    ("M1", REVOKING, "stale_consent_reads.because.undecided", apart, True),
    ("M1", REVOKING, "stale_consent_reads.because.insider", deed("hospital", "ignore-revocation"), True),
    ("M1", REVOKING, "stale_consent_reads.wrongly_refused", apart, True),
    ("M2", REVOKING, "revocation_latency.until_every_node_s.max > 60", apart, True),
    ("M3", REVOKING, "emergency_read_unavailable.count", quiet("hospital"), True),
    ("M3", REVOKING, "emergency_read_unavailable.because.copies_altered", altering, True),
    ("M4", REVOKING, "audit_gap.count", apart, True),
    ("M4", LOGGING, "audit_gap.longest_s > 60", apart, True),
    ("M5", CLAIMING, "double_paid_claims.count", apart, False),
    ("M6", CLAIMING, "claim_chain_integrity.paid_out_of_order", apart, False),
    ("M7", CLAIMING, "payer_response_attainment.unanswered", quiet("payer"), True),
    ("M7", HUB, "payer_response_attainment.largest_backlog", dark("hie", 60), True),
    ("M8", SELLING, "counterfeit_or_double_transfer.double_transferred_units", lambda w: (apart(w), deed("wholesaler", "sell-twice")(w)), False),
    ("M8", SELLING, "counterfeit_or_double_transfer.genuine_blocked_per_million", apart, True),
    ("M9", RECALLING, "trace_and_recall.units_dispensed_after_recall", lagging(30), True),
    ("M9", TRACING, "trace_and_recall.traced_share < 1", quiet("wholesaler"), True),
    ("M10", REPORTING, "safety_report_deadline_miss.visible_after_s.max > 60", apart, True),
    ("M11", PUBLISHING, "tamper_undetected.detected", deed("sponsor", "alter-protocol"), True),
    ("M11", PUBLISHING, "tamper_undetected.count", lambda w: (deed("sponsor", "alter-protocol")(w), dark("regulator", 200)(w)), True),
    ("M11", LOGGING, "tamper_undetected.detected", deed("hospital", "rewrite-log"), True),
    ("M12", ENROLLING, "allocation_conflict.slots_given_twice", apart, False),
    ("M14", STORING, "payload_availability.unavailable", quiet("hospital"), True),
    ("M16", WARNING, "public_health_completeness.delay_s.max > 60", apart, True),
    ("M16", WARNING, "public_health_completeness.forged_advisories", deed("hospital", "forge-advisory"), True),
    ("M17", REVOKING, "metadata_exposure.triples", lambda world: None, True),
    ("M17", REVOKING, "metadata_exposure.contents_readable", deed("hospital", "leak-keys"), True),
    ("M18", REVOKING, "clinical_reorg.count", apart, False),
    ("M19", CLAIMING, "time_to_final.C3.nodes_100_s.max > 60", apart, True),
    ("M20", CLAIMING, "geographic_fairness > 3", apart, True),
    ("M21", WATCHING, "alarm_late_or_lost.count", clinics_apart, True),
    ("M21", WATCHING, "alarm_late_or_lost.replayed", deed("hospital", "replay-alarm"), True),
    ("M22", WATCHING, "age_of_information.peak_s > 60", clinics_apart, True),
]  # fmt: skip


def measured(outcome: dict[str, Any], path: str) -> tuple[Any, bool]:
    """The value at a path, and whether the scene's condition holds: above 0, or as the path says."""
    path, _, bound = path.partition(" ")
    value: Any = outcome["outcomes"]
    for key in path.split("."):
        value = value[key]
    if not bound:
        return value, value is not None and value > 0
    sign, limit = bound.split()
    return value, value is not None and (value > float(limit) if sign == ">" else value < float(limit))


CALM: dict[int, dict[str, Any]] = {}


def calm(part: Any) -> dict[str, Any]:
    """The outcome of a workload in a world where nothing is wrong; once for each."""
    if id(part) not in CALM:
        [CALM[id(part)]] = IslandWorld(130, HALF).run(part)
    return CALM[id(part)]


@pytest.mark.parametrize(
    ("metric", "part", "path", "trouble", "certain"), SCENES, ids=[f"{one[0]}-{one[2].split(' ')[0]}" for one in SCENES]
)
def test_the_metric_moves_with_its_cause_and_not_without(
    metric: str, part: Any, path: str, trouble: Callable[[IslandWorld], Any], certain: bool
) -> None:
    world = IslandWorld(130, HALF, certain=certain)
    trouble(world)
    [outcome] = world.run(part)
    value, moved = measured(outcome, path)
    assert moved, (metric, path, value)
    if not path.endswith(".triples"):
        assert not measured(calm(part), path)[1], (metric, path, measured(calm(part), path)[0])


def test_metadata_is_exposed_by_what_is_final_and_by_nothing_else() -> None:
    [outcome] = IslandWorld(240).run(
        Consent(**FAST, rates={"consent_grant": 0.0, "consent_revoke": 0.0, "break_glass_access": 0.0})
    )
    assert outcome["outcomes"]["metadata_exposure"]["triples"] == 0


def test_a_key_that_opens_more_than_one_record_makes_contents_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No insider is needed: keepers try the keys of their own patients on what they keep for others."""
    kept = calm(REVOKING)["outcomes"]["metadata_exposure"]
    assert kept["contents_kept"] > 50 and kept["contents_readable"] == 0
    monkeypatch.setattr(Vault, "key", lambda vault, record: bytes(32))
    [outcome] = IslandWorld(130, HALF).run(REVOKING)
    found = outcome["outcomes"]["metadata_exposure"]
    assert found["contents_kept"] == kept["contents_kept"] and found["contents_readable"] > 0.9 * found["contents_kept"]


def test_whoever_was_granted_access_is_no_stranger_to_a_leaked_key() -> None:
    """All are let in by every patient, so that keys handed out tell nobody anything."""
    world = IslandWorld(130, {"hospital": 3})
    deed("hospital", "leak-keys")(world)
    [outcome] = world.run(Consent(**FAST, rates={"break_glass_access": 60.0, "consent_revoke": 0.0}, patients=20, grants=60))
    found = outcome["outcomes"]["metadata_exposure"]
    assert found["contents_kept"] == found["contents_readable"] == 0
    assert outcome["outcomes"]["happened"]["break_glass_access"] > 20


def test_all_metrics_are_covered() -> None:
    assert {metric for metric, *_ in SCENES} | {"M13", "M15"} == {f"M{number}" for number in range(1, 23)}


IN_SHARES = """
duration = "40 s"
topology = { kind = "hospitals", roles = { hospital = 12 }, degree = 6 }
gossip = { kind = "announce" }
consensus = { kind = "qbft", patience = "4 s", block_interval = "1 s" }
availability = { kind = "erasure", pieces = 4, enough = 2, audit = "10 s", repair = { kind = "constant", value = "2 s" } }
workload = [{ kind = "imaging", compression = 240, start_hour = 9, size_scale = 0.004 }]
"""


def test_m14_and_m15_shares_that_holders_keep_to_themselves_are_found_and_rebuilt() -> None:
    liar = 'adversary = [{ kind = "custody-liar", seats = ["hospital-03"] }]'
    calm, troubled = (sim.run(sim.loads(text)).to_dict()["workload"][0]["outcomes"] for text in (IN_SHARES, IN_SHARES + liar))
    assert calm["payload_availability"]["withheld_shares_detected"] == 0
    assert calm["retrieval_and_repair_cost"]["repaired_per_lost_byte"] is None  # nothing was lost
    assert troubled["payload_availability"]["withheld_shares_detected"] > 10
    assert troubled["payload_availability"]["withheld_detected_s"]["max"] <= 10
    assert troubled["retrieval_and_repair_cost"]["repaired_per_lost_byte"] == pytest.approx(2, abs=0.1)  # two shares for each
    for outcome in (calm, troubled):
        assert outcome["payload_availability"]["rebuildable_share"] == 1.0
        assert outcome["retrieval_and_repair_cost"]["retrieval_s"]["n"] > 20


def test_m13_a_revoked_licence_is_used_where_the_news_does_not_come() -> None:
    """Revocations filed on one side of a cut that lasts are unknown on the other when their 15 minutes have passed."""
    used = {}
    for cut in (False, True):
        world = IslandWorld(1300, HALF)
        if cut:
            world.at(300 * S, world.cut, lambda seat: seat % 4 == 1)
        [outcome] = world.run(LICENSED)
        used[cut] = outcome["outcomes"]["revoked_credential_use"]
    assert used[False]["count"] == 0 and used[False]["revoked_turned_away"] > 0
    assert used[True]["count"] > 0
    assert used[True]["honest_blocked"] == 0


def test_the_last_honest_node_counts_and_not_the_median() -> None:
    world = IslandWorld(60, HALF)
    world.lag_ns[5] = 9 * S
    [outcome] = world.run(Consent(**FAST, rates={"consent_revoke": 60.0}))
    assert outcome["outcomes"]["revocation_latency"]["until_every_node_s"]["min"] > 9


def test_break_glass_and_alarms_never_wait_for_consensus() -> None:
    """Nobody makes a block at all: every C0 decision is still taken in time, while nothing that needs the ledger is."""
    world = IslandWorld(150, HALF)
    world.cut(lambda seat: seat % 2 == 1)  # no island has a quorum
    consent, monitoring = world.run(REVOKING, WATCHING)
    classes = consent["outcomes"]["classes"]
    assert classes["C0"]["judged"] > 20 and classes["C0"]["attained_share"] == 1.0
    assert classes["C2"]["attained_share"] == 0.0
    assert consent["final"] == 0
    assert monitoring["final"] == 0
    heard = next(row for row in monitoring["slo"] if row["name"].startswith("C0"))
    assert heard["attained_share"] > 0  # to clinics on the same island, though no receipt is final


@pytest.mark.parametrize(
    ("deeds", "part", "path"),
    [
        (("hospital", "replay-credential"), LICENSED, "revoked_credential_use.forged_accepted"),
        (("hospital", "replay-alarm"), WATCHING, "alarm_late_or_lost.replays_accepted"),
        (("hospital", "forge-advisory"), WARNING, "public_health_completeness.forged_advisories_accepted"),
        (("payer", "pay-and-deny"), CLAIMING, "claim_chain_integrity.contradictory_answers_accepted"),
        (("hospital", "bill-twice"), CLAIMING, "double_paid_claims.count"),
        (("wholesaler", "sell-twice"), SELLING, "counterfeit_or_double_transfer.double_transferred_units"),
    ],
)
def test_on_one_chain_the_contract_stops_the_deed(deeds: tuple[str, str], part: Any, path: str) -> None:
    world = IslandWorld(100, HALF)
    deed(*deeds)(world)
    [outcome] = world.run(part)
    assert measured(outcome, path)[0] == 0
    tried = {
        "replay-credential": ("revoked_credential_use", "forged"), "replay-alarm": ("alarm_late_or_lost", "replayed"),
        "forge-advisory": ("public_health_completeness", "forged_advisories"), "bill-twice": ("double_paid_claims", "submitted_twice"),
        "sell-twice": ("counterfeit_or_double_transfer", "counterfeit_units_offered"),
    }  # fmt: skip
    if deeds[1] in tried:
        section, key = tried[deeds[1]]
        assert outcome["outcomes"][section][key] > 0
    else:
        assert outcome["outcomes"]["refused"]["adjudication"] > 0


def test_age_of_information_by_hand() -> None:
    """Values made at 0 and 10 s arrive at 2 and 15 s: the age runs 2..15, then 5..25, until 35 s."""
    found = age_of_information({0: [(0, 2 * S), (10 * S, 15 * S)], 1: [(0, -1)]}, 35 * S)
    assert found["peak_s"] == 25 and found["readers_without_any"] == 1
    assert found["mean_s"] == pytest.approx((13 * 8.5 + 20 * 15) / 33)
