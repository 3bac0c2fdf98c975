"""Latency laws: means, medians and tails against closed forms, and the same bits compiled and interpreted."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.kernel.dice import Dice
from sim.kernel.errors import ScenarioError
from sim.kernel.jit import njit
from sim.net.empirical import Empirical
from sim.net.latency import MOST_FACTOR, MOST_NS, TABLE, Law, factor_table, law_table, sample_delay_ns, table_mean
from sim.net.laws import Constant, Exponential, Gamma, Lognormal, Normal, Pareto, Uniform
from sim.net.quantiles import gamma_inverse

MS = 1_000_000
DRAWS = 100_000

LAWS: list[Any] = [
    Constant(value="10 ms"), Uniform(low="1 ms", high="3 ms"), Normal(mean="250 ms", sd="50 ms"), Normal(mean="1 ms", sd="5 ms"),
    Lognormal(median="25 ms", sigma=0.4), Exponential(mean="1 s"), Gamma(mean="10 ms", shape=0.5), Gamma(mean="10 ms", shape=30.0),
    Pareto(mean="36 ms"), Pareto(mean="310 ms"), Empirical(values=("1 ms", "2 ms", "9 ms")),
    Empirical(quantiles=("1 ms", "2 ms", "9 ms")),
]  # fmt: skip


@njit
def many(base_ns: Any, table: Any, relative: Any, luck: Any, drawn: Any) -> None:
    """Draw once per word of luck."""
    for place in range(len(luck)):
        drawn[place] = sample_delay_ns(base_ns, table, relative, luck[place])


def draws(table: NDArray[np.int64], count: int = DRAWS, base_ns: int = 0, relative: int = 0) -> NDArray[np.int64]:
    """`count` delays in ns."""
    drawn = np.empty(count, np.int64)
    many(np.int64(base_ns), table, np.int64(relative), Dice(11).words("draws", count=count), drawn)
    return drawn


def assert_quantile(drawn: NDArray[np.int64], chance: float, expected_ns: float) -> None:
    """The share of draws up to `expected_ns` is `chance`, within 4 standard errors."""
    share = (drawn <= expected_ns).mean()
    assert abs(share - chance) <= 4 * math.sqrt(chance * (1 - chance) / len(drawn))


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_means_of_draws(law: Law) -> None:
    table = law_table(law)
    assert table.shape == (TABLE,) and table.dtype == np.int64
    assert table_mean(table) == pytest.approx(law.mean_ns(), rel=1e-4)
    drawn = draws(table)
    assert abs(drawn.mean() - law.mean_ns()) <= 4 * drawn.std() / math.sqrt(DRAWS) + 1
    assert law.is_constant == (len(set(drawn.tolist())) == 1)


@pytest.mark.parametrize(("mean_ms", "median", "p99", "cv"), [(36, 34.133, 58.768, 0.1634), (310, 308.429, 328.517, 0.0164), (9, 5.879, 51.662, None)])  # fmt: skip
def test_pareto_rows_of_simblock(mean_ms: int, median: float, p99: float, cv: float | None) -> None:
    """V1."""
    drawn = draws(law_table(Pareto(mean=mean_ms * MS)))
    assert_quantile(drawn, 0.5, median * MS)
    assert_quantile(drawn, 0.99, p99 * MS)
    if cv is not None:
        assert abs(drawn.mean() - mean_ms * MS) <= 4 * cv * mean_ms * MS / math.sqrt(DRAWS)
        assert drawn.std() / drawn.mean() == pytest.approx(cv, rel=0.05)


def test_quantiles_against_closed_forms() -> None:
    exponential = draws(law_table(Exponential(mean="1 s")))
    lognormal = draws(law_table(Lognormal(median="25 ms", sigma=0.4)))
    normal = draws(law_table(Normal(mean="250 ms", sd="50 ms")))
    for chance, z in ((0.0005, -3.290527), (0.05, -1.644854), (0.5, 0.0), (0.99, 2.326348), (0.9999, 3.719016)):
        assert_quantile(exponential, chance, -1e9 * math.log1p(-chance))
        assert_quantile(lognormal, chance, 25 * MS * math.exp(0.4 * z))
        assert_quantile(normal, chance, (250 + 50 * z) * MS)


def test_gamma_against_the_erlang_sum() -> None:
    """Whole shapes have the distribution function 1 - exp(-x) * sum x**k / k!; shape 1/2 has erf(sqrt x)."""
    below = np.array([2.0**-24, 1e-6, 0.001, 0.3, 0.5, 0.9, 0.999, 1 - 2.0**-20, 1 - 2.0**-26])
    for shape in (1, 3, 40):
        for chance, x in zip(below, gamma_inverse(float(shape), below, 1 - below), strict=True):
            tail = math.exp(-x) * sum(x**k / math.factorial(k) for k in range(shape))
            head = math.exp(-x) * sum(math.exp(k * math.log(x) - math.lgamma(k + 1)) for k in range(shape, shape + 200))
            assert head == pytest.approx(chance, rel=2e-6)
            assert tail == pytest.approx(1 - chance, rel=2e-6)
    for chance, x in zip(below, gamma_inverse(0.5, below, 1 - below), strict=True):
        assert math.erf(math.sqrt(x)) == pytest.approx(chance, rel=2e-6)


def test_truncated_normal_has_no_negative_delay() -> None:
    drawn = draws(law_table(Normal(mean="1 ms", sd="5 ms")))
    assert drawn.min() >= 0
    assert (drawn == 0).mean() < 0.001


def test_empirical_values_are_what_was_measured(tmp_path: Path) -> None:
    drawn = draws(law_table(Empirical(values=("1 ms", "2 ms", "9 ms"))))
    exact = np.isin(drawn, [MS, 2 * MS, 9 * MS]).mean()
    assert exact > 0.998
    (tmp_path / "d.txt").write_text("# measured\n1 ms\n2 ms\n\n9 ms\n")
    read = Empirical(path=str(tmp_path / "d.txt"))
    assert (law_table(read) == law_table(Empirical(values=("1 ms", "2 ms", "9 ms")))).all()


def test_jitter_multiplies_the_base() -> None:
    table = factor_table(Lognormal(sigma=0.2))
    assert table[2048] == 2**20
    drawn = draws(table, base_ns=80 * MS, relative=1)
    assert_quantile(drawn, 0.5, 80 * MS)
    assert drawn.mean() == pytest.approx(80 * MS * math.exp(0.02), rel=0.003)
    for jitter in (Exponential(), Gamma(shape=4.0), Pareto(shape=3.0), Uniform(low="1 ms", high="3 ms")):
        assert table_mean(factor_table(jitter)) == pytest.approx(2**20, rel=1e-4)


def test_base_is_added_where_the_law_is_absolute() -> None:
    assert (draws(law_table(Constant(value="5 ms")), 10, base_ns=7 * MS) == 12 * MS).all()
    assert (draws(factor_table(Constant(value="5 ms")), 10, base_ns=7_123_457, relative=1) == 7_123_457).all()


@pytest.mark.parametrize("luck", [0, 2**64 - 1, 2**52 - 1, 2**52, 0xFFF0_0000_0000_0000, 0xFFEF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_0000_0001])  # fmt: skip
@pytest.mark.parametrize(("base", "relative", "most"), [(3, 0, MOST_NS), (2**40, 1, MOST_FACTOR), (999_999_999_999, 1, 2**30)])
def test_extremes_against_exact_arithmetic(luck: int, base: int, relative: int, most: int) -> None:
    """The largest tables and bases do not overflow: compare with Python's unbounded integers."""
    body = np.sort(Dice(1).stream("extremes", count=TABLE) * most).astype(np.int64)
    body[0], body[-1] = 0, most
    slice_, rest = luck >> 52, luck & (2**52 - 1)
    place, fraction = slice_, rest >> 32
    if slice_ in (0, 4095):
        place, fraction = (rest >> 40) + (4097 if slice_ == 0 else 8194), (rest >> 20) & (2**20 - 1)
    start, rise = int(body[place]), int(body[place + 1]) - int(body[place])
    value = start + (rise * fraction >> 20)
    expected = (base * value >> 20) if relative else base + value
    drawn = np.empty(1, np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        many(np.int64(base), body, np.int64(relative), np.array([luck], np.uint64), drawn)
    assert int(drawn[0]) == expected


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_tables_are_quick_and_rise(law: Law) -> None:
    law_table(law)
    start = time.process_time()
    table = law_table(law).reshape(3, -1)
    assert time.process_time() - start < 0.05
    assert (np.diff(table, axis=1) >= 0).all() and table.min() >= 0
    assert table[0, 1] == pytest.approx(table[1, -1], rel=1e-6) and table[0, 4095] == pytest.approx(table[2, 0], rel=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Uniform(low="3 ms", high="1 ms"), "longer than"),
        (lambda: Pareto(mean="5 ms"), "above 5 ms"),
        (lambda: law_table(Pareto()), "not how long"),
        (lambda: Pareto().of_mean(5_000_000), "above 5 ms"),
        (lambda: Pareto(mean="5 ms", shape=1.0), "no usable shape"),
        (lambda: Gamma(mean="5 ms", shape=0.0), "no usable shape"),
        (lambda: Lognormal(median="5 ms", sigma=9.0), "millionfold"),
        (lambda: Lognormal(median="-5 ms"), "negative"),
        (lambda: Constant(value="40"), "unit is missing"),
        (lambda: Empirical(), "exactly one"),
        (lambda: Empirical(values=(1,), quantiles=(1, 2)), "exactly one"),
        (lambda: Empirical(quantiles=(2, 1)), "rising"),
        (lambda: Empirical(path="/nowhere/at/all"), "cannot be read"),
        (lambda: law_table(Lognormal(sigma=0.2)), "not how long"),
        (lambda: law_table(Constant(value="200 d")), "104 days"),
        (lambda: factor_table(Constant(value=0)), "all 0"),
    ],
)
def test_laws_that_cannot_be(make: Any, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        make()


def fingerprint() -> str:
    """A name for draws from every law, absolute and relative."""
    whole = hashlib.blake2b(digest_size=16)
    for law in LAWS:
        whole.update(draws(law_table(law), 300, base_ns=5 * MS).tobytes())
        whole.update(draws(factor_table(law), 300, base_ns=123_456_789, relative=1).tobytes())
    return whole.hexdigest()


@pytest.mark.parametrize("file", ["test_latency.py", "test_topology.py"])
def test_compiled_and_interpreted_agree(file: str) -> None:
    """Two processes, with and without machine code, under different hash seeds, print the same digests."""
    prints = []
    for disabled in ("0", "1"):
        surroundings = {**os.environ, "NUMBA_DISABLE_JIT": disabled, "PYTHONHASHSEED": disabled,
                        "PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONWARNINGS": "error::RuntimeWarning"}  # fmt: skip
        here = Path(__file__).parent / file
        done = subprocess.run(
            [sys.executable, str(here)], env=surroundings, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        prints.append(done.stdout)
    assert prints[0] == prints[1] != ""


if __name__ == "__main__":
    print(fingerprint())
