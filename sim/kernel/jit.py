"""Compile with Numba where it is there; run the very same functions interpreted where it is not.

Interpreted and compiled runs give the same bits: all arithmetic that could differ is written on explicit 64-bit integers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

JIT_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def _choose_cache_folder() -> None:
    """Let Numba cache beside the source, or in the user's cache folder where the package is read-only."""
    if "NUMBA_CACHE_DIR" in os.environ or os.access(Path(__file__).parent, os.W_OK):
        return
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(home) / "medgossip" / "numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / "medgossip-numba"
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


_choose_cache_folder()

try:
    import numba
except ImportError:
    COMPILED = False
else:
    COMPILED = not JIT_DISABLED


def njit(function: F) -> F:
    """Compile `function` on its first call and keep the machine code on disk; the function itself when interpreted."""
    if not COMPILED:
        return function
    compiled: F = numba.njit(cache=True, error_model="numpy", nogil=True)(function)
    return compiled


def inlined(function: F) -> F:
    """Like `njit`, for a few lines on the hottest path that should leave no call behind."""
    if not COMPILED:
        return function
    compiled: F = numba.njit(cache=True, error_model="numpy", nogil=True, inline="always")(function)
    return compiled


def is_cached(function: Any) -> bool:
    """Whether machine code for `function` is in memory or was left on disk by an earlier process."""
    if not COMPILED or getattr(function, "signatures", None):
        return True
    cache = getattr(function, "_cache", None)
    folder = getattr(cache, "cache_path", None)
    if not folder:
        return False
    name = function.py_func.__qualname__
    return any(Path(folder).glob(f"*.{name}-*.nbi"))


def how() -> str:
    """How the core runs in this process, for the report's small print."""
    if COMPILED:
        return "compiled"
    return "interpreted (NUMBA_DISABLE_JIT)" if JIT_DISABLED else "interpreted (Numba is not installed): slower, same bits"
