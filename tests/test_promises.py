"""The promises of the source article, each as a scene in which it is kept and one in which its breach is seen and counted.

Forks and cuts are played by `IslandWorld`: with `certain` a minority makes no blocks (quorums), otherwise every island does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from health_world import HALF, IslandWorld, S

from sim.cli import main
from sim.health.claims import Claims
from sim.health.consent import Consent
from sim.health.promises import PROMISES, Promise
from sim.health.supply import Supply
from sim.health.trials import Trials

SCENARIOS = Path(__file__).parent.parent / "scenarios"
CUT = 24  # a day in an hour


def cut_world(certain: bool, seconds: float = 150) -> IslandWorld:
    """A quarter of the seats is cut off from 20 s to 120 s; what they do in that time is for themselves."""
    world = IslandWorld(seconds, HALF, certain=certain)
    world.at(20 * S, world.cut, lambda seat: seat % 4 == 1)
    world.at(120 * S, world.heal)
    return world


def harms(outcome: dict[str, Any]) -> dict[str, Any]:
    return outcome["outcomes"]


# nothing wrong, nothing counted ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("certain", [True, False])
def test_without_faults_every_outcome_that_should_be_zero_is_zero(certain: bool) -> None:
    world = IslandWorld(120, certain=certain)
    consent, claims, supply, trials = map(
        harms,
        world.run(
            Consent(compression=CUT), Claims(compression=CUT, duplicates=0.3), Supply(compression=CUT), Trials(compression=CUT)
        ),
    )
    assert consent["stale_consent_reads"]["count"] == consent["stale_consent_reads"]["wrongly_refused"] == 0
    assert consent["stale_consent_reads"]["reads"] > 100
    assert claims["double_paid_claims"]["count"] == 0 and claims["double_paid_claims"]["paid"] > 100
    assert claims["double_paid_claims"]["submitted_twice"] > 10
    assert not any(claims["claim_chain_integrity"].values())
    goods = supply["counterfeit_or_double_transfer"]
    assert goods["counterfeit_units_accepted"] == goods["double_transferred_units"] == goods["sold_by_another"] == 0
    assert goods["units_received"] > 1000 and goods["genuine_blocked_per_million"] == 0
    assert trials["tamper_undetected"]["count"] == trials["tamper_undetected"]["versions_in_parallel"] == 0
    assert trials["allocation_conflict"]["slots_given_twice"] == 0
    for one in (consent, claims, supply, trials):
        assert one["clinical_reorg"]["count"] == 0


# the whole table: what fails where chains fork, and does not where a quorum decides ---------------------------------------


def test_under_forks_the_semantic_failures_appear_and_under_quorums_they_do_not() -> None:
    found = {}
    for certain in (False, True):
        world = cut_world(certain)
        world.deeds = {seat: ("sell-twice",) for seat, role in enumerate(world.roles) if role == "wholesaler"}
        parts = (
            Consent(compression=CUT, rates={"consent_revoke": 20}, insist=0.5, freshness="5 s"),
            Claims(
                compression=CUT, start_hour=16, duplicates=0.5, resent_after="20 s", rates={"claim_837_clinic": 4, "claim_837": 2}
            ),
            Supply(compression=CUT, transit="10 min", on_the_road="15 min", rates={"ship_order": 3, "receive_confirm": 3}),
            Trials(compression=CUT, trials=2, rates={"randomise_allocate": 200, "trial_consent": 200}),
        )
        consent, claims, supply, trials = map(harms, world.run(*parts))
        found[certain] = {
            "stale": consent["stale_consent_reads"]["because"]["told_final"],
            "paid twice": claims["double_paid_claims"]["count"],
            "transferred twice": supply["counterfeit_or_double_transfer"]["double_transferred_units"],
            "slots given twice": trials["allocation_conflict"]["slots_given_twice"],
            "taken back": consent["clinical_reorg"]["count"],
        }
    assert all(count > 0 for count in found[False].values()), found
    assert not any(found[True].values()), found


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 21, 22, 23, 24])
def test_on_the_ledgers_themselves_the_table_holds_at_any_seed(seed: int) -> None:
    """The same patients, bills and drugs over one partition: each failure on proof of work and on Clique, none under QBFT."""
    import sim

    file, found = SCENARIOS / "health" / "choosing-a-ledger.toml", {}
    for kind, keys in (("nakamoto", ["consensus.depth=1"]), ("clique", ["consensus.depth=1"]), ("qbft", [])):
        report = sim.run(sim.load(file, [f"consensus.kind={kind}", *keys]), seed=seed).to_dict()
        outcomes = {one["kind"]: one["outcomes"] for one in report["workload"]}
        found[kind] = {
            "stale": outcomes["consent"]["stale_consent_reads"]["because"]["told_final"],
            "paid twice": outcomes["claims"]["double_paid_claims"]["count"],
            "transferred twice": outcomes["supply"]["counterfeit_or_double_transfer"]["double_transferred_units"],
            "slots given twice": outcomes["trials"]["allocation_conflict"]["slots_given_twice"],
        }
    assert all(count > 0 for kind in ("nakamoto", "clique") for count in found[kind].values()), found
    assert not any(found["qbft"].values()), found


# every statement of the article, and where it is put to the test ---------------------------------------------------------


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_promise(promise: Promise) -> None:
    """Its scenario expects something of its metric, so that the run of the scenario is the test of the promise."""
    import sim

    scenario = sim.load(SCENARIOS / f"{promise.scenario}.toml")
    wanted = [one.path for one in scenario.expect]
    assert any(path == promise.metric or path.endswith(f".{promise.metric}") for path in wanted), wanted


PEOPLE_APART = """fault=[{kind = "partition", at = "15 s", lasts = "60 s", groups = [["hospital-00", "hospital-03", "hospital-06",
"hospital-09", "clinic-00", "clinic-03", "clinic-06", "clinic-09", "clinic-11", "lab-0", "payer-0", "payer-1", "pharmacy-0",
"pharmacy-1", "wholesaler-1"]]}]"""
ON_A_FORKING_CHAIN = ("consensus.kind=nakamoto", "consensus.depth=1")
HALF_LIE = """adversary=[{kind = "equivocate", seats = 24}]"""
BREACHES: dict[str, tuple[str, ...]] = {
    "shared-ledger": (HALF_LIE, "duration=30 s", "workload=[{kind='consent', compression=24}]", "expect={prefix-order=true}"),
    "no-single-authority": (HALF_LIE, "duration=40 s", "heal=30 s", "fault=[]"),
    "agreement-first": ("""fault=[{kind = "partition", at = "20 s", lasts = "30 s", groups = [["west", "south"]]}]""",),
    "immutable": ("consensus.kind=qbft",),  # the other way about: the scenario shows the breach, and here there is none
    "one-framework": ("""fault=[{kind = "crash", seats = "regulator", at = "60 s"}]""",),
    "patients-decide": ON_A_FORKING_CHAIN,
    "traceable": (*ON_A_FORKING_CHAIN, PEOPLE_APART),
    "no-counterfeits": (*ON_A_FORKING_CHAIN, PEOPLE_APART),
    "authentic-trials": ("""fault=[{kind = "crash", seats = "regulator", at = "15 s"}]""",),
    "contracts-pay-once": (*ON_A_FORKING_CHAIN, PEOPLE_APART, "workload.0.resent_after=4 s", "workload.0.duplicates=1"),
    "shared-when-needed": ("""adversary=[{kind = "tamper", seats = "hospital"}]""",),
    "sealed-content": ("""adversary=[{kind = "insider", deed = "leak-keys", seats = "hospital"}]""",),
    "credible": ("workload.0.rates={inclusion_proof_check = 0.1, audit_event = 0.1, audit_event_clinic = 0.1, provenance = 0.1}",),
}
"""For each promise what breaks it, as settings of its own scenario."""


@pytest.mark.slow
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_a_broken_promise_is_seen_in_its_metric(promise: Promise) -> None:
    """One by one: under attack its scenario fails, and says that it is this metric."""
    import sim

    report = sim.run(sim.load(SCENARIOS / f"{promise.scenario}.toml", BREACHES[promise.name]))
    told = [sentence.split(": ")[0] for sentence in report.failed_expectations]
    assert any(path == promise.metric or path.endswith(f".{promise.metric}") for path in told), report.failed_expectations


def test_the_list_of_promises_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "promises"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PROMISES) >= 13
    for line, promise in zip(lines, PROMISES, strict=True):
        assert promise.statement in line and promise.scenario in line and promise.metric in line


def test_a_breach_of_a_promise_fails_its_scenario() -> None:
    """The same cut on proof of work breaks the promise to patients, and the scenario says so."""
    import sim

    told = ["consensus.kind=nakamoto", "consensus.depth=0"]
    report = sim.run(sim.load(SCENARIOS / "health" / "revoking-consent-while-cut.toml", told))
    assert not report.ok()
    assert any("told_final" in sentence for sentence in report.failed_expectations), report.failed_expectations
