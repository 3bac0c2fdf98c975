"""Bad input gets one sentence with the key and what to write instead, exit status 2, no traceback, in under a second of CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli import main

GOOD = """
title = "t"
duration = "1 s"
[topology]
kind = "complete"
seats = 4
[consensus]
kind = "pbft"
"""

BAD = {
    "unknown key": (GOOD.replace('kind = "pbft"', 'kind = "pbft"\npatiance = "1 s"'), ["consensus.patiance", "patience"]),
    "unknown kind": (GOOD.replace('"pbft"', '"pbtf"'), ["consensus.kind", "did you mean 'pbft'"]),
    "unknown table": (GOOD + "\n[toplogy]\n", ["toplogy", "topology"]),
    "wrong unit": (GOOD.replace('"1 s"', '"1 parsec"'), ["duration", "ms"]),
    "no unit": (GOOD.replace('"1 s"', "1"), ["duration", "unit"]),
    "negative latency": (GOOD + '[link]\nlatency = {kind = "constant", value = "-1 ms"}', ["link.latency.value"]),
    "not a number": (GOOD + "[link]\nloss = nan", ["link.loss"]),
    "no nodes": (GOOD.replace("seats = 4", "seats = 0"), ["topology", "seats"]),
    "alone": (GOOD.replace("seats = 4", "seats = 1"), ["consensus.kind", "pbft", "fewer than 2 seats"]),
    "alone on a log": (
        GOOD.replace("seats = 4", "seats = 1").replace('"pbft"', '"raft"'),
        ["consensus.kind", "raft", "fewer than 2"],
    ),
    "huge": (GOOD.replace("seats = 4", "seats = 99999999999"), ["topology.seats"]),
    "too many liars": (GOOD + '[[adversary]]\nkind = "silent"\nseats = 9', ["adversary[0].seats", "only 4"]),
    "no such seat": (GOOD + '[[adversary]]\nkind = "silent"\nseats = ["seat-77"]', ["adversary[0]", "seat-77"]),
    "impossible degree": (
        GOOD.replace('"complete"', '"random-regular"').replace("seats = 4", "seats = 4\ndegree = 9"),
        ["topology.degree"],
    ),
    "missing graph": (GOOD.replace('"complete"', '"file"').replace("seats = 4", 'path = "nowhere.graphml"'), ["topology.path"]),
    "no effect": (GOOD + '[seat]\nverify = "1 ms"', ["seat.verify", "cores"]),
    "withheld inside": (GOOD + 'bodies = "attached"\n[[adversary]]\nkind = "withhold"', ["adversary[0]", "gossip"]),
    "partition of nobody": (GOOD + '[[fault]]\nkind = "partition"\ngroups = [["mars"]]', ["fault[0].groups[0]: ", "mars"]),
    "slower than time": (
        GOOD + '[link]\nlatency = {kind = "constant", value = "10 s"}\n[[fault]]\nkind = "slow"\nseats = 2\nfactor = 1000.0',
        ["fault[0].factor", "104 days", "smaller factor"],
    ),
    "slower than time, drawn": (
        GOOD + '[link]\nlatency = {kind = "uniform", low = "0 s", high = "4 h"}\n[[fault]]\nkind = "slow"\nfactor = 30.0',
        ["fault[0].factor", "104 days"],
    ),
    "constant beyond counting": (GOOD + '[link]\nlatency = {kind = "constant", value = "40000 d"}', ["link.latency", "104 days"]),
    "tail beyond counting": (GOOD + '[link]\nlatency = {kind = "exponential", mean = "90 d"}', ["link.latency", "104 days"]),
    "not TOML": ("title = = 1", ["not TOML", "line 1"]),
    "bad expectation": (GOOD + '[expect]\nagreement = "probably"', ["expect.agreement"]),
    "expected of no check": (GOOD + "[expect]\nagreemnt = true", ["expect.agreemnt", "did you mean 'agreement'"]),
    "fewer than no liars": (GOOD + '[[adversary]]\nkind = "silent"\nseats = -1', ["adversary[0].seats", "-1 seats"]),
    "endless key": (GOOD + "[expect]\n" + "a." * 50_000 + "a = 1", ["a key of a hundred words"]),
    "endless number": (GOOD.replace("seats = 4", "seats = " + "9" * 5000), ["too many digits"]),
    "expectation of nothing": (
        GOOD + "[expect]\nconsensus.decide = 1",
        ["expect.consensus.decide", "did you mean consensus.decided?"],
    ),
    "expectation, misspelt at the end": (
        GOOD + "[expect]\nfinality.p99 = '< 4'",
        ["expect.finality.p99", "did you mean consensus.finality_s.p99?"],
    ),
    "rumour of nobody": (
        GOOD + '[[workload]]\nkind = "rumour"\norigin = "seat-7"',
        ["workload[0].origin", "did you mean 'seat-"],
    ),
    "nothing": ("", ["duration", "missing"]),
    "law without its table": (GOOD + '[link]\nlatency = "40 ms"', ["link.latency", 'kind = "constant"']),
    "too many rumours": (GOOD + '[[workload]]\nkind = "rumour"\ncount = 99999999999', ["workload[0].count", "1,000,000"]),
    "rumour of nothing": (GOOD + '[[workload]]\nkind = "rumour"\nsize = "0 B"', ["workload[0].size", "0 bytes"]),
    "on two islands": (
        GOOD + '[[fault]]\nkind = "partition"\ngroups = [["seat-1"], ["seat-1", "seat-2"]]',
        ["fault[0].groups", "'seat-1' is in two groups"],
    ),
    "too many traitors": (GOOD + '[gossip]\nkind = "bracha"\nfaulty = 3', ["gossip.faulty", "at most 1"]),
    "stake of nobody": (GOOD + '[gossip]\nkind = "turbine"\nstake = { mars = 3 }', ["gossip.stake.mars", "mars"]),
    "a fault of no time": (GOOD + '[[fault]]\nkind = "crash"\nlasts = "0 s"', ["fault[0].lasts", "longer than nothing"]),
    "a lie of no time": (GOOD + '[[adversary]]\nkind = "silent"\nlasts = "0 s"', ["adversary[0].lasts", "longer than nothing"]),
    "late by nothing": (GOOD + '[[adversary]]\nkind = "late"\nby = "0 s"', ["adversary[0].by", "longer than nothing"]),
    "absurd cores": (GOOD + "[seat]\ncores = 100000000", ["seat.cores", "1024"]),
    "readers of nobody": (GOOD + '[[workload]]\nkind = "light-clients"\nhomes = "mars"', ["workload[0].homes", "mars"]),
    "absurdly many readers": (
        GOOD + '[[workload]]\nkind = "light-clients"\nclients = 1000000000',
        ["workload[0].clients", "100,000"],
    ),
    "slander of nobody": (
        GOOD + '[membership]\nkind = "swim"\n[[adversary]]\nkind = "slander"\nvictims = "mars"',
        ["adversary[0].victims", "mars"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_one_sentence_and_exit_2(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, wanted = BAD[name]
    path = tmp_path / "bad.toml"
    path.write_text(text)
    assert main(["run", str(path), "--quiet"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert "Traceback" not in output.err
    for part in wanted:
        assert part in output.err, output.err


def test_the_good_one_runs_and_prints_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    assert main(["run", str(path), "--quiet", "--json", "--set", 'consensus.block_interval="100 ms"']) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == [
        "medgossip", "run", "consensus", "gossip", "availability", "load", "workload", "recovery", "checks", "not_modelled",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["run", "no-such-file.toml"], "no-such-file.toml"),
        (["rnu"], "rnu"),
        (["run"], "scenario"),
        (["list", "gosip"], "did you mean 'gossip'"),
        (["explain", "consensus.pbtf"], "did you mean 'pbft'"),
        (["explain", "consensus"], "medgossip list consensus"),
        (["run", ".", "--quiet"], "folder"),
    ],
)
def test_wrong_requests(arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert part in error
    assert error.count("\n") == 1


def test_a_failed_expectation_is_exit_1(tmp_path: Path) -> None:
    path = tmp_path / "strict.toml"
    path.write_text(GOOD + '[expect]\n"consensus.decided" = "> 1e9"\n')
    assert main(["run", str(path), "--quiet", "--set", 'consensus.block_interval="100 ms"']) == 1


def test_manual_and_listing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert all(word in listed for word in ("qbft", "announce", "hospitals", "equivocate", "ehr"))
    assert main(["explain", "consensus.pbft"]) == 0
    entry = capsys.readouterr().out
    assert "patience" in entry
    assert main(["explain", "pbft"]) == 0 and capsys.readouterr().out == entry  # no other group has a part of this name
