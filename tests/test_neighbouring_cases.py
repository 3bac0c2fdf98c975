"""Cases beside those of `medgossip validate`: the same mechanisms at other loads, sizes and shapes, each with a closed form of its own.

Exact where there is no chance, else within four standard errors. Waits and rounds of one run hang together: errors come from batches.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

import sim
from sim.availability.durability import Lives, binomial_below
from sim.study.read import from_dict
from sim.study.report import Report
from sim.study.validation.durability import stored
from sim.study.validation.sampled import fooled, kept_back
from sim.study.validation.theory import harmonic

MS = 1_000_000


def play(topology: dict[str, Any], rumours: list[dict[str, Any]], latency: str = "10 ms", seed: int = 1, **more: Any) -> Report:
    """Rumours over links of one constant latency."""
    tables: dict[str, Any] = {
        "duration": "60 s",
        "topology": topology,
        "gossip": {"kind": "flood"},
        "workload": [{"kind": "rumour", **rumour} for rumour in rumours],
        **more,
        "link": {"latency": {"kind": "constant", "value": latency}, **more.get("link", {})},
    }
    return sim.run(from_dict(tables), seed)


def delays_ms(report: Report) -> NDArray[np.float64]:
    """From publication to each seat, [rumours, seats]; -1 never."""
    rows = [np.where(one.arrival_ns < 0, -MS, one.arrival_ns - one.published_ns) for one in report.evidence.spreads]
    return np.array(rows) / MS


def agrees(values: ArrayLike, expected: float, batches: int = 40) -> bool:
    """Whether the mean of values that hang together in time lies within four standard errors of what is expected."""
    means = np.array([part.mean() for part in np.array_split(np.asarray(values, float), batches)])
    return bool(abs(means.mean() - expected) <= 4 * means.std(ddof=1) / math.sqrt(batches))


PAIR = {"kind": "line", "seats": 2}


def queued(load: float, service_ms: float, count: int, seat: dict[str, Any], **rumour: Any) -> NDArray[np.float64]:
    """Times of a Poisson stream from seat 0 to seat 1 that offers this load to something whose service takes so long, less 10 ms."""
    body = {"origin": "seat-0", "arrivals": "poisson", "count": count, "every": f"{service_ms / load:.6f} ms", **rumour}
    report = play(PAIR, [body], seat=seat, duration=f"{round(1.2 * count * service_ms / load / 1000)} s", seed=2)
    assert report.ok()
    return delays_ms(report)[:, 1] - 10


@pytest.mark.parametrize("load", [0.3, 0.7, 0.85])
def test_waits_for_an_uplink(load: float) -> None:
    """M/D/1 (Pollaczek and Khinchine): mean wait load * s / (2 (1 - load)); a share 1 - load does not wait at all."""
    waits = queued(load, 80, 20_000, {"up": "100 Mbit/s"}, size="1 MB") - 80
    assert agrees(waits, load * 80 / (2 * (1 - load)))
    assert agrees(waits < 1e-6, 1 - load)


@pytest.mark.parametrize("load", [0.4, 0.7])
def test_waits_with_exponential_sizes(load: float) -> None:
    """M/M/1: time in the system s / (1 - load) on average, and exponential: twice the mean is exceeded by exp(-2)."""
    times = queued(load, 80, 20_000, {"up": "100 Mbit/s"}, size="1 MB", sizes="exponential")
    assert agrees(times, 80 / (1 - load))
    assert agrees(times > 2 * 80 / (1 - load), math.exp(-2))


@pytest.mark.parametrize("sizes", ["equal", "exponential"])
@pytest.mark.parametrize("sharing", ["fair", "fair-up"])
def test_a_fairly_shared_line_does_not_care_how_sizes_vary(sizes: str, sharing: str) -> None:
    """M/G/1 with processor sharing: s / (1 - load) whatever the law of sizes (Kleinrock 1976, section 4.4)."""
    seat = {"up": "100 Mbit/s", "sharing": sharing, **({"down": "100 Mbit/s"} if sharing == "fair" else {})}
    assert agrees(queued(0.6, 80, 8_000, seat, size="1 MB", sizes=sizes), 80 / 0.4)


def test_waits_of_two_sizes() -> None:
    """M/G/1: the wait is that of the mean square of the service, for both kinds alike."""
    bodies = [
        {"origin": "seat-0", "arrivals": "poisson", "count": 5_000, "every": "400 ms", "size": "1 MB"},
        {"origin": "seat-0", "arrivals": "poisson", "count": 20_000, "every": "100 ms", "size": "250 kB"},
    ]
    report = play(PAIR, bodies, seat={"up": "100 Mbit/s"}, duration="3000 s", seed=3)
    spreads = sorted(report.evidence.spreads, key=lambda one: one.published_ns)
    end_ns = min(max(one.published_ns for one in spreads if one.size_bytes == size) for size in (1_000_000, 250_000))
    waits = [
        (one.arrival_ns[1] - one.published_ns) / MS - 10 - one.size_bytes * 8e-5 for one in spreads if one.published_ns <= end_ns
    ]
    assert agrees(waits, (80**2 / 400 + 20**2 / 100) / (2 * (1 - 0.4)))


@pytest.mark.parametrize(("cores", "load"), [(1, 0.6), (2, 0.8), (3, 0.7)])
def test_waits_for_a_core(cores: int, load: float) -> None:
    """Every arrival against the recursion of Kiefer and Wolfowitz (1955); on one core also the mean of M/D/1."""
    seat = {"cores": cores, "sign": "0 s", "verify": "20 ms", "hash_per_kib": "0 s"}
    body = {"origin": "seat-0", "arrivals": "poisson", "count": 8_000, "every": f"{20 / load / cores:.6f} ms"}
    report = play(PAIR, [body], seat=seat, duration="400 s")
    free_ns = [0] * cores
    waits = []
    for one in report.evidence.spreads:
        first = free_ns.index(min(free_ns))
        begun_ns = max(one.published_ns + 10 * MS, free_ns[first])
        free_ns[first] = begun_ns + 20 * MS
        waits.append((begun_ns - one.published_ns) / MS - 10)
        assert one.arrival_ns[1] == free_ns[first]
    assert cores > 1 or agrees(waits, load * 20 / (2 * (1 - load)))


@pytest.mark.parametrize(("up", "down"), [(20, 10), (10, 40), (8, 8), (30, 70)])
def test_a_chain_is_as_fast_as_its_slower_side(up: int, down: int) -> None:
    """A seat takes in while the other one sends: h hops of 1 MB take h (8 Mbit / min(up, down) + L)."""
    report = play({"kind": "line", "seats": 6}, [{"size": "1 MB", "origin": "seat-0"}], seat={"up": f"{up} Mbit/s", "down": f"{down} Mbit/s"})  # fmt: skip
    expected = [hop * (8000 / min(up, down) + 10) for hop in range(6)]
    assert delays_ms(report)[0] == pytest.approx(expected, abs=6e-6)


def test_losses_on_several_hops() -> None:
    """q per hop: (1 - q)^h arrive without retransmission; with it each hop costs q / (1 - q) timers on average."""
    line, body = {"kind": "line", "seats": 4}, [{"size": "1 kB", "count": 4000, "every": "10 ms", "origin": "seat-0"}]
    lossy = delays_ms(play(line, body, link={"loss": "20 %"}))
    again = delays_ms(play(line, body, link={"loss": "20 %", "retransmit": "300 ms"}))
    for hop in (1, 2, 3):
        assert agrees(lossy[:, hop] >= 0, 0.8**hop)
        assert agrees(again[:, hop], hop * (10 + 0.25 * 300))
    assert agrees(again[:, 3] < 31, 0.8**3)


@pytest.mark.parametrize(("at_ms", "arrives"), [(4_990, True), (4_990.001, True), (5_000, False), (14_999, False), (15_000, True)])
def test_a_cut_counts_from_the_instant_to_the_instant(at_ms: float, arrives: bool) -> None:
    """What has set out before the cut arrives; what sets out as it is mended does too."""
    cut = {"kind": "partition", "groups": [["seat-1"]], "at": "5 s", "lasts": "10 s"}
    body = {"origin": "seat-0", "first": f"{round(at_ms * 1000)} us"}
    assert (delays_ms(play(PAIR, [body], fault=[cut]))[0, 1] >= 0) == arrives


def test_slow_seats_slow_their_links_for_as_long_as_they_are_slow() -> None:
    """Factor 5 at one seat: both of its links; between two slow seats 25."""
    slow = {"kind": "slow", "seats": ["seat-2", "seat-3"], "factor": 5, "at": "5 s", "lasts": "10 s"}
    found = delays_ms(play({"kind": "line", "seats": 5}, [{"count": 3, "every": "10 s", "origin": "seat-0"}], fault=[slow]))
    assert found.tolist() == [[0, 10, 20, 30, 40], [0, 10, 60, 310, 360], [0, 10, 20, 30, 40]]


SHAPES = {
    "ring": {"seats": 17},
    "grid": {"rows": 5, "columns": 7},
    "star": {"seats": 9},
    "complete": {"seats": 9},
    "line": {"seats": 8},
}


@pytest.mark.parametrize("kind", SHAPES)
def test_a_flood_covers_a_shape_in_its_eccentricity(kind: str) -> None:
    """And sends 2 E - (n - 1) bodies."""
    import networkx

    topology = {"kind": kind, **SHAPES[kind]}
    report = play(topology, [{"count": 5}])
    graph = sim.graph(from_dict({"duration": "1 s", "topology": topology}), 1)
    names = report.evidence.names
    for row, spread in zip(delays_ms(report), report.evidence.spreads, strict=True):
        assert row.max() == 10 * networkx.eccentricity(graph, names[spread.publisher])
    assert report.to_dict()["gossip"]["messages"] == 5 * (2 * graph.number_of_edges() - (len(names) - 1))


def test_small_worlds_and_near_neighbours() -> None:
    """Watts and Strogatz: clustering 3 (k - 2) / (4 (k - 1)) without shortcuts, about (1 - p)^3 of it with them; edges n k / 2."""
    import networkx

    def graph(probability: str, seed: int) -> Any:
        topology = {"kind": "small-world", "seats": 400, "degree": 6, "probability": probability}
        return sim.graph(from_dict({"duration": "1 s", "topology": topology}), seed)

    assert networkx.average_clustering(graph("0 %", 1)) == pytest.approx(0.6)
    drawn = [graph("10 %", seed) for seed in range(1, 7)]
    assert {one.number_of_edges() for one in drawn} == {1200}
    assert np.mean([networkx.average_clustering(one) for one in drawn]) == pytest.approx(0.6 * 0.9**3, rel=0.05)


def rounds_of_push(n: int) -> float:
    """Mean rounds until all of n know, each that knows telling one random other a round: the exact chain."""
    left = np.zeros(n + 1)
    for known in range(n - 1, 0, -1):
        more = np.zeros(n - known + 1)
        more[0] = 1
        for _ in range(known):
            hit = (n - known - np.arange(n - known + 1)) / (n - 1)
            more = more * (1 - hit) + np.concatenate(([0], (more * hit)[:-1]))
        left[known] = (1 + sum(more[new] * left[known + new] for new in range(1, n - known + 1))) / (1 - more[0])
    return float(left[1])


def rounds_of_pull(n: int) -> float:
    """The same where each that does not know asks one random other a round."""
    left = np.zeros(n + 1)
    for known in range(n - 1, 0, -1):
        lack, chance = n - known, known / (n - 1)
        more = [math.comb(lack, new) * chance**new * (1 - chance) ** (lack - new) for new in range(lack + 1)]
        left[known] = (1 + sum(more[new] * left[known + new] for new in range(1, lack + 1))) / (1 - more[0])
    return float(left[1])


@pytest.mark.parametrize("n", [20, 60])
def test_rounds_of_push_and_pull(n: int) -> None:
    """At common rounds; log2 n + ln n and log2 n + log2 ln n are the asymptotes."""
    push = {"kind": "push-forever", "fanout": 1, "rounds": 60, "period": "1 s", "clock": "common"}
    pull = {"kind": "pull", "fanout": 1, "period": "1 s", "clock": "common", "keep": "90 s"}
    for gossip, expected in ((push, rounds_of_push(n)), (pull, rounds_of_pull(n))):
        rounds: list[float] = []
        for seed in range(1, 5):
            body = {"count": 25, "every": "100 s", "first": "500 ms"}
            found = delays_ms(play({"kind": "complete", "seats": n}, [body], "1 ms", seed, gossip=gossip, duration="2500 s"))
            assert (found >= 0).all()
            rounds += ((found.max(axis=1) + 500) // 1000).tolist()
        assert agrees(rounds, expected, 25)


@pytest.mark.parametrize("n", [25, 60])
def test_a_flood_with_exponential_delays(n: int) -> None:
    """Janson 1999 at other sizes: H(n-1) / (n-1) to a given seat, 2 H(n-1) / n to all."""
    found = [
        delays_ms(
            play(
                {"kind": "complete", "seats": n},
                [{"count": 20, "every": "20 s"}],
                seed=seed,
                duration="400 s",
                link={"latency": {"kind": "exponential", "mean": "1 s"}},
            )
        )
        for seed in range(1, 13)
    ]
    times = np.concatenate(found) / 1000
    assert agrees(times.max(axis=1), 2 * harmonic(n - 1) / n)
    assert agrees(times.sum(axis=1) / (n - 1), harmonic(n - 1) / (n - 1))


def test_silent_relays_lower_the_fanout_of_push() -> None:
    """A share b of the seats passes nothing on: the others reach x = 1 - exp(-k (1 - b) x) (section 2.3 of the menu's sources)."""
    drop = [{"kind": "drop", "seats": "40 %"}]
    tables = {"gossip": {"kind": "push", "fanout": 5}, "adversary": drop}
    shares = [
        (delays_ms(play({"kind": "complete", "seats": 1000}, [{"count": 20}], seed=seed, **tables)) >= 0).mean(axis=1)
        for seed in (1, 2, 3)
    ]
    reached = 1.0
    for _ in range(200):
        reached = 1 - math.exp(-5 * 0.6 * reached)
    assert agrees([share for share in np.concatenate(shares) if share > 0.1], reached, 20)


@pytest.mark.parametrize("n", [4, 7, 13])
def test_messages_of_reliable_broadcast(n: int) -> None:
    """Bracha: n - 1 bodies sent, n (n - 1) echoed, as many READYs, 3 delays. AVID: the same with shares of 1 / (n - 2f)."""
    complete, body = {"kind": "complete", "seats": n}, [{"size": "9 kB"}]
    for kind in ("bracha", "avid"):
        report = play(complete, body, gossip={"kind": kind})
        packets = report.evidence.by_packet
        assert packets["body"][0] == (n - 1) + n * (n - 1) and packets["control"][0] == n * (n - 1)
        found = delays_ms(report)[0]
        assert sorted(set(found.tolist())) == [0, 30]
        if kind == "avid":
            share = -(-9000 // (n - 2 * ((n - 1) // 3))) + 32 * (1 + (n - 1).bit_length())
            assert packets["body"][1] == share * packets["body"][0]


@pytest.mark.parametrize(("n", "fanout"), [(21, 4), (100, 10), (122, 11)])
def test_depth_of_a_turbine_tree(n: int, fanout: int) -> None:
    """The leader hands each shred to a root; layers of fanout, fanout^2 ...; every seat gets every shred once."""
    report = play({"kind": "complete", "seats": n}, [{"size": "64 kB", "count": 3}], gossip={"kind": "turbine", "fanout": fanout})
    depth, layer, covered = 1, 1, 1
    while covered < n - 1:
        layer, depth = layer * fanout, depth + 1
        covered += layer
    assert delays_ms(report).max() == 10 * depth
    assert report.to_dict()["gossip"]["messages"] == 3 * 64 * (n - 1)


def test_a_tree_of_plumtree_after_its_first_flood() -> None:
    """Other shape, other degree: n (r - 1) + 1 bodies the first time, then n - 1, and 2 (E - (n - 1)) announcements."""
    n, degree, count = 120, 6, 12
    body = {"count": count, "every": "2 s", "first": "5 s", "origin": "seat-000"}
    report = play(
        {"kind": "random-regular", "seats": n, "degree": degree}, [body], gossip={"kind": "plumtree", "membership": "links"}
    )
    assert report.evidence.by_packet["body"][0] == n * (degree - 1) + 1 + (count - 1) * (n - 1)


def test_delegates_cover_everybody_once() -> None:
    """Kadcast with one delegate a bucket: n - 1 copies and nobody twice; with three more than once, and sooner."""
    complete = {"kind": "complete", "seats": 100}
    one, three = (play(complete, [{"count": 10}], gossip={"kind": "kadcast", "delegates": delegates}) for delegates in (1, 3))
    assert one.to_dict()["gossip"]["messages"] == 10 * 99 and one.to_dict()["gossip"]["redundancy"] == 1
    assert (delays_ms(one) >= 0).all() and (delays_ms(three) >= 0).all()
    assert delays_ms(three).max() < delays_ms(one).max()


def test_three_delays_a_hop_to_be_asked() -> None:
    """Announced, requested, sent: 3 L a hop, one body a seat, and 48 bytes each for the two others."""
    report = play({"kind": "line", "seats": 6}, [{"size": "10 kB", "origin": "seat-0"}], gossip={"kind": "announce"})
    assert delays_ms(report)[0].tolist() == [0, 30, 60, 90, 120, 150]
    assert {name: tuple(pair) for name, pair in report.evidence.by_packet.items() if pair[0]} == {
        "body": (5, 50_000),
        "announce": (5, 240),
        "request": (5, 240),
    }


def test_seats_that_come_and_go_miss_their_share() -> None:
    """Up for 60 s of every 80 on average: three quarters of what one hop brings."""
    churn = {"kind": "churn", "seats": [f"seat-{number:02d}" for number in range(1, 60)], "stay": "60 s", "absence": "20 s"}
    body = {"origin": "seat-00", "count": 400, "every": "5 s"}
    found = delays_ms(play({"kind": "complete", "seats": 60}, [body], "1 ms", fault=[churn], duration="2010 s"))[:, 1:] >= 0
    assert agrees(found.mean(axis=0), 0.75, 59)


# data that can be had -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dimensions", "side", "samples", "pattern"),
    [(1, 4, 1, "minimal"), (1, 256, 2, "minimal"), (1, 40, 2, "diagonal"), (1, 250, 1, "random"), (2, 4, 5, "minimal"), (2, 20, 2, "diagonal"),
     (2, 48, 6, "minimal"), (2, 8, 2, "sequential")],
)  # fmt: skip
def test_samplers_are_fooled_by_any_pattern_as_often_as_by_any_other_of_its_size(
    dimensions: int, side: int, samples: int, pattern: str
) -> None:
    """C(N - U, s) / C(N, s), whatever U shares are kept back, as long as nothing can be rebuilt of the rest."""
    half, nodes, blocks = side // 2, 400, 3
    share = {"random": 0.9, "sequential": 0.7}.get(pattern)
    tables = kept_back({"kind": "sampling", "dimensions": dimensions, "side": side, "samples": samples, "servers": "server", "turns": 0},
                       {"server": 2, "light": nodes}, blocks)  # fmt: skip
    tables["adversary"][0] |= {"pattern": pattern} | ({} if share is None else {"share": share})
    count = side**dimensions
    withheld = {"minimal": (half + 1) ** dimensions, "diagonal": (half + 1) * (side if dimensions == 2 else 1)}
    expected = fooled(count, count - (withheld[pattern] if share is None else round(share * count)), samples)
    found = sim.run(from_dict(dict(tables))).to_dict()["availability"]["sampling"]["false_accept"]
    assert abs(found - expected) <= 4 * math.sqrt(expected * (1 - expected) / (nodes * blocks))


@pytest.mark.parametrize(("pieces", "enough", "stay_s", "absence_s"), [(6, 4, 60, 20), (5, 5, 200, 20), (9, 3, 20, 40)])
def test_holders_that_come_and_go(pieces: int, enough: int, stay_s: int, absence_s: int) -> None:
    """P(Bin(n, p) < k) of the time an object cannot be had, p = stay / (stay + absence), as the report itself reckons."""
    tables = stored(pieces, enough, 1, {"duration": "2000 s", "link": {"latency": {"kind": "constant", "value": "1 ms"}}})
    tables = {**tables, "topology": {**tables["topology"], "seats": {"shelf": pieces, "writer": 1}}}
    churn = {"kind": "churn", "seats": "shelf", "stay": f"{stay_s} s", "absence": f"{absence_s} s", "at": "1 s"}
    runs = [sim.run(from_dict({**tables, "fault": [churn]}), seed).to_dict()["availability"]["objects"] for seed in range(1, 13)]
    shares = np.array([one["unreadable_share"] for one in runs])
    reckoned = {one["reckoned"]["unreadable_share"] for one in runs}
    assert max(reckoned) - min(reckoned) < 1e-6
    p = stay_s / (stay_s + absence_s)
    assert max(reckoned) == pytest.approx(binomial_below(pieces, p, enough), rel=0.1), "all were there in the first seconds"
    assert abs(shares.mean() - max(reckoned)) <= 4 * shares.std(ddof=1) / math.sqrt(len(shares))


@pytest.mark.parametrize(("pieces", "enough", "repair", "lives"), [(4, 2, 2.5, 3.0), (5, 2, 0.0, 0.5), (12, 6, 1.0, 1.5)])
def test_the_share_lost_by_a_given_age(pieces: int, enough: int, repair: float, lives: float) -> None:
    """The chain at an age, with repairs and without, before all are lost; another rate of repair is told from it."""
    law = {"repair": {"kind": "exponential", "mean": f"{1000 / repair} s"}} if repair else {}
    more = {"duration": f"{1000 * lives} s", "availability": law, "fault": [{"kind": "disk-loss", "life": "1000 s"}]}
    found = sim.run(from_dict(stored(pieces, enough, 400, more))).to_dict()["availability"]["objects"]
    expected = found["reckoned"]["lost_share"]
    error = math.sqrt(expected * (1 - expected) / 400)
    assert abs(found["lost_share"] - expected) <= 4 * error
    assert abs(found["lost_share"] - Lives(pieces, enough, 1e-3, 1e-3 * (3 * repair + 10)).lost_by([1000 * lives])[0]) > 2 * error
