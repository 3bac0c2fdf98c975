"""What the decorators of `sim/kernel/jit.py` do beyond Numba's own."""

from __future__ import annotations

import numpy as np
import pytest

from sim.kernel import jit

pytestmark = pytest.mark.skipif(not jit.COMPILED, reason="nothing is compiled in this process")


@pytest.mark.parametrize("decorated", [True, False])
def test_literals_and_narrow_columns_make_no_further_copies(decorated: bool) -> None:
    """A function that compiled code calls with a constant, an int32 and an int64 is compiled once; Numba alone makes three of it."""
    import numba

    def doubled(number: int) -> int:
        return 2 * number

    inner = numba.njit(doubled)
    if decorated:
        inner = jit._of_one_width(inner)

    @numba.njit  # type: ignore[untyped-decorator]
    def outer(narrow: np.ndarray, wide: np.ndarray) -> int:
        return inner(3) + inner(narrow[0]) + inner(wide[0])  # type: ignore[no-any-return]

    largest = np.iinfo(np.int32).max
    assert outer(np.array([largest], dtype=np.int32), np.array([5])) == 6 + 2 * largest + 10
    assert len(inner.signatures) == (1 if decorated else 3)
